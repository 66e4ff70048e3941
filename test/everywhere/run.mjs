// Draws on Node, Deno and Bun from the installed package, by the build that is asked for, and prints what came.

import { encodePng, loadSampler, loadSamplerPool, toRgba } from 'pixelcnn';
import { draw, picture } from './draw.js';

const build = process.argv[2];
const wasm = new URL(
  import.meta.resolve(build === 'relaxed' ? 'pixelcnn/pixelcnn.relaxed.wasm' : 'pixelcnn/pixelcnn.wasm'),
);
const { readFile } = process.getBuiltinModule('node:fs/promises');
const found = {};
if (WebAssembly.validate(await readFile(wasm))) {
  for (const name of ['mnist-binary', 'mnist-binary.int8']) {
    const { model } = await import(`pixelcnn/models/${name}`);
    found[name] = await draw(async () => [
      await loadSampler(model, { wasm }),
      await loadSamplerPool(model, { wasm, workers: 2 }),
    ]);
  }
  const { model } = await import('pixelcnn/models/mnist-binary');
  await picture({ encodePng, toRgba }, await loadSampler(model));
}
console.log(JSON.stringify(found));
