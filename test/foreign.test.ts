import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { foreignFormat } from '../ts/foreign.js';
import { createSampler, loadSampler, optimizeModel } from '../ts/index.js';
import { temporaryFolder } from './cli/run.js';
import { configJson, randomModel, wasmModule } from './wasm.js';

const folder = temporaryFolder();
const model = randomModel(configJson({ height: 3, width: 4, filters: 4, blocks: 1 }), 1);

/** A zip archive's beginning: a file of this name, stored. */
const zip = (name: string) =>
  latin1(`PK\x03\x04\x14${'\0'.repeat(21)}${String.fromCharCode(name.length)}\0\0\0${name}x`);
const latin1 = (text: string) => Uint8Array.from(Buffer.from(text, 'latin1'));
const padded = (text: string) => latin1(text.padEnd(64, '\0'));

const files: [name: string, bytes: Uint8Array, what: RegExp][] = [
  [
    'model.keras',
    zip('model.weights.h5'),
    /a model of Keras \(\.keras\); make a model file of it with `pixelcnn import`$/,
  ],
  [
    'weights.h5',
    padded('\x89HDF\r\n\x1a\n'),
    /an HDF5 file, such as Keras writes \(\.h5\); make a model file of it with `pixelcnn import`$/,
  ],
  [
    'model.json',
    latin1('{"format": "layers-model",\n "modelTopology": {}}'),
    /a model\.json of TensorFlow\.js; make a model file of it with `pixelcnn import`$/,
  ],
  ['config.json', latin1('{"a": 1, "b": 2}'), /JSON text; give the \.safetensors file$/],
  ['list.json', latin1('[1, 2, 3, 4]'), /JSON text/],
  [
    'pointer',
    latin1('version https://git-lfs.github.com/spec/v1\noid sha256:0\n'),
    /a Git LFS pointer, .*run `git lfs pull`$/,
  ],
  ['page.html', latin1('\r\n<!DOCTYPE html>\n<html lang="en">'), /an HTML page; .*download the file itself again$/],
  ['page2.html', latin1('<html><head>'), /an HTML page/],
  ['bom.html', latin1('\xef\xbb\xbf<!doctype html>'), /an HTML page/],
  ['error.xml', latin1('<?xml version="1.0"?><Error><Code>AccessDenied'), /XML text/],
  [
    'torch.onnx',
    padded('\x08\x07\x12\x07pytorch\x1a\x051.9.0:\x10'),
    /an ONNX model; no such models can be read; train one with `pixelcnn train`, or use the packaged one$/,
  ],
  ['keras.onnx', padded('\x08\x08\x12\x08tf2onnx'), /an ONNX model/],
  ['saved_model.pb', padded('\x08\x01\x12\xd0\x0f'), /a TensorFlow SavedModel/],
  ['model.tflite', padded('\x1c\0\0\0TFL3'), /a TensorFlow Lite model/],
  ['model.gguf', padded('GGUF\x03'), /a GGUF model/],
  ['model.safetensors.gz', gzipSync(model), /a compressed file; unpack it first$/],
  ['old.pth', padded('\x80\x02\x8a\nl\xfc\x9cF\xf9'), /a pickle, such as PyTorch writes/],
  ['new.pt', zip('archive/data.pkl'), /a model of PyTorch/],
  ['images.npy', padded('\x93NUMPY\x01\0'), /a NumPy array \(\.npy\); images are for `pixelcnn train --data`$/],
  ['images.npz', zip('x_train.npy'), /an archive of NumPy arrays/],
  [
    'files.zip',
    zip('model.safetensors'),
    /a zip archive; unpack it, and give the \.safetensors file in it, if it holds one$/,
  ],
  ['grid.png', padded('\x89PNG\r\n\x1a\n'), /a picture/],
  ['train-images-idx3-ubyte', padded('\0\0\x08\x03\0\0\xea\x60'), /an IDX file/],
];

it('names the files of other programs, and what to do, whichever way they come', async () => {
  const module = wasmModule();
  for (const [name, bytes, what] of files) {
    const path = join(folder.path, name);
    await writeFile(path, bytes);
    const wanted = expect.objectContaining({ name: 'PixelCnnError', code: 'FOREIGN_FORMAT', argument: 'model' });
    const error: Error = await loadSampler(path).catch((reason) => reason);
    expect(error, name).toEqual(wanted);
    expect(error.message).toMatch(what);
    expect(
      error.message.startsWith(`${path}: model file: expected a .safetensors file that pixelcnn wrote, got `),
    ).toBe(true);
    expect(error.message).not.toMatch(/\p{Cc}/u);
    await expect(optimizeModel(bytes, new Uint8Array(12))).rejects.toEqual(wanted);
    expect(() => createSampler({ module, model: bytes })).toThrow(wanted);
  }
});

it('names the binary itself, and an empty file', async () => {
  const binary = await readFile(new URL('../ts/wasm/pkg/pixelcnn_bg.wasm', import.meta.url));
  await expect(loadSampler(binary)).rejects.toThrow(/got a WebAssembly binary; that is the `module` of createSampler$/);
  await expect(loadSampler(new Uint8Array())).rejects.toMatchObject({
    code: 'FILE_TOO_SHORT',
    message: expect.stringMatching(/got an empty file; copy or download/),
  });
});

it('takes no file that begins as a safetensors file does for another’s, whatever its length looks like', async () => {
  for (const start of ['\x1f\x8b', '\x89PNG', '\x08\x07\x12', 'GGUF', '\0\0\x08\x03', '\x80\x02', '<']) {
    expect(foreignFormat(latin1(`${start.padEnd(8, '\0')}{"__metadata__"`)), start).toBeUndefined();
  }
  for (let length = 9; length < model.length; length += 97)
    expect(foreignFormat(model.subarray(0, length))).toBeUndefined();
  for (const unknown of [Uint8Array.of(1, 2, 3), latin1('plain words'), new Uint8Array(100).fill(255)]) {
    expect(foreignFormat(unknown)).toBeUndefined();
    await expect(loadSampler(unknown)).rejects.toMatchObject({ code: expect.stringMatching(/^(FILE|HEADER)_/) });
  }
});

it('says of another program’s safetensors file that it is none of ours', async () => {
  const header = '{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}';
  const length = new Uint8Array(8);
  length[0] = header.length;
  const bytes = Buffer.concat([length, Buffer.from(header), new Uint8Array(4)]);
  await expect(loadSampler(bytes)).rejects.toMatchObject({
    code: 'NOT_A_MODEL',
    message: 'model file: the metadata names the format `pt`; expected a .safetensors file written by pixelcnn',
  });
});
