import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { coreErrorCode, coreErrorCodes, PixelCnnError } from '../ts/error.js';

it('knows every code of the core, once, and no other', () => {
  const source = readFileSync(new URL('../crates/pixelcnn/src/error.rs', import.meta.url), 'utf8');
  const codes = [...source.matchAll(/=> "([A-Z0-9_]+)"/g)].map(([, code]) => code);
  expect(codes.length).toBeGreaterThan(20);
  expect([...coreErrorCodes].sort()).toEqual(codes.sort());
});

it('takes only an error with a known code for one of the core', () => {
  expect(coreErrorCode(Object.assign(new Error('short'), { code: 'FILE_TOO_SHORT' }))).toBe('FILE_TOO_SHORT');
  expect(coreErrorCode(Object.assign(new Error('no file'), { code: 'ENOENT' }))).toBeUndefined();
  expect(coreErrorCode(new WebAssembly.RuntimeError('unreachable'))).toBeUndefined();
  expect(coreErrorCode({ code: 'FILE_TOO_SHORT' })).toBeUndefined();
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
