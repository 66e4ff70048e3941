/**
 * The one WebAssembly instance of this process, and the gate that every call into it passes.
 *
 * The generated glue keeps a single instance in a module variable. A trap leaves that instance in an unknown state
 * (borrows stay locked, the allocator may be half-way through), and there is no safe way back: after one, the gate stays
 * shut and repeats the error.
 */

import { naming } from './arguments.js';
import { isError } from './brand.js';
import { coreErrorCode, PixelCnnError } from './error.js';
import { hasSimd } from './simd.js';
import { initSync } from './wasm/pkg/pixelcnn.js';

/** The module of the instance, once there is one. */
let running: WebAssembly.Module | undefined;
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
  return running !== undefined;
}

/** What every version of the binary has, and another one lacks. */
const exportsOfOurs = ['memory', '__wbindgen_start', 'sampler_new', 'sampler_sample', 'sampler_score', 'run_step'];

/** What a module says of itself: what it takes and has, and how it was built. Modules of one binary say the same. */
function accountOf(module: WebAssembly.Module): string {
  const names = [...WebAssembly.Module.imports(module), ...WebAssembly.Module.exports(module)].map(({ name }) => name);
  const sections = ['pixelcnn', 'producers', 'target_features'].flatMap((name) =>
    WebAssembly.Module.customSections(module, name).map((section) => String(new Uint8Array(section))),
  );
  return [...names, ...sections].join('\n');
}

/**
 * Makes the instance, unless there is one of the same binary. Needs no file, network, `eval` or `import.meta.url`.
 *
 * @param argument The argument of the API that the module came by.
 */
export function start(module: WebAssembly.Module, argument?: string): void {
  if (running === module || trap !== undefined) return; // after a trap every call repeats it
  if (running !== undefined) {
    if (accountOf(running) === accountOf(module)) return;
    const wanted = 'expected the binary that this process runs already, got another; give every call the same one';
    throw new PixelCnnError('WASM_LOAD_FAILED', argument === undefined ? wanted : `${argument}: ${wanted}`, {
      argument,
    });
  }
  checkHost();
  try {
    // Looked at before the glue does, which keeps what it was given even where that does not start.
    const names = WebAssembly.Module.exports(module).map(({ name }) => name);
    const missing = exportsOfOurs.find((name) => !names.includes(name));
    if (missing !== undefined) throw new Error(`expected a module that exports ${missing}, got one that does not`);
    initialise(module);
  } catch (cause) {
    const noMemory = cause instanceof RangeError;
    const sentence = noMemory
      ? 'expected memory for an instance of the module, the host has none; end others, or allow the process more'
      : 'expected the compiled pixelcnn_bg.wasm of this very version of the package, got one that does not start';
    throw new PixelCnnError(
      noMemory ? 'OUT_OF_MEMORY' : 'WASM_LOAD_FAILED',
      argument === undefined ? sentence : `${argument}: ${sentence}`,
      { cause, argument },
    );
  }
  running = module;
}

/** Never by the glue's asynchronous init: finishing late, it would put a second instance in the place of a used one. */
function initialise(module: WebAssembly.Module): void {
  const prototype: unknown = Object.getPrototypeOf(module);
  if (module instanceof WebAssembly.Module) {
    initSync({ module });
    return;
  }
  // One of another realm, which the glue would take for bytes: it asks the prototype, WebAssembly itself does not.
  Object.setPrototypeOf(module, WebAssembly.Module.prototype);
  try {
    initSync({ module });
  } finally {
    Object.setPrototypeOf(module, prototype as object | null);
  }
}

/**
 * Calls into the instance; gives errors of the core the public form. Only a trap shuts the gate.
 *
 * Nothing of the caller's may run inside, neither getters nor methods of subclasses: what goes in are numbers, strings and arrays
 * that are ours, so that an error that is no trap and not the core's is the host's refusal of memory.
 *
 * @param argument The argument of the API that the call is about, if what the core refuses is then the argument's fault.
 */
export function enter<T>(call: () => T, argument?: string): T {
  if (trap !== undefined) throw internalError();
  requireStack();
  try {
    return call();
  } catch (error) {
    if (isTrap(error)) {
      trap = error;
      throw internalError();
    }
    throw publicError(error, argument);
  }
}

/** By name, since a host may run the instance in another realm. A stack that ended inside has none: hosts have only words for it. */
function isTrap(error: unknown): boolean {
  if (!isError(error) || coreErrorCode(error) !== undefined) return false;
  return error.name === 'RuntimeError' || /\bcall stack\b|\btoo much recursion\b/.test(error.message);
}

function publicError(error: unknown, argument: string | undefined): unknown {
  const code = coreErrorCode(error);
  if (code === undefined) {
    if (!(error instanceof RangeError)) return error;
    const sentence =
      'expected memory for what the call takes and gives, the host has none; ask for fewer images at once';
    return new PixelCnnError('OUT_OF_MEMORY', sentence, { cause: error });
  }
  const { message } = error as Error;
  if (code !== 'INVALID_ARGUMENT') return new PixelCnnError(code, message, { argument });
  return argument === undefined ? new RangeError(message) : naming(argument, new RangeError(message));
}

/** Arguments of 8 bytes each: together several times the stack that the binary takes. */
const ballast: undefined[] = Array.from({ length: 1024 });
const nothing: () => void = Object.getPrototypeOf(() => {}); // the host's own, which no compiler leaves out

/**
 * Throws the host's own RangeError where a caller's recursion has left too little stack. Were it to end inside WebAssembly, the
 * instance would be left in the middle of what it did, as by a trap.
 */
function requireStack(): void {
  Reflect.apply(nothing, undefined, ballast);
}

/** What is kept from the glue, which frees what is collected by itself, also after a trap. */
const kept: object[] = [];

/** Frees an object of the instance, unless a trap made touching it unsafe. */
export function release(object: { free(): void } | undefined): void {
  if (object === undefined) return;
  if (trap === undefined) object.free();
  else kept.push(object);
}

/** Frees what belongs to owners that are collected; undefined on hosts that tell of none. */
const owners =
  typeof FinalizationRegistry === 'undefined'
    ? undefined
    : new FinalizationRegistry<() => void>((end) => {
        end();
      });

/** Calls `end`, which must not hold the owner, once nobody holds the owner any more: for what its user forgets to dispose of. */
export function whenCollected(owner: object, end: () => void): void {
  owners?.register(owner, end, owner);
}

/** Waits no longer, as after `dispose()`. */
export function forget(owner: object): void {
  owners?.unregister(owner);
}

function internalError(): PixelCnnError {
  return new PixelCnnError(
    'INTERNAL',
    'the WebAssembly code stopped, which is a bug of pixelcnn; start a new process or worker and please report it',
    { cause: trap },
  );
}
