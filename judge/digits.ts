/**
 * What drawn digits are worth: `npx tsx judge/digits.ts [--model FILE] [--seeds 1,2] [--save]`. A classifier, trained here on real
 * images alone, says of 1,000 drawn digits of each seed, 100 of each class, whether they are what they were asked to be; beside it the
 * same of real ones, and of how many of another model's it is sure. Minutes, most of them for the classifier.
 */

import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import { runMain } from '../scripts/shell.js';
import { loadSampler } from '../ts/index.js';
import { sha256 } from '../ts/node/files.js';
import { splitImages } from '../ts/train/data/image_set.js';
import { loadData } from '../ts/train/data/load_data.js';
import { loadCore } from '../ts/train/net/core.js';
import { openBackend } from '../ts/train/tensorflow/backend.js';
import { type LabelledImages, trainClassifier, verdicts } from './classifier.js';
import { startReport } from './report.js';

const percent = (part: number, whole: number): string => `${((100 * part) / whole).toFixed(2)} %`;
const classes = 10;
const ofClass = 100;
/** Whoever is right less often on real images does not judge others. */
const least = 0.99;

async function judge(): Promise<void> {
  const { values } = parseArgs({
    options: {
      model: { type: 'string', default: 'models/digits.safetensors' },
      beside: { type: 'string', default: 'models/mnist-binary.safetensors' },
      seeds: { type: 'string', default: '1,2,3,4' },
      epochs: { type: 'string', default: '3' },
      save: { type: 'boolean' },
    },
  });
  const epochs = Number(values.epochs);
  if (!Number.isInteger(epochs) || epochs < 1)
    throw new RangeError(`--epochs: expected 1 or more, got ${values.epochs}`);
  if (!/^\d{1,15}(,\d{1,15})*$/.test(values.seeds))
    throw new RangeError(`--seeds: expected whole numbers between commas, such as 1,2,3, got ${values.seeds}`);
  const seeds = values.seeds.split(',').map(Number);
  const { print, save } = startReport(44);
  const say = (line: string): void => console.error(line);

  const [model, beside] = [values.model, values.beside].map((path) => ({ path, bytes: readFileSync(path) }));
  const drawer = await loadSampler(model!.bytes);
  if (drawer.config.classes !== classes) {
    throw new RangeError(`${model!.path}: expected a model of ${classes} classes, got ${drawer.config.classes ?? 0}`);
  }
  const data = await loadData({ data: 'mnist', classes: true, say });
  const parts = splitImages(data, 0.1);
  const labelled = (part: keyof typeof parts): LabelledImages => {
    const { pixels, labels, count } = parts[part];
    return { pixels, labels: labels!, count };
  };
  const [train, validation] = [labelled('train'), labelled('validation')];
  const { tf } = await openBackend('cpu', { say });
  const judge = trainClassifier(tf, await loadCore(), train, { epochs, seed: 1, say });

  const real = verdicts(judge.classify(validation.pixels, validation.count));
  const right = real.filter(({ label }, image) => label === validation.labels[image]).length;
  print(
    'the judge',
    `${percent(right, validation.count)} of ${validation.count.toLocaleString('en-US')} real validation images right`,
  );
  if (right < least * validation.count)
    throw new Error(`expected at least ${100 * least} % of them, so as to judge others`);
  print('model', `${basename(model!.path)}, sha256 ${sha256(model!.bytes)}`);

  const count = classes * ofClass;
  const sure = (all: readonly { readonly p: number }[]): string =>
    percent(all.filter(({ p }) => p >= 0.9).length, all.length);
  const rightly = (all: readonly { readonly label: number; readonly asked: number }[]): string =>
    percent(all.filter(({ label, asked }) => label === asked).length, all.length);
  const drawn = seeds.flatMap((seed) => {
    const { data, labels } = drawer.sample({ count, seed });
    const of = verdicts(judge.classify(data, count)).map((verdict, image) => ({ ...verdict, asked: labels![image]! }));
    print(
      `${count.toLocaleString('en-US')} drawn with seed ${seed}, ${ofClass} of each class`,
      `${rightly(of)} are what they were asked to be`,
    );
    return of;
  });
  print(`all ${drawn.length.toLocaleString('en-US')}`, rightly(drawn));
  const byClass = drawer.classNames!.map(
    (name, label) => `${name}: ${rightly(drawn.filter(({ asked }) => asked === label))}`,
  );
  for (const some of [byClass.slice(0, classes / 2), byClass.slice(classes / 2)]) print('  by class', some.join(', '));
  print('  the judge is 90 % sure of', sure(drawn));

  const some = Array.from({ length: classes }, (_, label) =>
    real
      .flatMap((verdict, image) => (validation.labels[image] === label ? [{ ...verdict, asked: label }] : []))
      .slice(0, ofClass),
  ).flat();
  print(
    `${some.length.toLocaleString('en-US')} real ones, ${ofClass} of each class`,
    `${rightly(some)} are what their label says`,
  );
  print('  the judge is 90 % sure of', sure(some));

  const other = await loadSampler(beside!.bytes);
  const others = verdicts(judge.classify(other.sample({ count, seed: seeds[0]! }).data, count));
  print(
    `${count.toLocaleString('en-US')} drawn from ${basename(beside!.path)}`,
    `the judge is 90 % sure of ${sure(others)}`,
  );
  judge.dispose();
  if (values.save) save('digits');
}

await runMain('digits', judge);
