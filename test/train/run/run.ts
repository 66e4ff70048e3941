import { openBackend } from '../../../ts/train/tensorflow/backend.js';
import { type TrainEvent, type TrainOptions, train } from '../../../ts/train/train.js';
import { blobs, smallConfig } from '../support.js';

export const backend = await openBackend('wasm');
export const data = blobs(50, smallConfig);
const { height: _height, width: _width, ...small } = smallConfig;
export const net = small;

/** 45 images train in 3 steps, the last one smaller; micro-batches of 8 do not divide them. */
export const plain: TrainOptions = {
  ...{ data, backend, config: net, epochs: 2, batchSize: 20, learningRate: 0.01, seed: 3 },
};

/** Everything that a recipe can have. */
export const rich = { warmupSteps: 2, schedule: 'cosine', clipNorm: 0.5, emaDecay: 0.9 } as const;

/** Runs `plain`, changed as asked, to its end. */
export async function collect(changes: TrainOptions = {}): Promise<TrainEvent[]> {
  const events: TrainEvent[] = [];
  for await (const event of train({ ...plain, ...changes })) events.push(event);
  return events;
}

/** The events of one type. */
export function only<T extends TrainEvent['type']>(events: TrainEvent[], type: T): Extract<TrainEvent, { type: T }>[] {
  return events.filter((event): event is Extract<TrainEvent, { type: T }> => event.type === type);
}
