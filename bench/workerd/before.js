// A worker of version 0.1.0, as its documentation had it: nothing but the sampler in the global scope.

import model from 'model';
import module from 'pixelcnn.wasm';
import { initSync, Sampler } from './pixelcnn.js';

initSync({ module });
const sampler = new Sampler(new Uint8Array(model));

// biome-ignore lint/style/noDefaultExport: what workerd runs.
export default {
  async fetch(request) {
    const index = Number(new URL(request.url).searchParams.get('index'));
    if (index < 0) return new Response();
    return new Response(sample(index));
  },
};

function sample(index) {
  const run = sampler.sample(1, 1, index, 1, 'wavefront', 'all');
  run.finish();
  const pixels = run.pixels();
  run.free();
  return pixels;
}
