// A worker of this package: sampler and warm-up stand in the global scope, which hosts count as start-up and not as a request.

import model from 'model';
import module from 'pixelcnn.wasm';
import { createSampler } from './pixelcnn.min.js';

const sampler = createSampler({ module, model: new Uint8Array(model) });
const label = sampler.config.classes && { label: 0 };
// Code that has run for a while is code that V8 has compiled well; none of these images is drawn by a request.
for (let index = 0; index < 16; index++) sampler.sample({ seed: 0, startIndex: index, ...label });

// biome-ignore lint/style/noDefaultExport: what workerd runs.
export default {
  async fetch(request) {
    const index = Number(new URL(request.url).searchParams.get('index'));
    if (index < 0) return new Response();
    return new Response(sampler.sample({ seed: 1, startIndex: index, ...label }).data);
  },
};
