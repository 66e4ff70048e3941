import { expect, it } from 'vitest';
import { createSampler, loadSampler } from '../ts/index.js';
import { failure } from './failure.js';
import { configJson, randomModel, wasmModule } from './wasm.js';

const config = configJson({ height: 3, width: 4, filters: 4, blocks: 1, classes: 2, levels: 3 });
const made = (metadata: Record<string, string>) => randomModel(config, 1, metadata);
const json = JSON.stringify;

it('gives the names of classes and levels that a file tells', async () => {
  const names = { classNames: ['cat', 'a dog\u001b[31m'], alphabet: ['.', ' ', 'ü'] };
  const sampler = await loadSampler(made({ classNames: json(names.classNames), alphabet: json(names.alphabet) }));
  expect(sampler).toMatchObject(names);
  expect(Object.isFrozen(sampler.classNames)).toBe(true);
  expect(await loadSampler(made({}))).toMatchObject({ classNames: undefined, alphabet: undefined });
});

const classes = '`classNames` a list of 2 texts, a name for each class and each another';
const characters = '`alphabet` a list of 3 texts, a character for each level and each another';
it.each([
  [{ classNames: '["cat"' }, `${classes}, got "[\\"cat\\""`],
  [{ classNames: json({ length: 2 }) }, `${classes}, got "{\\"length\\":2}"`],
  [{ classNames: json(['cat']) }, `${classes}, got "[\\"cat\\"]"`],
  [{ classNames: json(['cat', 'dog', 'cow']) }, `${classes}, got "[\\"cat\\",\\"dog\\",\\"cow\\"]"`],
  [{ classNames: json(['cat', 'cat']) }, `${classes}, got "[\\"cat\\",\\"cat\\"]"`],
  [{ classNames: json(['cat', '']) }, `${classes}, got "[\\"cat\\",\\"\\"]"`],
  [{ classNames: json(['cat', 3]) }, `${classes}, got "[\\"cat\\",3]"`],
  [{ alphabet: json(['.', '#']) }, `${characters}, got "[\\".\\",\\"#\\"]"`],
  [{ alphabet: json(['.', '#', 'ab']) }, `${characters}, got "[\\".\\",\\"#\\",\\"ab\\"]"`],
  [{ alphabet: json(['.', '#', '\n']) }, `${characters}, got "[\\".\\",\\"#\\",\\"\\\\n\\"]"`],
  [{ alphabet: '[".", "#", "\\ud800"]' }, `${characters}, got "[\\".\\", \\"#\\", \\"\\\\ud800\\"]"`],
])('refuses a file whose names are none for its net: %o', async (metadata, got) => {
  const model = made(metadata);
  const wanted = {
    name: 'PixelCnnError',
    code: 'NOT_A_MODEL',
    argument: 'model',
    message: `model file: expected in its metadata as ${got}`,
  };
  expect(await failure(() => loadSampler(model))).toMatchObject(wanted);
  expect(await failure(() => createSampler({ module: wasmModule(), model }))).toMatchObject(wanted);
});

it('has no names for what a net has not', async () => {
  const plain = randomModel(configJson({ height: 3, width: 4, filters: 4, blocks: 1 }), 1, { classNames: '["a","b"]' });
  expect((await failure(() => loadSampler(plain))).message).toBe(
    'model file: expected in its metadata as `classNames` a list of 0 texts, a name for each class and each another, got "[\\"a\\",\\"b\\"]"',
  );
});
