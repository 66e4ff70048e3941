/** Bytes that arrive from elsewhere, made our own. */

import { wrongKind } from './arguments.js';
import { kindOf } from './brand.js';
import { PixelCnnError } from './error.js';

/**
 * A plain copy of bytes, whose length and place nothing can belie and which stays when the caller's buffer is changed, shared with
 * another thread, transferred or resized.
 *
 * @throws TypeError for a buffer that is gone; PixelCnnError `OUT_OF_MEMORY`.
 */
export function ownBytes(argument: string, value: Uint8Array | ArrayBuffer): Uint8Array<ArrayBuffer> {
  try {
    // Of a typed array the constructor reads the slots alone, of a buffer it makes a view.
    return new Uint8Array(ArrayBuffer.isView(value) ? value : new Uint8Array(value));
  } catch (cause) {
    if (cause instanceof RangeError) {
      const sentence = `${argument}: expected memory for a copy, the host has none; give less at once`;
      throw new PixelCnnError('OUT_OF_MEMORY', sentence, { cause, argument });
    }
    const got = `one of which it is gone (transferred to another thread, or resized); give a copy to whoever takes it`;
    throw wrongKind(argument, `expected an ${kindOf(value)} with its memory, got ${got}`, { cause });
  }
}
