/** The handler of the packaged model, where there are files: Node, Deno, Bun. */

import { readFile } from 'node:fs/promises';
import { loadSampler } from 'pixelcnn';
import { model } from 'pixelcnn/models/mnist-binary.int8';
import { createHandler, sha256Of } from './handler.ts';

const bytes = await readFile(model);

export const handler = createHandler({ sampler: await loadSampler(bytes), sha256: await sha256Of(bytes) });
