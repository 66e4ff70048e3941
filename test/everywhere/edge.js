// Draws on workerd, to which modules come compiled, by the build that stands as the module `pixelcnn.wasm`.

import model from 'mnist-binary';
import integers from 'mnist-binary.int8';
import module from 'pixelcnn.wasm';
import { draw, picture } from './draw.js';
import { encodePng, loadSampler, toRgba } from './pixelcnn.min.js';

// biome-ignore lint/style/noDefaultExport: what workerd runs.
export default {
  async test() {
    const found = {};
    for (const [name, bytes] of Object.entries({ 'mnist-binary': model, 'mnist-binary.int8': integers })) {
      found[name] = await draw(async () => [await loadSampler(new Uint8Array(bytes), { wasm: module })]);
    }
    await picture({ encodePng, toRgba }, await loadSampler(new Uint8Array(model)));
    console.log(JSON.stringify(found));
  },
};
