import { expect, it } from 'vitest';
import { checkInteger } from '../../ts/arguments.js';
import { PixelCnnError } from '../../ts/error.js';
import { failureOf, foreseenError } from '../../ts/pool/message.js';

/** What the other thread makes of an error. */
const sent = (error: unknown) => foreseenError(structuredClone(failureOf(error)));

/** What our own check says of an argument. */
function refused(count: unknown): Error {
  try {
    checkInteger('count', count, { min: 1, max: 2 });
  } catch (error) {
    return error as Error;
  }
  return expect.unreachable();
}

it('carries an error of a call to the other thread with its class, code and sentence', () => {
  for (const error of [
    new PixelCnnError('NON_FINITE_LOGIT', 'image 3, pixel 0: a logit that is no number'),
    refused(3),
    refused('3'),
  ]) {
    const { name, message } = error;
    expect(sent(error)).toBeInstanceOf(error.constructor);
    expect(sent(error)).toMatchObject({ name, message, ...('code' in error && { code: error.code }) });
  }
});

it('takes any other for that of a broken worker', () => {
  expect(sent(new PixelCnnError('INTERNAL', 'the WebAssembly code stopped'))).toBeUndefined();
  expect(sent(new Error('what nobody foresaw'))).toBeUndefined();
  expect(sent('text')).toBeUndefined();
  expect(failureOf('text')).toMatchObject({ name: 'Error', message: 'text' });
});
