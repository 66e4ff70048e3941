import { loadSampler } from 'pixelcnn';
import model from 'pixelcnn/models/mnist-binary.int8.safetensors';
import wasm from 'pixelcnn/pixelcnn.wasm';
import { draw } from './draw.js';

export default {
  async fetch() {
    return Response.json(await draw(async () => [await loadSampler(model, { wasm })]));
  },
};
