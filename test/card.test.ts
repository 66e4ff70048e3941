import { expect, it } from 'vitest';
import { curveOf, netFlags, trainCommand } from '../scripts/card.js';
import { nets, referenceConfig } from '../ts/train/net/reference.js';
import { describeRecipe, presets } from '../ts/train/run/recipe.js';

const fast = {
  'training.optimizer': describeRecipe(presets.fast),
  'training.batchSize': '32',
  'training.epochs': '5',
  'training.seed': '1',
};
const origin = (of: object) => ({
  'training.origin': JSON.stringify({ split: 'reference', validationSplit: 0.1, ...of }),
});

it('asks for a net by the name of one like it, and by what it has otherwise', () => {
  const flags = (changes: object) => netFlags({ ...referenceConfig, ...changes }).join(' ');
  expect(flags({})).toBe('');
  expect(flags(nets.deep)).toBe('--net deep');
  expect(flags({ filters: 32, blocks: 20, blockKernel: 5, lean: 2 })).toBe(
    '--filters 32 --blocks 20 --block-kernel 5 --lean 2',
  );
  expect(flags({ ...nets.gated, blocks: 13, activation: 'relu' })).toBe('--net gated --blocks 13 --activation relu');
  expect(flags({ dilations: [1, 2, 4], classes: 10, levels: 8 })).toBe('--dilations 1,2,4');
});

it('gives the command that trained a model, of whatever images', () => {
  const command = (config: object, of: object, data?: string) =>
    trainCommand({ ...referenceConfig, ...config }, { ...fast, ...of }, data);
  expect(command({ ...nets.deep, classes: 10 }, origin({ data: 'mnist' }))).toBe(
    'npm run train -- --classes --net deep --preset fast --epochs 5 --seed 1',
  );
  expect(command({ ...nets.deep, classes: 10, levels: 8 }, origin({ data: 'fashion-mnist', levels: 8 }))).toBe(
    'npm run train -- --data fashion-mnist --levels 8 --classes --net deep --preset fast --epochs 5 --seed 1',
  );
  expect(command(nets.deep, origin({ data: 'static-mnist', binarisation: 'none' }))).toBe(
    'npm run train -- --data static-mnist --net deep --preset fast --epochs 5 --seed 1',
  );
  const maps = {
    ...origin({ split: 'standard', validationSplit: 0.05, nominal: true, alphabet: ' #' }),
    ...{
      alphabet: '[" ","#"]',
      'training.split': 'the training and validation images: the first 95 train, the last 5 validate',
    },
  };
  expect(command({ input: 'nominal', levels: 2 }, maps, 'data/maps')).toBe(
    'npm run train -- --data data/maps --preset fast --epochs 5 --seed 1',
  );
  expect(command({}, origin({ data: 'mnist', validationSplit: 0.2 }))).toBe(
    'npm run train -- --validation-split 0.2 --preset fast --epochs 5 --seed 1',
  );
  expect(
    command(
      {},
      { ...origin({ data: 'mnist', split: 'standard', binarisation: 'dynamic' }), 'training.batchSize': '128' },
    ),
  ).toBe('npm run train -- --split standard --binarisation dynamic --epochs 5 --seed 1');
});

it('gives the command that went on from another model, and what was as no preset has it', () => {
  const recipe = describeRecipe({ ...presets.fast, learningRate: 0.0005 });
  const record = { ...fast, ...origin({ data: 'mnist' }), 'training.optimizer': recipe, 'training.seed': '2' };
  const config = { ...referenceConfig, ...nets.deep, classes: 10 };
  expect(trainCommand(config, record, undefined, 'first.safetensors')).toBe(
    'npm run train -- --from first.safetensors --classes --preset fast --epochs 5 --learning-rate 0.0005 --seed 2',
  );
});

it('reads the curve out of a record', () => {
  const log = 'epoch 1: loss 0.117607, val_loss 0.084116\nepoch 2: loss 0.08, val_loss 0.07';
  expect(curveOf({ 'training.log': log })).toEqual([
    { loss: '0.117607', valLoss: '0.084116' },
    { loss: '0.08', valLoss: '0.07' },
  ]);
  expect(curveOf({})).toEqual([]);
});
