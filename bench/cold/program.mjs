// The program of a process: node program.mjs ours|onnx|nothing ROOT MODEL.

import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { onnx, ours } from './ours.js';

const [what, root, model] = process.argv.slice(2);
const read = async (path) => new Uint8Array(await readFile(path));
const made = {
  nothing: async () => ({ times: [], made: [] }),
  ours: () => ours(pathToFileURL(`${root}/dist/index.js`).href, `${root}/dist/wasm/pkg/pixelcnn_bg.wasm`, model, read),
  onnx: () => onnx(async () => createRequire(`${root}/bench/peers/package.json`)('onnxruntime-web'), model, read),
};
console.log(JSON.stringify(await made[what]()));
process.exit(); // what a runtime leaves open is not waited for
