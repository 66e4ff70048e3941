/** Reads what the core's `describe` says before it speaks of cells, starts and places. To be deleted when it does. */

import type { Config, Description, Layer, LayerInput } from './config.js';

interface OldInput {
  readonly source: string;
  readonly kernel: string;
  readonly kernelSize: number;
  readonly channels: number;
  readonly taps: LayerInput['taps'];
}

interface OldLayer extends Omit<Layer, 'inputs' | 'cell'> {
  readonly inputs: readonly (OldInput | LayerInput)[];
  readonly activation?: 'relu' | 'none';
  readonly cell?: Layer['cell'];
}

export function readDescription(json: string): Description {
  const told = JSON.parse(json) as Omit<Description, 'layers'> & { readonly layers: readonly OldLayer[] };
  const layers = told.layers.map((layer): Layer => {
    if (layer.cell !== undefined) return layer as Layer;
    const { activation, inputs, ...rest } = layer;
    return {
      ...rest,
      inputs: (inputs as readonly OldInput[]).map(({ source, kernel, kernelSize: side, channels, taps }) => ({
        ...{ source, kernel, taps },
        shape: [side, side, channels, layer.outChannels],
        places: taps.map(([dy, dx]) => (dy + (side >> 1)) * side + dx + (side >> 1)),
      })),
      ...{ start: null, class: null, sums: layer.outChannels, cell: activation === 'relu' ? 'relu' : 'linear' },
    };
  });
  const tensors = told.tensors.map((tensor) => {
    const role = tensor.name.endsWith('.kernel') ? 'kernel' : tensor.name.endsWith('.bias') ? 'bias' : 'shift';
    return { ...tensor, role: tensor.role ?? role } as const;
  });
  return { ...told, config: told.config as Config, layers, tensors };
}
