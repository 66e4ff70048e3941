/**
 * What can go wrong that is not a wrong argument: one class, a stable code, one sentence.
 *
 * Wrong arguments are `RangeError` (a value out of its range) and `TypeError` (a value of the wrong kind), raised before
 * anything is computed, with the argument's name in `argument`; see arguments.ts.
 */

/** Codes of the Rust core. `test/error.test.ts` holds this list against `Error::code` there. */
export const coreErrorCodes = [
  'FILE_TOO_SHORT',
  'HEADER_TOO_LARGE',
  'HEADER_NOT_UTF8',
  'HEADER_NOT_JSON',
  'DUPLICATE_KEY',
  'INVALID_TENSOR_ENTRY',
  'SHAPE_OVERFLOW',
  'SIZE_MISMATCH',
  'INVALID_OFFSETS',
  'TRAILING_BYTES',
  'UNSUPPORTED_DTYPE',
  'NOT_A_MODEL',
  'UNSUPPORTED_VERSION',
  'INVALID_CONFIG',
  'UNSUPPORTED_MODEL',
  'MISSING_TENSOR',
  'UNEXPECTED_TENSOR',
  'WRONG_SHAPE',
  'NON_FINITE_WEIGHT',
  'FORBIDDEN_WEIGHT',
  'WEIGHT_OUT_OF_RANGE',
  'SCALE_OUT_OF_RANGE',
  'INTEGER_OVERFLOW',
  'WEIGHT_COUNT',
  'INVALID_ARGUMENT',
  'NON_FINITE_LOGIT',
  'OUT_OF_MEMORY',
] as const satisfies readonly (PixelCnnErrorCode | 'INVALID_ARGUMENT')[];

/** A code of the Rust core. `INVALID_ARGUMENT` reaches users as a `RangeError`. */
export type CoreErrorCode = (typeof coreErrorCodes)[number];

/** Every code that a {@link PixelCnnError} can carry. */
export type PixelCnnErrorCode =
  /** The file ends before its header or its last tensor does. */
  | 'FILE_TOO_SHORT'
  /** The header's stated length is over what is read. */
  | 'HEADER_TOO_LARGE'
  /** The header is not UTF-8. */
  | 'HEADER_NOT_UTF8'
  /** The header is not a JSON object of the form wanted. */
  | 'HEADER_NOT_JSON'
  /** The header names one thing twice. */
  | 'DUPLICATE_KEY'
  /** A tensor's entry lacks a field, has one too many, or one of the wrong kind. */
  | 'INVALID_TENSOR_ENTRY'
  /** The product of a shape, or its size in bytes, does not fit. */
  | 'SHAPE_OVERFLOW'
  /** A tensor's bytes are not as many as its shape needs. */
  | 'SIZE_MISMATCH'
  /** Tensors overlap, leave a hole, run backwards or past the end of the file. */
  | 'INVALID_OFFSETS'
  /** Bytes follow the last tensor. */
  | 'TRAILING_BYTES'
  /** A tensor's element type is not the model's. */
  | 'UNSUPPORTED_DTYPE'
  /** The file is valid safetensors and not a model of pixelcnn's. */
  | 'NOT_A_MODEL'
  /** The file's format version is not one that this version reads. */
  | 'UNSUPPORTED_VERSION'
  /** The config in the file is not valid. */
  | 'INVALID_CONFIG'
  /** The config is valid and asks for what this version does not have. */
  | 'UNSUPPORTED_MODEL'
  /** A tensor that the config calls for is not there. */
  | 'MISSING_TENSOR'
  /** A tensor is there that the config does not call for. */
  | 'UNEXPECTED_TENSOR'
  /** A tensor has another shape than the config calls for. */
  | 'WRONG_SHAPE'
  /** A weight is NaN or infinite. */
  | 'NON_FINITE_WEIGHT'
  /** A weight that the mask forbids is not zero. */
  | 'FORBIDDEN_WEIGHT'
  /** A number of an integer net is beyond what the net computes with. */
  | 'WEIGHT_OUT_OF_RANGE'
  /** A scale of an integer net is not from 1e-18 to 1e18. */
  | 'SCALE_OUT_OF_RANGE'
  /** A sum of an integer net could leave 32 bits. */
  | 'INTEGER_OVERFLOW'
  /** The weights are not as many as the config calls for. */
  | 'WEIGHT_COUNT'
  /** A logit came out NaN or infinite: the weights are too large. */
  | 'NON_FINITE_LOGIT'
  /** The memory that something takes is not to be had, or above `memoryLimit`. */
  | 'OUT_OF_MEMORY'
  /** The file is another program's, or no model at all: an archive, a page, a pointer; the message says which. */
  | 'FOREIGN_FORMAT'
  /** There is no file, or the server has none, under that name. */
  | 'MODEL_NOT_FOUND'
  /** There is one, and it could not be read: no permission, a folder, an HTTP status, a broken connection. */
  | 'MODEL_UNREADABLE'
  /** The model is larger than any that could be run. */
  | 'MODEL_TOO_LARGE'
  /** The WebAssembly binary could not be read, compiled or started. */
  | 'WASM_LOAD_FAILED'
  /** The host's WebAssembly has no SIMD. */
  | 'SIMD_UNSUPPORTED'
  /** A sampler, pool or epoch's model was used after its end, or a pool disposed of while at work. */
  | 'DISPOSED'
  /** Converting: the host has no `crypto.subtle` to name a file by, as pages that are not served over https. */
  | 'CRYPTO_UNAVAILABLE'
  /** A pool: the host has no worker threads, as at the edge. */
  | 'WORKERS_UNAVAILABLE'
  /** A pool: a worker did not start, or one after the other stopped over the same images; `cause` is the last one's error. */
  | 'WORKER_LOST'
  /** Training: a device or library that was asked for is not there; the message says how to get it. */
  | 'BACKEND_UNAVAILABLE'
  /** An optional package is not installed; the message has the line that does. */
  | 'MISSING_PACKAGE'
  /** Training: there are no images under that name, or they could not be fetched. */
  | 'DATA_NOT_FOUND'
  /** Training: a file of images is not what it should be. */
  | 'INVALID_DATA'
  /** Two likelihoods are not of the same images under one protocol. */
  | 'INCOMPARABLE'
  /** Training: there is no checkpoint to go on from, or it is damaged. */
  | 'INVALID_CHECKPOINT'
  /** Another process is at work in the folder; the message says which, and since when. */
  | 'LOCKED'
  /** Training: a checkpoint or model could not be written; what was there before is untouched. */
  | 'WRITE_FAILED'
  /** Training: the run was stopped before its end, by a limit or by who iterated it, and has no result. */
  | 'STOPPED'
  /** Training: the loss is no longer finite. */
  | 'DIVERGED'
  /** A bug of this package. The WebAssembly instance is in an unknown state: every later call repeats this error. */
  | 'INTERNAL';

/** What an error may say besides its code and sentence. */
export interface PixelCnnErrorOptions extends ErrorOptions {
  /** See {@link PixelCnnError.argument}. */
  argument?: string | undefined;
}

/** Anything but a wrong argument. Switch on `code`; `message` is one sentence for people; `cause` is what led to it. */
export class PixelCnnError extends Error {
  /** Always `PixelCnnError`. */
  override readonly name = 'PixelCnnError';
  /** The stable name of what went wrong. */
  declare readonly code: PixelCnnErrorCode;
  /** The argument whose value led to it, such as `model`, where it was one. */
  declare readonly argument?: string;

  constructor(code: PixelCnnErrorCode, message: string, { argument, cause }: PixelCnnErrorOptions = {}) {
    super(message, cause === undefined ? {} : { cause });
    this.code = code;
    if (argument !== undefined) this.argument = argument;
  }
}

/** The error of a sentence that says what was wanted and what came, about an argument if one is named. */
export function failure(code: PixelCnnErrorCode, sentence: string, options: PixelCnnErrorOptions = {}): PixelCnnError {
  const { argument } = options;
  return new PixelCnnError(code, argument === undefined ? sentence : `${argument}: ${sentence}`, options);
}
