/** The table of a net's layers. */

import type { Description, Layer } from '../config.js';
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
  return [
    boxTable(['Layer (type)', 'Output shape', 'Parameters', 'Can be non-zero'], rows),
    `Parameters: ${thousands(parameters)} (${bytes(4 * parameters)}), of which ${thousands(nonZeroParameters)} ` +
      `(${bytes(4 * nonZeroParameters)}) can be other than 0: masks hold the rest at 0`,
  ].join('\n');
}

function kindOf(members: readonly Layer[]): string {
  const kernels = members.flatMap(({ inputs }) =>
    inputs.map(({ kernelSize, mask }) => {
      const size = `${kernelSize}x${kernelSize}`;
      return mask === null || kernelSize === 1 ? size : `${size} mask ${mask}`;
    }),
  );
  const kind = members.some((layer) => layer.residual !== null) ? 'residual block' : 'conv';
  return `${kind} ${kernels.join(', ')}`;
}
