/** The handler of the packaged model, where there are files: Node, Deno, Bun. */

import { readFile } from 'node:fs/promises';
import { loadSampler } from 'pixelcnn';
import { model } from 'pixelcnn/models/mnist-binary.int8';
import { createHandler } from './handler.ts';

const bytes = new Uint8Array(await readFile(model));

export const handler = createHandler({ sampler: await loadSampler(bytes), model: bytes });
