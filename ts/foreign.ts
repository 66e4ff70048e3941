/** Files that are given for models and are something else, told by what they begin with. */

import { PixelCnnError, type PixelCnnErrorCode } from './error.js';

/** What a file is, and what to do about it. */
export interface ForeignFormat {
  readonly what: string;
  readonly todo: string;
}

/** What the core says of bytes that are no safetensors file. Any other complaint is about one. */
const notSafetensors: readonly PixelCnnErrorCode[] = [
  'FILE_TOO_SHORT',
  'HEADER_TOO_LARGE',
  'HEADER_NOT_UTF8',
  'HEADER_NOT_JSON',
];

/** An error about a model, which names what the file is where that can be told. */
export function namingForeign(error: unknown, model: Uint8Array): unknown {
  if (!(error instanceof PixelCnnError) || !notSafetensors.includes(error.code)) return error;
  const found = foreignFormat(model);
  if (found === undefined) return error;
  const code = model.length === 0 ? error.code : 'FOREIGN_FORMAT';
  const message = `model file: expected a .safetensors file that pixelcnn wrote, got ${found.what}; ${found.todo}`;
  return new PixelCnnError(code, message, { cause: error, argument: 'model' });
}

const othersModel = 'no such models can be read; train one with `pixelcnn train`, or use the packaged one';
const importable = 'make a model file of it with `pixelcnn import`';
const getItAgain = 'copy or download the file itself again';

/** What bytes are, by their beginning; undefined where it says nothing, and for what begins as a safetensors file does. */
export function foreignFormat(bytes: Uint8Array): ForeignFormat | undefined {
  if (bytes.length === 0) return { what: 'an empty file', todo: getItAgain };
  // A length below 2^32 and then JSON: the length's own bytes may look like anything.
  if (bytes[8] === 0x7b && bytes.subarray(4, 8).every((byte) => byte === 0)) return undefined;
  const start = latin1(bytes.subarray(0, 4096));
  if (start.startsWith('PK\x03\x04')) return archive(bytes);
  const text = start.replace(/^\xef\xbb\xbf/, '').trimStart();
  const found = beginnings.find(([fits]) => fits(start)) ?? texts.find(([fits]) => fits.test(text));
  return found && { what: found[1], todo: found[2] };
}

const trainOn = 'images are for `pixelcnn train --data`';

/** Bytes as characters; the first that fit count. */
const beginnings: readonly [fits: (start: string) => boolean, what: string, todo: string][] = [
  [beginning('\x89HDF\r\n\x1a\n'), 'an HDF5 file, such as Keras writes (.h5)', importable],
  [
    beginning('\x80\x02', '\x80\x03', '\x80\x04', '\x80\x05'),
    'a pickle, such as PyTorch writes (.pt, .pth)',
    othersModel,
  ],
  [(start) => start.startsWith('TFL3', 4), 'a TensorFlow Lite model (.tflite)', othersModel],
  [beginning('GGUF'), 'a GGUF model', othersModel],
  [beginning('\x08\x01\x12'), 'a TensorFlow SavedModel (.pb)', othersModel],
  [isOnnx, 'an ONNX model', othersModel],
  [beginning('\x93NUMPY'), 'a NumPy array (.npy)', trainOn],
  [beginning('\0\0\x08\x01', '\0\0\x08\x03'), 'an IDX file, as MNIST comes in', trainOn],
  [beginning('\x89PNG\r\n\x1a\n', '\xff\xd8\xff', 'GIF8'), 'a picture', trainOn],
  [beginning('\0asm'), 'a WebAssembly binary', 'that is the `module` of createSampler'],
  [beginning('\x1f\x8b', '\x28\xb5\x2f\xfd', '\xfd7zXZ\0', 'BZh'), 'a compressed file', 'unpack it first'],
];

/** Text without what may stand before it. */
const texts: readonly [fits: RegExp, what: string, todo: string][] = [
  [/^version https:\/\/git-lfs/, 'a Git LFS pointer, which names the file and does not hold it', 'run `git lfs pull`'],
  [/^<(!doctype html|html|head|body|!--)/i, 'an HTML page', `a server may send one in a file’s place: ${getItAgain}`],
  [/^<(\?xml|[a-z]+)/i, 'XML text', `a server may send it in a file’s place: ${getItAgain}`],
  [/^\{.*"(modelTopology|weightsManifest)"/s, 'a model.json of TensorFlow.js', importable],
  [/^[[{]\s*["{\d[\]}-]/, 'JSON text', 'give the .safetensors file'],
];

function beginning(...starts: string[]): (start: string) => boolean {
  return (start) => starts.some((each) => start.startsWith(each));
}

/** Protobuf: its version, then the producer's name, version or domain, a number, a text, the graph, or the operators' version. */
function isOnnx(start: string): boolean {
  const [first, version = 0, next = 0] = Array.from(start.slice(0, 3), (byte) => byte.charCodeAt(0));
  return first === 0x08 && version > 1 && version < 32 && [0x12, 0x1a, 0x22, 0x28, 0x32, 0x3a, 0x42].includes(next);
}

/** A zip archive, by the names in it, which stand at its beginning and again at its end. */
function archive(bytes: Uint8Array): ForeignFormat {
  const most = 2 ** 16;
  const names = latin1(bytes.subarray(0, most)) + latin1(bytes.subarray(Math.max(most, bytes.length - most)));
  if (names.includes('model.weights.h5')) return { what: 'a model of Keras (.keras)', todo: importable };
  if (names.includes('data.pkl')) return { what: 'a model of PyTorch (.pt)', todo: othersModel };
  if (names.includes('saved_model.pb')) return { what: 'a zipped SavedModel of TensorFlow', todo: othersModel };
  if (names.includes('.npy')) {
    return { what: 'an archive of NumPy arrays (.npz)', todo: trainOn };
  }
  return { what: 'a zip archive', todo: 'unpack it, and give the .safetensors file in it, if it holds one' };
}

function latin1(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}
