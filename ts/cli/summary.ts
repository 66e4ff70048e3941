/** The table of a net's layers. */

import type { Description, Layer, LayerInput } from '../config.js';
import { boxTable, bytes, thousands } from './format.js';

/** What the table reads of a description. */
export type Summarised = Pick<Description, 'config' | 'layers' | 'parameters' | 'nonZeroParameters'>;

/** The table, then the totals. `batch` is what the first axis of each shape is called. */
export function summary(
  { config, layers, parameters, nonZeroParameters }: Summarised,
  batch: number | 'n' = 'n',
): string {
  const shape = (channels: number) => `(${batch}, ${config.height}, ${config.width}, ${channels})`;
  const rows = [['pixels (input)', shape(config.channels), '0', '0']];
  const { levels, embedding = 0 } = config;
  if (embedding > 0) {
    const size = thousands(levels * embedding);
    rows.push([`embedding (of ${levels} kinds)`, shape(embedding), size, size]);
  }
  for (const group of new Set(layers.map((layer) => layer.group))) {
    const members = layers.filter((layer) => layer.group === group);
    const sum = (of: (layer: Layer) => number) => thousands(members.reduce((total, layer) => total + of(layer), 0));
    rows.push([
      `${group} (${kindOf(members)})`,
      shape(members.at(-1)!.outChannels),
      sum((layer) => layer.parameters),
      sum((layer) => layer.nonZeroParameters),
    ]);
  }
  const masked =
    parameters === nonZeroParameters
      ? ''
      : `, of which ${thousands(nonZeroParameters)} (${bytes(4 * nonZeroParameters)}) can be other than 0: masks hold the rest at 0`;
  return [
    boxTable(['Layer (type)', 'Output shape', 'Parameters', 'Can be non-zero'], rows),
    `Parameters: ${thousands(parameters)} (${bytes(4 * parameters)})${masked}`,
  ].join('\n');
}

function kindOf(members: readonly Layer[]): string {
  const kernels = members.flatMap(({ inputs }) => inputs.map(kernelInWords));
  const isGated = members.some(({ cell }) => cell === 'gate' || cell === 'hardGate');
  const kind = members.some((layer) => layer.residual !== null) ? 'residual block' : 'conv';
  return `${isGated ? 'gated ' : ''}${kind} ${counted(kernels).join(', ')}`;
}

/** Equal words that follow each other as one: `12 of 1x1`. */
function counted(words: readonly string[]): string[] {
  const runs: [word: string, times: number][] = [];
  for (const word of words) {
    const last = runs.at(-1);
    if (last?.[0] === word) last[1]++;
    else runs.push([word, 1]);
  }
  return runs.map(([word, times]) => (times > 2 ? `${times} of ${word}` : Array(times).fill(word).join(', ')));
}

/** `7x7 mask A` where a square kernel is held back, which A does from the pixel itself on; else the kernel's own sides. */
function kernelInWords({ shape: [rows, columns], taps }: LayerInput): string {
  const size = `${rows}x${columns}`;
  if (taps.length === rows * columns) return size;
  return `${size} mask ${taps.some(([dy, dx]) => dy === 0 && dx === 0) ? 'B' : 'A'}`;
}
