/** What a model's card says that the file itself tells: files, data, recipe, curve, command. */

import { type Config, completeConfig, type Description } from '../ts/config.js';
import { ownParts, referenceValidationSplit } from '../ts/train/data/image_set.js';
import { configNames, netNames, nets, referenceConfig } from '../ts/train/net/reference.js';
import { describeRecipe, presetNames, presets } from '../ts/train/run/recipe.js';
import { readTrainingOrigin } from '../ts/train/run/record.js';
import type { TrainingOrigin } from '../ts/train/score/protocol.js';
import type { PackagedModel } from './model_list.js';

type Metadata = Readonly<Record<string, string>>;
/** What no record of a training says. */
type Trained = Pick<PackagedModel, 'data' | 'before'>;

/** What the images decide, and what is made of a trained model only; classes have a flag of their own. */
const notAsked = new Set(['architecture', 'height', 'width', 'channels', 'levels', 'input', 'classes', 'precision']);

const flagOf = (name: string): string => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

/** The flags of `npm run train` that ask for a net: the name of one like it, and what is not as that has it. */
export function netFlags(config: Config): string[] {
  const full = completeConfig(config);
  const ways = netNames.flatMap((name) => {
    const net = nets[name];
    if (net.architecture !== config.architecture) return [];
    const usual = completeConfig({ ...referenceConfig, ...net });
    const names = [...new Set([...(Object.keys(net) as typeof configNames), ...configNames])];
    const others = names.filter((of) => !notAsked.has(of) && String(full[of]) !== String(usual[of]));
    const flags = others.map((of) => `${flagOf(of)} ${[full[of]].flat().join(',')}`);
    return [[...(name === 'reference' ? [] : [`--net ${name}`]), ...flags]];
  });
  return ways.reduce((least, way) => (way.length < least.length ? way : least));
}

/** The recipe with a name that a record's is, at whatever rate; none where it has other parts. */
function presetOf(metadata: Metadata) {
  const optimizer = metadata['training.optimizer'] ?? '';
  const learningRate = Number(/learning rate ([^,]+)/.exec(optimizer)?.[1]);
  const name = presetNames.find(
    (one) =>
      describeRecipe({ ...presets[one], learningRate }) === optimizer &&
      Number(metadata['training.batchSize']) === presets[one].batchSize,
  );
  return name === undefined ? undefined : { name, learningRate };
}

/**
 * The command that trains a model like this one.
 *
 * @param data What `--data` is, where the record names no published set.
 * @param from The model file that its training went on from.
 */
export function trainCommand(config: Config, metadata: Metadata, data?: string, from?: string): string {
  const of = (name: string): string | undefined => metadata[`training.${name}`];
  const origin: Partial<TrainingOrigin> = readTrainingOrigin(metadata) ?? {};
  const { data: known, split, validationSplit, limit, alphabet: _found, ...rule } = origin;
  const source = known ?? data;
  // Validation images that come with the data are no part of it that anyone asks for.
  const hasOwn = of('split')?.startsWith(ownParts) ?? false;
  const preset = presetOf(metadata);
  const { epochs, learningRate } = presets[preset?.name ?? 'reference'];
  const ofData = Object.entries(rule).flatMap(([name, value]) => {
    // Of static MNIST and of codes, what was found to be so; of maps nominal is what they are.
    if (known === 'static-mnist' && name === 'binarisation') return [];
    if (value === true) return metadata.alphabet === undefined ? [flagOf(name)] : [];
    if (name === 'levels' && rule.nominal) return [];
    return [`${flagOf(name)} ${[value].flat().join('x')}`];
  });
  return [
    'npm run train --',
    ...(from === undefined ? [] : [`--from ${from}`]),
    ...(source === undefined || source === 'mnist' ? [] : [`--data ${source}`]),
    ...(split === 'standard' && known !== undefined ? ['--split standard'] : []),
    ...(limit === undefined ? [] : [`--limit ${limit}`]),
    ...(hasOwn || validationSplit === undefined || validationSplit === referenceValidationSplit
      ? []
      : [`--validation-split ${validationSplit}`]),
    ...ofData,
    ...(config.classes === undefined ? [] : ['--classes']),
    ...(from === undefined ? netFlags(config) : []),
    ...(preset === undefined || preset.name === 'reference' ? [] : [`--preset ${preset.name}`]),
    ...(of('epochs') === String(epochs) ? [] : [`--epochs ${of('epochs')}`]),
    ...(preset === undefined || preset.learningRate === learningRate ? [] : [`--learning-rate ${preset.learningRate}`]),
    `--seed ${of('seed')}`,
  ].join(' ');
}

/** Losses after each epoch, as the file's record has them. */
export function curveOf(metadata: Metadata): { readonly loss: string; readonly valLoss: string }[] {
  const log = metadata['training.log'] ?? '';
  return [...log.matchAll(/^epoch \d+: loss ([\d.]+), val_loss ([\d.]+)$/gm)].map(([, loss, valLoss]) => ({
    loss: loss!,
    valLoss: valLoss!,
  }));
}

/** The commands that train a model like this one; where its training went on from another's, those of both. */
function trainCommands(config: Config, metadata: Metadata, { data, before }: Trained): string[] {
  if (metadata['training.from'] === undefined) return [trainCommand(config, metadata, data)];
  if (before === undefined) return [trainCommand(config, metadata, data, 'MODEL')];
  return [`${before} --out runs/before`, trainCommand(config, metadata, data, 'runs/before/model.safetensors')];
}

/** What the net and the record of a model say, as a part of its card. */
export function cardFacts({ config, ...net }: Description, metadata: Metadata, trained: Trained): string {
  const of = (name: string): string => metadata[`training.${name}`] ?? 'not recorded';
  const count = (value: number): string => value.toLocaleString('en-US');
  const rows: [string, string][] = [
    ['parameters', `${count(net.parameters)}, of which ${count(net.nonZeroParameters)} can be other than 0`],
    ['multiply-adds', `${count(net.macsPerPixel)} a pixel with kept activations`],
    ['data', `${of('data')} (sha256 of what trains and validates: \`${of('dataSha256')}\`)`],
    ['levels', of('binarisation')],
    ['split', of('split')],
    [
      'recipe',
      `${of('epochs')} ${of('epochs') === '1' ? 'epoch' : 'epochs'} of batch ${of('batchSize')}: ${of('optimizer')}; seed ${of('seed')}`,
    ],
    ...(metadata['training.from'] === undefined ? [] : ([['began with', of('from')]] satisfies [string, string][])),
    [
      '**val_loss**',
      `**${of('valLoss')}** nats a pixel = ${of('valNatsPerImage')} nats an image = ${of('valBitsPerDim')} bits/dim` +
        (config.classes === undefined ? '' : ', of each image given its class'),
    ],
    ['trained with', `${of('backend')} ${of('backendVersion')} on the ${of('device').toUpperCase()}`],
  ];
  const curve = curveOf(metadata).map(({ loss, valLoss }, epoch) => `| ${epoch + 1} | ${loss} | ${valLoss} |`);
  return [
    '| | |',
    '|---|---|',
    ...rows.map(([name, value]) => `| ${name} | ${value} |`),
    '',
    '```sh',
    ...trainCommands(config, metadata, trained),
    '```',
    '',
    '| epoch | loss | val_loss |',
    '|---:|---:|---:|',
    ...curve,
  ].join('\n');
}
