/**
 * The one WebAssembly instance of this process, and the gate that every call into it passes.
 *
 * Only numbers pass: arrays and text are written into rooms of its memory before the call that takes them, and read out of it after
 * the call that made them. A trap leaves the instance in an unknown state, and there is no safe way back: after one, the gate stays
 * shut and repeats the error.
 */

import { naming } from './arguments.js';
import { type CoreErrorCode, failure, PixelCnnError } from './error.js';
import { buildId } from './wasm/pkg/build_id.js';

/** What the core says of an error: all of it, its code, its sentence. */
type CoreError = readonly [all: string, code: CoreErrorCode, message: string];

type Core = typeof import('./wasm/pkg/pixelcnn_bg.wasm.js');

/** What the instance exports, once there is one, and which of the builds it is of. */
let core: Core;
let running: string | undefined;
let trap: unknown;

/** What the binary imports: who is told of each layer that is computed, in a walk that is watched. Profiles set it before the start. */
export const imports = { host: { after_layer: (_: number): void => {} } };

/** Whether there is an instance. */
export function isStarted(): boolean {
  return running !== undefined;
}

/**
 * Makes the instance, unless there is one of the same binary. Needs no file, network, `eval` or `import.meta.url`.
 *
 * @param argument The argument of the API that the module came by.
 */
export function start(module: WebAssembly.Module, argument?: string): void {
  if (trap !== undefined) return; // every call repeats it
  const build = buildOf(module);
  if (running === build) return;
  const refused = (sentence: string) => failure('WASM_LOAD_FAILED', `expected ${sentence}`, { argument });
  if (running !== undefined) {
    throw refused('the binary that this process runs already, got another; give every call the same one');
  }
  if (!build.startsWith(buildId)) {
    const wanted = `the compiled pixelcnn_bg.wasm of this very version of the package, build ${buildId}`;
    throw refused(`${wanted}, got one of ${build || 'unknown build'}`);
  }
  try {
    core = new WebAssembly.Instance(module, imports).exports as unknown as Core;
  } catch (cause) {
    // It is ours, so that there is nothing else that it could lack.
    const sentence = 'expected memory for an instance of the module, got none; end others, or allow the process more';
    throw failure('OUT_OF_MEMORY', sentence, { cause, argument });
  }
  running = build;
}

/** What a module says it was built of, and as which of two; nothing of another program's. */
function buildOf(module: WebAssembly.Module): string {
  return WebAssembly.Module.customSections(module, 'pixelcnn').map(textOf).join();
}

/**
 * Calls the core, whose errors are given the public form. Whatever else is thrown is a trap, or the end of the stack, which leaves the
 * instance as a trap does: it shuts the gate.
 *
 * @param call Nothing of the caller's may run in it: a call of the core and no more.
 * @param argument The argument of the API that the call is about, if what the core refuses is then the argument's fault.
 * @returns What the core returned: a number, or the length of what it has made.
 */
export function enter(call: (core: Core) => number, argument?: string): number {
  if (trap !== undefined) throw internalError();
  checkStack(ballast);
  let made: number;
  try {
    made = call(core);
  } catch (error) {
    trap = error;
    throw internalError();
  }
  if (made >= 0) return made;
  const [, code, message] = /^(\w+) (.*)$/s.exec(textOf(view(Uint8Array, core.made(), -made))) as unknown as CoreError;
  if (code !== 'INVALID_ARGUMENT') throw new PixelCnnError(code, message, { argument });
  throw naming(argument, new RangeError(message));
}

/** Calls the core for numbers that it makes. They lie in its memory, and stay until the next call. */
export function read<T>(Numbers: Numbers<T>, call: (core: Core) => number, argument?: string): T {
  const length = enter(call, argument);
  return view(Numbers, core.made(), length);
}

/** Calls the core for text. */
export function readText(call: (core: Core) => number, argument?: string): string {
  checkStack(coldBallast); // who reads text has given nothing
  return textOf(read(Uint8Array, call, argument));
}

/** Calls the core for JSON, of what is `T`. */
export function readJson<T>(call: (core: Core) => number): T {
  return JSON.parse(readText(call)) as T;
}

/** Gives bytes to the next call. */
export function giveBytes(bytes: Uint8Array): void {
  give(Uint8Array, 'give_bytes', bytes);
}

/** Gives levels or classes, several of them one after the other, to the next call; none where there are none. */
export function giveLevels(...all: (Uint8Array | Uint16Array | undefined)[]): void {
  give(Uint16Array, 'give_levels', ...all.map((levels) => levels ?? []));
}

/** Gives numbers of 32 bits to the next call. */
export function giveFloats(numbers: Float32Array): void {
  give(Float32Array, 'give_floats', numbers);
}

/** Gives numbers of 64 bits to the next call. */
export function giveDoubles(numbers: Float64Array): void {
  give(Float64Array, 'give_doubles', numbers);
}

/** Gives text to the next call. */
export function giveText(text: string): void {
  giveBytes(new TextEncoder().encode(text));
}

type Numbers<T> = new (memory: ArrayBuffer, at: number, length: number) => T;

function give(
  Numbers: Numbers<{ set(values: ArrayLike<number>): void }>,
  room: 'give_bytes' | 'give_levels' | 'give_floats' | 'give_doubles',
  ...all: ArrayLike<number>[]
): void {
  checkStack(coldBallast);
  for (const values of all) {
    const at = enter((core) => core[room](values.length));
    view(Numbers, at, values.length).set(values);
  }
}

/** Numbers where they lie. The memory is another buffer after it has grown, so that none is kept. */
function view<T>(Numbers: Numbers<T>, at: number, length: number): T {
  return new Numbers(core.memory.buffer, at, length);
}

function textOf(bytes: BufferSource): string {
  return new TextDecoder().decode(bytes);
}

/**
 * Throws the host's own RangeError where a caller's recursion has left too little stack. Were it to end inside WebAssembly, the
 * instance would be left in the middle of what it did, as by a trap.
 */
function checkStack(ballast: number[]): void {
  Reflect.apply(nothing, undefined, ballast); // which Bun and Deno do several times faster than a spread
}

/** Arguments of 8 bytes each: together several times the stack that the binary takes. */
const ballast: number[] = Array.from({ length: 1024 }, () => 0);

/**
 * A host compiles a function of WebAssembly when it is first called, on the stack of that call, of which V8 then wants 40 kB. To see
 * whether they are there takes 5 us, as much as a tenth of a step of a walk. So it is done where work begins, by what is given for
 * it or by asking for text, and where it ends, and not at each step.
 */
const coldBallast: number[] = Array.from({ length: 8192 }, () => 0);
const nothing: () => void = Object.getPrototypeOf(() => {}); // the host's own, which no compiler leaves out

/** Ends what belongs to owners that are collected; undefined on hosts that tell of none. */
const owners = globalThis.FinalizationRegistry && new FinalizationRegistry<() => void>((end) => end());

/**
 * Calls `end` once nobody holds the owner any more, for what its user forgets to dispose of.
 *
 * @param end Must not hold the owner, and do nothing where all has ended before.
 */
export function whenCollected(owner: object, end: () => void): void {
  owners?.register(owner, end);
}

/** What a call of the core has left behind, a model or a walk: freed by `release`, or else once nobody holds it any more. */
export interface Held {
  /** Its number. */
  readonly at: number;
  readonly release: () => void;
}

/** Holds it. */
export function hold(at: number, free: (core: Core, at: number) => void): Held {
  let isFree = false;
  const release = () => {
    // After a trap it is not touched any more.
    if (!isFree && trap === undefined) {
      checkStack(coldBallast);
      free(core, at);
    }
    isFree = true;
  };
  const held = { at, release };
  whenCollected(held, release);
  return held;
}

function internalError(): PixelCnnError {
  return failure(
    'INTERNAL',
    'the WebAssembly code stopped, which is a bug of pixelcnn; start a new process or worker and please report it',
    { cause: trap },
  );
}
