/** A Cloudflare worker; wrangler.toml beside it has the one line that it takes. `npx wrangler dev` runs it. */

import { createSampler } from 'pixelcnn';
import model from 'pixelcnn/models/mnist-binary.int8.safetensors'; // bytes, by the rule in wrangler.toml
import module from 'pixelcnn/pixelcnn.wasm';
import { createHandler } from './handler.ts';

export default { fetch: createHandler({ sampler: createSampler({ module, model }), model }) };
