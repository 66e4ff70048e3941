// What is stored with a model about how it was made. Every likelihood goes with the protocol it was measured under.

import { checkObject, lookedAt, show } from '../../arguments.js';
import { PixelCnnError } from '../../error.js';
import { trainingBinarisation } from '../data/binarisation.js';
import { type ImageSet, splitImages } from '../data/image_set.js';
import { publishedSets } from '../data/published.js';
import { mapNames, ruleNames } from '../data/rule.js';
import type { Core } from '../net/core.js';
import { type Compared, readEvaluation } from '../score/compare.js';
import { likelihood, type Protocol, protocolOf, type TrainingOrigin } from '../score/protocol.js';
import type { Beginning } from './beginning.js';
import { type BackendRecord, type DataRecord, type EpochRecord, type RunRecord, updatesOf } from './checkpoint.js';
import type { TrainResult } from './event.js';
import { describeRecipe } from './recipe.js';
import type { Ancestor } from './starting_model.js';

/** All that a record says of the images that a run is given. */
export function describeData(data: ImageSet, validationSplit: number): DataRecord {
  const { count, source, split, sha256, origin, labelsSha256, classNames, alphabet } = data;
  return {
    ...{ count, source, split, sha256 },
    ...(labelsSha256 !== undefined && { labelsSha256 }),
    ...(classNames !== undefined && { classNames }),
    ...(alphabet !== undefined && { alphabet }),
    binarisation: trainingBinarisation(data),
    ...(origin !== undefined && { origin: { ...origin, validationSplit } }),
    validation: protocolOf(splitImages(data, validationSplit).validation),
  };
}

/** All that a checkpoint keeps of a run's options. */
export function describeRun({ options, plan, from }: Pick<Beginning, 'options' | 'plan' | 'from'>): RunRecord {
  const { patience, checkpointEvery, keepCheckpoints, note } = options;
  const { validationSplit } = plan;
  const { name, version, device, gpu, tf32, deterministic } = options.backend;
  return {
    data: describeData(options.data, validationSplit),
    backend: { name, version, device, ...(gpu !== undefined && { gpu }), tf32, deterministic },
    validationSplit,
    ...(from !== undefined && { from }),
    ...(patience !== undefined && { patience }),
    ...(checkpointEvery !== undefined && { checkpointEvery }),
    ...(keepCheckpoints !== undefined && { keepCheckpoints }),
    ...(note !== undefined && { note }),
  };
}

/** The epoch at whose end these very weights were validated; undefined where they were not. */
export function validated({ history, epoch, updates }: TrainResult): EpochRecord | undefined {
  const last = history[epoch - 1];
  return last === undefined || Number.isNaN(last.valLoss) || updates > updatesOf(history, epoch) ? undefined : last;
}

/** The training record, as the file format stores it: strings by name. */
export function trainingRecord(data: DataRecord, backend: BackendRecord, result: TrainResult): Record<string, string> {
  const { history, epoch, updates, seed, recipe, net, from, trainImages, validationImages } = result;
  const record: Record<string, string> = {
    'training.data': data.source,
    'training.dataSha256': data.sha256,
    'training.split': `${data.split}: the first ${trainImages} train, the last ${validationImages} validate`,
    'training.binarisation': data.binarisation,
    'training.epochs': String(epoch),
    'training.updates': String(updates),
    'training.batchSize': String(recipe.batchSize),
    'training.optimizer': describeRecipe(recipe),
    'training.seed': String(seed),
    ...(from !== undefined && { 'training.from': `a model with sha256 ${from.sha256}${trainedOn(from)}` }),
    'training.backend': backend.name,
    'training.backendVersion': backend.version,
    'training.device': backend.device,
    ...(backend.gpu !== undefined && {
      'training.gpu': `${backend.gpu.name}, compute capability ${backend.gpu.capability.toFixed(1)}`,
    }),
    'training.tf32': String(backend.tf32),
    ...(backend.deterministic && { 'training.deterministic': 'true' }),
    // Without times, so that the same run gives the same file.
    'training.log': history
      .map(({ epoch, loss, valLoss }) => `epoch ${epoch}: loss ${loss.toFixed(6)}, val_loss ${valLoss.toFixed(6)}`)
      .join('\n'),
  };
  if (epoch < history.length) {
    record['training.ended'] = `after ${history.length} epochs, with the weights of the best one, epoch ${epoch}`;
  }
  const since = updates - updatesOf(history, epoch);
  if (since > 0) record['training.ended'] = `after ${since} updates of epoch ${epoch + 1}, which were not validated`;
  const last = validated(result);
  const ofClasses = (net.config.classes ?? 0) > 0;
  if (last !== undefined) {
    const { height, width, channels } = net.config;
    const { natsPerImage, bitsPerDim } = likelihood(last.valLoss, height * width * channels);
    if (ofClasses) record['training.likelihood'] = 'of each image given its class';
    record['training.loss'] = last.loss.toFixed(6);
    record['training.valLoss'] = last.valLoss.toFixed(6);
    record['training.valNatsPerImage'] = natsPerImage.toFixed(3);
    record['training.valBitsPerDim'] = bitsPerDim.toFixed(5);
    const protocol: Protocol = { ...data.validation, ...(ofClasses && { given: 'class' }) };
    const compared: Compared = { images: validationImages, natsPerImage, bitsPerDim, protocol };
    record[validationKey] = JSON.stringify(compared);
  }
  if (data.origin !== undefined) record[originKey] = JSON.stringify(data.origin);
  return record;
}

function trainedOn({ data, dataSha256 }: Ancestor): string {
  if (data === undefined) return '';
  return `, trained on ${data}${dataSha256 === undefined ? '' : ` (sha256 ${dataSha256})`}`;
}

/** The parts of the record that are for programs: what the words beside them say, as JSON. */
const originKey = 'training.origin';
const validationKey = 'training.validation';

/** What else tells how they are had again. */
const originNames = ['limit', ...ruleNames, ...mapNames] as readonly string[];

/**
 * Where a model's training images came from; undefined where its record does not say.
 *
 * @throws PixelCnnError `INVALID_DATA` where the record is none that this package writes.
 */
export function readTrainingOrigin(metadata: Readonly<Record<string, string>>): TrainingOrigin | undefined {
  const text = metadata[originKey];
  if (text === undefined) return undefined;
  const { data, split, validationSplit, ...options } = parse(originKey, text);
  const origin = {
    // Never a path: a model file must not name what is read here.
    ...(typeof data === 'string' && Object.hasOwn(publishedSets, data) && { data }),
    ...{ split, validationSplit },
    ...Object.fromEntries(Object.entries(options).filter(([name]) => originNames.includes(name))),
  };
  return origin as TrainingOrigin; // loadData and splitImages check each of them
}

/**
 * The likelihood of the validation images at the end of a model's training; undefined where its record does not say.
 *
 * @throws PixelCnnError `INVALID_DATA` where the record is none that this package writes.
 */
export function readValidation(metadata: Readonly<Record<string, string>>): Compared | undefined {
  checkObject('metadata', metadata);
  const text = lookedAt('metadata', () => metadata[validationKey]);
  return text === undefined ? undefined : readEvaluation(parse(validationKey, text), validationKey);
}

function parse(key: string, text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch {
    // told below
  }
  throw new PixelCnnError('INVALID_DATA', `${key}: expected a JSON object, got ${show(text)}`);
}

/** The bytes of a model file with its training record. */
export function modelFile(core: Core, data: DataRecord, backend: BackendRecord, result: TrainResult): Uint8Array {
  const { classNames, alphabet } = data;
  const ofClasses = (result.net.config.classes ?? 0) > 0;
  const metadata = {
    ...(ofClasses && classNames !== undefined && { classNames: JSON.stringify(classNames) }),
    ...(alphabet !== undefined && { alphabet: JSON.stringify(alphabet) }),
    ...trainingRecord(data, backend, result),
  };
  return core.writeModel(result.net.config, metadata, result.weights);
}
