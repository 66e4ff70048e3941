import { PNG } from 'pngjs';
import { expect, it } from 'vitest';
import { surpriseColour, surprisePngs } from '../../ts/cli/surprise.js';
import { loadSampler } from '../../ts/index.js';
import { binarise } from '../../ts/train/data/binarisation.js';
import { configJson, randomModel } from '../wasm.js';

it('draws more surprise lighter, from black to near white', () => {
  const lightness = (nats: number) => surpriseColour(nats).reduce((sum, part, i) => sum + part * [3, 6, 1][i]!, 0);
  const steps = Array.from({ length: 41 }, (_, i) => lightness(i / 10));
  expect(steps[0]).toBe(0);
  for (let i = 1; i < steps.length; i++) expect(steps[i]).toBeGreaterThan(steps[i - 1]!);
  expect(surpriseColour(4)).toEqual(surpriseColour(50));
});

it('puts beside each image what each of its pixels costs', async () => {
  const [height, width, count] = [12, 11, 3];
  const sampler = await loadSampler(randomModel(configJson({ height, width, filters: 8 }), 7));
  const pixels = Uint8Array.from({ length: count * height * width }, (_, i) => ((i * 7) % 5 === 0 ? 255 : 0));
  const data = binarise({ pixels, count, height, width }, 'dots');
  const [sheet, first, second] = surprisePngs(sampler, data, [2, 0]);
  expect([sheet, first, second].map((file) => file!.name)).toEqual([
    'surprise.png',
    'surprise-000002.png',
    'surprise-000000.png',
  ]);

  const nats = sampler.pixelNats(data.pixels).data;
  const { width: pictureWidth, height: pictureHeight, data: rgba } = PNG.sync.read(first!.bytes);
  const factor = Math.floor(1024 / (2 * width + 3 * 2));
  expect([pictureWidth, pictureHeight]).toEqual([(2 * width + 6) * factor, (height + 4) * factor]);
  const at = (y: number, x: number) => {
    const place = 4 * ((y * factor + factor - 1) * pictureWidth + x * factor);
    return [...rgba.subarray(place, place + 3)];
  };
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const pixel = 2 * height * width + y * width + x;
      const grey = 255 * data.pixels[pixel]!;
      expect(at(2 + y, 2 + x)).toEqual([grey, grey, grey]);
      expect(at(2 + y, 4 + width + x)).toEqual([...surpriseColour(nats[pixel]!)]);
    }
  }
  expect(at(0, 0)).toEqual([64, 64, 64]);
  const whole = PNG.sync.read(sheet!.bytes);
  expect(whole.height / whole.width).toBeCloseTo((2 * height + 6) / (2 * width + 6), 9);
});
