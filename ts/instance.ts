/**
 * The one WebAssembly instance of this process, and the gate that every call into it passes.
 *
 * The generated glue keeps a single instance in a module variable. A trap leaves that instance in an unknown state
 * (borrows stay locked, the allocator may be half-way through), and there is no safe way back: after one, the gate stays
 * shut and repeats the error.
 */

import { wrongValue } from './arguments.js';
import { type CoreErrorCode, coreErrorCode, PixelCnnError } from './error.js';
import { hasSimd } from './simd.js';
import { initSync } from './wasm/pkg/pixelcnn.js';

let started = false;
let trap: unknown;

/** Whether a trap has shut the gate. */
export function isPoisoned(): boolean {
  return trap !== undefined;
}

/** Throws where the host cannot run the binary at all. */
export function checkHost(): void {
  if (typeof WebAssembly !== 'object') {
    throw new PixelCnnError('WASM_LOAD_FAILED', 'expected a host with WebAssembly, got one without');
  }
  if (!hasSimd()) {
    throw new PixelCnnError(
      'SIMD_UNSUPPORTED',
      'expected a host with WebAssembly SIMD, got one without; use Node 16.4, Chrome 91, Firefox 89, Safari 16.4 or newer',
    );
  }
}

/** Whether there is an instance. */
export function isStarted(): boolean {
  return started;
}

/** Makes the instance, unless there is one. Needs no file, network, `eval` or `import.meta.url`. */
export function start(module: WebAssembly.Module): void {
  if (started) return;
  checkHost();
  try {
    // Never the glue's asynchronous init: finishing late, it would put a second instance in the place of a used one.
    initSync({ module });
  } catch (cause) {
    throw new PixelCnnError(
      'WASM_LOAD_FAILED',
      'module: expected the compiled pixelcnn_bg.wasm of this very version of the package, got one that does not start',
      { cause, argument: 'module' },
    );
  }
  started = true;
}

/**
 * Calls into the instance; gives errors of the core the public form, and takes anything else for a trap.
 *
 * @param argument The argument of the API that the call is about, if what the core refuses is then the argument's fault.
 */
export function enter<T>(call: () => T, argument?: string): T {
  if (trap !== undefined) throw internalError();
  try {
    return call();
  } catch (error) {
    const code = coreErrorCode(error);
    if (code === undefined) {
      trap = error;
      throw internalError();
    }
    throw publicError(code, error as Error, argument);
  }
}

function publicError(code: CoreErrorCode, { message }: Error, argument: string | undefined): Error {
  if (code !== 'INVALID_ARGUMENT') return new PixelCnnError(code, message, { argument });
  return argument === undefined ? new RangeError(message) : wrongValue(argument, message);
}

/** Frees an object of the instance, unless a trap made touching it unsafe. */
export function release(object: { free(): void } | undefined): void {
  if (object !== undefined && trap === undefined) object.free();
}

function internalError(): PixelCnnError {
  return new PixelCnnError(
    'INTERNAL',
    'the WebAssembly code stopped, which is a bug of pixelcnn; start a new process or worker and please report it',
    { cause: trap },
  );
}
