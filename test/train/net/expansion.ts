// Nets that the core does not expand yet, written out by hand.

import type { CellName, Config, Description, Layer, LayerInput, TensorInfo } from '../../../ts/config.js';

type Tap = readonly [number, number];

/** A description as far as training reads it: layers, tensors and the config. */
export function expand(config: Config): Description {
  const { filters: c, blocks, firstKernel, blockKernel, headLayers, levels, dilations = [1] } = config;
  const { input = 'ordinal', embedding = 0, classes = 0, lean = 0 } = config;
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
    const sums = outChannels;
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
  const point = (source: string) => ({
    source,
    taps: [[0, 0] as const],
    places: [0],
    sides: [1, 1] as [number, number],
  });
  const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);
  /** A square kernel up to the pixel, or up to the one before it. */
  const masked = (side: number, own: boolean, step = 1, shear = 0) => {
    const half = side >> 1;
    const all = range(-half, 0).flatMap((dy) => range(-half, half).map((dx): Tap => [dy, dx]));
    const kept = all.filter(([dy, dx]) => dy < 0 || dx < 0 || (own && dx === 0));
    return {
      taps: kept.map(([dy, dx]): Tap => [dy * step, (dx + shear * -dy) * step]),
      places: kept.map(([dy, dx]) => (dy + half) * side + dx + half),
      sides: [side, side] as [number, number],
    };
  };
  const step = (block: number) => dilations[block % dilations.length]!;
  const cell = (config.activation ?? 'relu') as CellName;
  let last = add('stem', cell, c, [{ source: 'pixels', ...masked(firstKernel, false) }], { isOfClass: true });
  for (let n = 0; n < blocks; n++) {
    const inside = add(`blocks.${n}.in`, cell, c, [point(last)]);
    const kernel = masked(blockKernel, true, step(n), lean);
    const conv = add(`blocks.${n}.conv`, cell, c / 2, [{ source: inside, ...kernel }], { isOfClass: true });
    last = add(`blocks.${n}.out`, cell, c, [point(conv)], { residual: last });
  }
  for (let n = 0; n < headLayers; n++) {
    last = add(`heads.${n}`, 'relu', channelsOf(last), [point(last)]);
  }
  add('logits', 'linear', levels === 2 ? 1 : levels, [point(last)]);
  return { config, layers, tensors } as unknown as Description;
}
