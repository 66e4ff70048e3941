// What is stored with a model about how it was made. Every likelihood goes with the protocol it was measured under.

import type { Backend } from './backend.js';
import { trainingBinarisation } from './binarisation.js';
import type { ImageSet } from './data.js';
import { describeRecipe } from './recipe.js';
import type { TrainResult } from './trainer.js';

/** Nats an image and bits a dimension of a mean loss in nats a value. */
export function likelihood(lossPerValue: number, dimensions: number): { natsPerImage: number; bitsPerDim: number } {
  return { natsPerImage: lossPerValue * dimensions, bitsPerDim: lossPerValue / Math.LN2 };
}

/** The training record, as the file format stores it: strings by name. */
export function trainingRecord(
  data: ImageSet,
  backend: Backend,
  { history, seed, recipe, net, trainImages, validationImages }: TrainResult,
): Record<string, string> {
  const record: Record<string, string> = {
    'training.data': data.source,
    'training.dataSha256': data.sha256,
    'training.split': `${data.split}: the first ${trainImages} train, the last ${validationImages} validate`,
    'training.binarisation': trainingBinarisation(data),
    'training.epochs': String(history.length),
    'training.batchSize': String(recipe.batchSize),
    'training.optimizer': describeRecipe(recipe),
    'training.seed': String(seed),
    'training.backend': backend.name,
    'training.backendVersion': backend.version,
    'training.device': backend.device,
    'training.tf32': String(backend.tf32),
    // Without times, so that the same run gives the same file.
    'training.log': history
      .map(({ epoch, loss, valLoss }) => `epoch ${epoch}: loss ${loss.toFixed(6)}, val_loss ${valLoss.toFixed(6)}`)
      .join('\n'),
  };
  const last = history.at(-1);
  if (last !== undefined && !Number.isNaN(last.valLoss)) {
    const { height, width, channels } = net.config;
    const { natsPerImage, bitsPerDim } = likelihood(last.valLoss, height * width * channels);
    record['training.loss'] = last.loss.toFixed(6);
    record['training.valLoss'] = last.valLoss.toFixed(6);
    record['training.valNatsPerImage'] = natsPerImage.toFixed(3);
    record['training.valBitsPerDim'] = bitsPerDim.toFixed(5);
  }
  return record;
}
