/** A Cloudflare worker; wrangler.toml beside it has the one line that it takes. `npx wrangler dev` runs it. */

import { createSampler } from 'pixelcnn';
import model from 'pixelcnn/models/mnist-binary.int8.safetensors'; // bytes, by the rule in wrangler.toml
import module from 'pixelcnn/pixelcnn.wasm';
import { createHandler, sha256Of } from './handler.ts';

let handler: ReturnType<typeof createHandler> | undefined;

export default {
  async fetch(request: Request): Promise<Response> {
    // At the first request: edge hosts allow no asynchronous work before one.
    handler ??= createHandler({ sampler: createSampler({ module, model }), sha256: await sha256Of(model) });
    return handler(request);
  },
};
