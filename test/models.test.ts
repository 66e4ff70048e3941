// What follows from the packaged models must follow from those that are there: `npm run models` remakes it all.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { PNG } from 'pngjs';
import { describe, expect, it } from 'vitest';
import { cardFacts } from '../scripts/card.js';
import { forms, formsOf, models, type PackagedModel } from '../scripts/model_list.js';
import { conversionsOf, loadSampler } from '../ts/index.js';
import { gridPng } from '../ts/node/png.js';

const at = (path: string) => new URL(`../${path}`, import.meta.url);
const read = (path: string) => new Uint8Array(readFileSync(at(path)));
const text = (path: string) => new TextDecoder().decode(read(path));
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const fileOf = ({ name }: PackagedModel, form: keyof typeof forms) => `models/${name}${forms[form]}.safetensors`;

it('has in models/ the files that are listed, and no other', () => {
  const listed = models.flatMap((model) => [
    `${model.name}.md`,
    ...formsOf(model).map((form) => fileOf(model, form).replace('models/', '')),
  ]);
  expect(readdirSync(at('models')).sort()).toEqual(listed.sort());
});

describe.each(models.map((model) => [model.name, model] as const))('%s', (name, model) => {
  const files = Object.fromEntries(formsOf(model).map((form) => [form, read(fileOf(model, form))])) as {
    readonly [form in keyof typeof forms]?: Uint8Array;
  };
  const trained = files.trained!;
  const card = text(`models/${name}.md`);

  it('has an ordered and an integer form made of it', async () => {
    const conversions = async (file: Uint8Array) => conversionsOf((await loadSampler(file)).metadata);
    const inPlace = model.ordered === 'in place';
    const ordered = inPlace ? trained : files.ordered;
    if (ordered !== undefined) {
      const source = inPlace ? expect.stringMatching(/^[0-9a-f]{64}$/) : sha256(trained);
      expect(await conversions(ordered)).toMatchObject([{ by: 'optimize', source }]);
    }
    if (files.integers !== undefined) {
      const source = ordered ?? trained;
      const before = await conversions(source);
      expect(await conversions(files.integers)).toMatchObject([...before, { by: 'quantize', source: sha256(source) }]);
    }
  });

  it('is named by its sha256 in its card, with what its record says', async () => {
    for (const file of Object.values(files)) expect(card).toContain(sha256(file));
    if (!card.includes('<!-- npm run models: facts -->')) return;
    const sampler = await loadSampler(trained);
    expect(card).toContain(cardFacts(sampler.describe(), sampler.metadata, model));
  });

  it('was judged as it is there', () => {
    if (!existsSync(at(`judge/results/${name}.txt`))) return;
    const judged = text(`judge/results/${name}.txt`);
    expect(judged).toContain(`${name}.safetensors, sha256 ${sha256(trained)}`);
    expect(card).toContain(judged);
  });

  it('draws its picture', async () => {
    if (model.picture === undefined) return;
    const { file, sample } = model.picture;
    const sampler = await loadSampler(trained);
    const of = (flag: string) => (sample.includes(flag) ? Number(sample[sample.indexOf(flag) + 1]) : undefined);
    const { classes = 0 } = sampler.config;
    // As the command line has it: a row of 8 of each class where it is not told how many.
    const count = of('--count') ?? 8 * classes;
    const rows = of('--count') === undefined;
    const label = rows ? Array.from({ length: count }, (_, image) => Math.floor(image / 8)) : undefined;
    const { data, shape } = sampler.sample({ count, seed: of('--seed')!, ...(label && { label }) });
    const decode = (png: Uint8Array) => PNG.sync.read(Buffer.from(png)).data;
    const { levels, input } = sampler.config;
    const made = gridPng(data, shape, levels, {
      ...(rows && { columns: 8 }),
      ...(input !== undefined && { input }),
    });
    expect(decode(read(file))).toEqual(decode(made));
  });
});

it('quotes figures of these very files', () => {
  const name = /bench\/results\/([^/)]+)\.png/.exec(text('README.md'))?.[1];
  const quoted = JSON.parse(text(`bench/results/${name}.json`)) as { models: Record<string, string> };
  const reference = models.find(({ name }) => name === 'mnist-binary')!;
  expect(quoted.models.f32).toContain(sha256(read(fileOf(reference, 'ordered'))).slice(0, 16));
  expect(quoted.models.int8).toContain(sha256(read(fileOf(reference, 'integers'))).slice(0, 16));
});
