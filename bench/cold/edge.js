// One image on workerd, whose clock stands still while a program computes: the process is timed from outside.

import model from 'model';
import module from 'pixelcnn.wasm';
import { createSampler } from './pixelcnn.min.js';

// biome-ignore lint/style/noDefaultExport: what workerd runs.
export default {
  test() {
    const { data } = createSampler({ module, model: new Uint8Array(model) }).sample({ count: 1, seed: 1 });
    console.log(JSON.stringify({ times: [], made: Array.from(data) }));
  },
};
