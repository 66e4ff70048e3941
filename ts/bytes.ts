/** Bytes that arrive from elsewhere, made our own. */

import { wrongKind } from './arguments.js';
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
  const own = room<Uint8Array | Uint16Array>(Numbers, byteLengthOf(value) / Numbers.BYTES_PER_ELEMENT, argument);
  try {
    // Of a typed array `set` reads the slots alone, of a buffer it makes a view.
    own.set(ArrayBuffer.isView(value) ? value : new Uint8Array(value));
  } catch (cause) {
    throw wrongKind(argument, 'expected bytes, got a buffer whose memory is gone; transfer a copy', { cause });
  }
  return own;
}

/**
 * So many numbers, all 0.
 *
 * @param argument The argument of the API that makes them many.
 * @throws PixelCnnError `OUT_OF_MEMORY` where the host has no room for them.
 */
export function room<T>(
  Numbers: { readonly BYTES_PER_ELEMENT: number; new (length: number): T },
  length: number,
  argument: string,
): T {
  try {
    return new Numbers(length);
  } catch (cause) {
    const sentence = `expected ${length * Numbers.BYTES_PER_ELEMENT} bytes of memory, the host has none; ask for less at once`;
    throw failure('OUT_OF_MEMORY', sentence, { cause, argument });
  }
}
