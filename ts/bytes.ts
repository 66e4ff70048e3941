/** Bytes that arrive from elsewhere, made our own. */

import { argumentOf, wrongKind } from './arguments.js';
import { byteLengthOf, isArrayOf } from './brand.js';
import { failure } from './error.js';

/**
 * A plain copy of bytes, or of numbers of 16 bits, whose length and place nothing can belie and which stays when the caller's buffer is
 * changed, shared with another thread, transferred or resized.
 *
 * @throws TypeError for a buffer that is gone; PixelCnnError `OUT_OF_MEMORY`.
 */
export function ownNumbers(argument: string, value: Uint8Array | ArrayBuffer): Uint8Array<ArrayBuffer>;
export function ownNumbers(argument: string, value: Uint8Array | Uint16Array): Uint8Array | Uint16Array;
export function ownNumbers(argument: string, value: Uint8Array | Uint16Array | ArrayBuffer): Uint8Array | Uint16Array {
  const Numbers = isArrayOf('Uint16Array', value) ? Uint16Array : Uint8Array;
  return room(byteLengthOf(value), argument, () => {
    try {
      // Of a typed array the constructor reads the slots alone, of a buffer it makes a view.
      return new Numbers(ArrayBuffer.isView(value) ? value : new Uint8Array(value));
    } catch (cause) {
      if (cause instanceof RangeError) throw cause;
      const got =
        'a buffer without its memory (transferred to another thread, or resized); hand a copy to whoever takes it';
      throw wrongKind(argument, `expected bytes, got ${got}`, { cause });
    }
  });
}

/**
 * What `make` allocates.
 *
 * @param argument The argument of the API that makes it large.
 * @throws PixelCnnError `OUT_OF_MEMORY` where the host has no room for it.
 */
export function room<T>(bytes: number, argument: string, make: () => T): T {
  try {
    return make();
  } catch (cause) {
    if (!(cause instanceof RangeError) || argumentOf(cause) !== undefined) throw cause;
    const sentence = `expected ${bytes} bytes of memory, the host has none; ask for less at once`;
    throw failure('OUT_OF_MEMORY', sentence, { cause, argument });
  }
}
