import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { coreErrorCodes, failure, PixelCnnError } from '../ts/error.js';

it('knows every code of the core, once, and no other', () => {
  const source = readFileSync(new URL('../crates/pixelcnn/src/error.rs', import.meta.url), 'utf8');
  const codes = [...source.matchAll(/=> "([A-Z0-9_]+)"/g)].map(([, code]) => code);
  expect(codes.length).toBeGreaterThan(20);
  expect([...coreErrorCodes].sort()).toEqual(codes.sort());
});

it('names the argument that a sentence is about, where it is about one', () => {
  expect(failure('MODEL_NOT_FOUND', 'expected a file', { argument: 'model' })).toMatchObject({
    message: 'model: expected a file',
    argument: 'model',
  });
  expect(failure('DISPOSED', 'expected a pool').message).toBe('expected a pool');
});

it('carries code, sentence, cause and argument', () => {
  const cause = new Error('why');
  const error = new PixelCnnError('MODEL_NOT_FOUND', 'what', { cause, argument: 'model' });
  expect(error).toBeInstanceOf(Error);
  expect(error).toMatchObject({
    name: 'PixelCnnError',
    code: 'MODEL_NOT_FOUND',
    message: 'what',
    cause,
    argument: 'model',
  });
  expect(new PixelCnnError('DIVERGED', 'what')).not.toHaveProperty('argument');
});
