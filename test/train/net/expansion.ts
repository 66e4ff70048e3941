// The gated net, which the core does not expand yet, written out by hand.

import type { CellName, Config, Description, Layer, LayerInput, TensorInfo } from '../../../ts/config.js';

type Tap = readonly [number, number];

/** A description as far as training reads it: layers, tensors and the config. */
export function gatedNet(config: Config): Description {
  const { filters: c, blocks, firstKernel, blockKernel, headLayers, levels, dilations = [1] } = config;
  const { input = 'ordinal', embedding = 0, classes = 0 } = config;
  const layers: Layer[] = [];
  const tensors: TensorInfo[] = [];
  const pixelChannels = input === 'ordinal' ? 1 : embedding || levels;
  if (embedding > 0)
    tensors.push({ name: 'embedding', role: 'embedding', shape: [levels, embedding], fanIn: 0, fanOut: 0 });
  const channelsOf = (name: string) =>
    name === 'pixels' ? pixelChannels : layers.find((layer) => layer.name === name)!.outChannels;
  const add = (
    name: string,
    cell: CellName,
    outChannels: number,
    inputs: readonly (Pick<LayerInput, 'source' | 'taps' | 'places'> & { kernel?: string; sides: [number, number] })[],
    more: { start?: string; residual?: string; isOfClass?: boolean } = {},
  ): string => {
    const sums = cell.toLowerCase().includes('gate') ? 2 * outChannels : outChannels;
    const hasBias = more.start === undefined;
    const ofClass = more.isOfClass === true && classes > 0;
    const made = inputs.map(({ source, taps, places, kernel = `${name}.kernel`, sides }): LayerInput => {
      const shape = [...sides, channelsOf(source), sums] as const;
      const [rows, columns, channels] = shape;
      const [fanIn, fanOut] = [rows * columns * channels, rows * columns * sums];
      tensors.push({ name: kernel, role: 'kernel', shape, fanIn, fanOut });
      return { source, kernel, shape, taps, places };
    });
    if (hasBias) tensors.push({ name: `${name}.bias`, role: 'bias', shape: [sums], fanIn: 0, fanOut: 0 });
    if (ofClass) tensors.push({ name: `${name}.class`, role: 'class', shape: [classes, sums], fanIn: 0, fanOut: 0 });
    layers.push({
      ...{ name, group: name, inputs: made, start: more.start ?? null, residual: more.residual ?? null },
      bias: hasBias ? `${name}.bias` : null,
      class: ofClass ? `${name}.class` : null,
      ...{ sums, outChannels, cell, parameters: 0, nonZeroParameters: 0, macs: 0 },
    });
    return name;
  };
  const box = (dys: number[], dxs: number[], step: number) => ({
    taps: dys.flatMap((dy) => dxs.map((dx): Tap => [dy * step, dx * step])),
    places: Array.from({ length: dys.length * dxs.length }, (_, place) => place),
    sides: [dys.length, dxs.length] as [number, number],
  });
  const point = (source: string, kernel?: string) => ({ source, ...box([0], [0], 1), ...(kernel && { kernel }) });
  const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);
  const step = (block: number) => dilations[block % dilations.length]!;
  const gate: CellName = config.activation === 'relu' ? 'hardGate' : 'gate';
  const [h1, h] = [firstKernel >> 1, blockKernel >> 1];
  for (let n = 0; n <= blocks; n++) {
    const d = n === 0 ? 1 : step(n - 1);
    const v = n === 0 ? box(range(-h1, -1), range(-h1, h1), 1) : box(range(-h, 0), range(-h, h), d);
    add(`v.${n}.conv`, 'linear', 2 * c, [{ source: n === 0 ? 'pixels' : `v.${n - 1}.gate`, ...v }], {
      isOfClass: true,
    });
    const residual = n > 0 ? { residual: `v.${n - 1}.gate` } : {};
    if (n < blocks) add(`v.${n}.gate`, gate, c, [], { start: `v.${n}.conv`, ...residual });
    const own = n === 0 ? box([0], range(-h1, -1), 1) : box([0], range(-h, 0), d);
    add(
      `h.${n}.conv`,
      gate,
      c,
      [{ source: n === 0 ? 'pixels' : `h.${n - 1}.out`, ...own }, point(`v.${n}.conv`, `h.${n}.vertical.kernel`)],
      { isOfClass: true },
    );
    const before = n > 0 ? { residual: `h.${n - 1}.out` } : {};
    if (n < blocks) add(`h.${n}.out`, 'linear', c, [point(`h.${n}.conv`)], before);
  }
  const skips = range(0, blocks).map((n) => point(`h.${n}.conv`, `skip.${n}.kernel`));
  let last = add('skip', 'relu', 2 * c, skips);
  for (let n = 0; n < headLayers; n++) {
    last = add(`heads.${n}`, 'relu', channelsOf(last), [point(last)]);
  }
  add('logits', 'linear', levels === 2 ? 1 : levels, [point(last)]);
  return { config, layers, tensors } as unknown as Description;
}
