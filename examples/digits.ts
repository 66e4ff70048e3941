/** Forty digits, four of each, as a PNG file: `npx tsx digits.ts`. */

import { writeFile } from 'node:fs/promises';
import { encodePng, loadSampler } from 'pixelcnn';
import { model } from 'pixelcnn/models/digits';

const sampler = await loadSampler(model);
const label = Array.from({ length: 40 }, (_, image) => image % 10);
const images = sampler.sample({ count: 40, seed: 1, label });
await writeFile('digits.png', await encodePng(images, sampler.config, { scale: 4, columns: 10 }));
console.log(`digits.png: 40 images of seed ${images.seed}, ${images.nats[0]?.toFixed(2)} nats for the first`);
