// The lines that a run prints, in the words of Keras with verbose=2.

import type { EpochRecord } from '../run/checkpoint.js';

export const epochTitle = (epoch: number, epochs: number): string => `Epoch ${epoch}/${epochs}`;

/** `493/493 - 26s - 53ms/step - loss: 0.1137 - val_loss: 0.0933` */
export function epochLine({ steps, seconds, loss, valLoss }: EpochRecord): string {
  const fields = [
    `${steps}/${steps}`,
    `${Math.round(seconds)}s`,
    `${Math.round((seconds * 1000) / steps)}ms/step`,
    `loss: ${loss.toFixed(4)}`,
  ];
  if (!Number.isNaN(valLoss)) fields.push(`val_loss: ${valLoss.toFixed(4)}`);
  return fields.join(' - ');
}
