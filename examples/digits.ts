/** Sixteen digits as a PNG file: `npx tsx digits.ts`. */

import { writeFile } from 'node:fs/promises';
import { encodePng, loadSampler } from 'pixelcnn';
import { model } from 'pixelcnn/models/mnist-binary';

const sampler = await loadSampler(model);
const images = sampler.sample({ count: 16, seed: 1 });
await writeFile('digits.png', await encodePng(images, sampler.config, { scale: 4 }));
console.log(`digits.png: 16 images of seed ${images.seed}, ${images.nats[0]?.toFixed(2)} nats for the first`);
