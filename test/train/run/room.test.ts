import { expect, it } from 'vitest';
import type { Config } from '../../../ts/config.js';
import { loadCore } from '../../../ts/train/net/core.js';
import { nets, referenceConfig } from '../../../ts/train/net/reference.js';
import { failedPass, imagesAtOnce } from '../../../ts/train/run/room.js';
import type { Backend } from '../../../ts/train/tensorflow/backend.js';

const core = await loadCore();
const cpu = { name: 'tensorflow', device: 'cpu', microBatch: 16 } as Backend;
const gpu = { name: 'tensorflow', device: 'gpu', microBatch: 256 } as Backend;
const net = (side: number, config: Partial<Config> = {}) =>
  core.describe({ ...referenceConfig, height: side, width: side, ...config });

it('takes as many images at once as the backend is fastest with, fewer of large ones, and one at least', () => {
  expect(imagesAtOnce(gpu, net(28))).toBe(256);
  for (const config of Object.values(nets)) expect(imagesAtOnce(cpu, net(28, config))).toBe(16);
  const sides = [28, 32, 64, 128, 256, 512];
  expect(sides.map((side) => imagesAtOnce(cpu, net(side)))).toEqual([16, 16, 12, 3, 1, 1]);
  expect(sides.map((side) => imagesAtOnce(gpu, net(side)))).toEqual([256, 196, 49, 12, 3, 1]);
});

it('says in words that memory is short, and leaves other errors as they are', () => {
  const words = [
    'Invalid TF_Status: 8\nMessage: OOM when allocating tensor with shape[16,256,256,128]',
    'Invalid typed array length: 67108864',
    'RESOURCE_EXHAUSTED: failed to allocate memory',
  ];
  for (const message of words) {
    expect(failedPass(new Error(message), cpu, 3, net(256))).toMatchObject({
      code: 'OUT_OF_MEMORY',
      message:
        'training: expected room for 3 images of 256x256 and all that this net makes of them, got less from tensorflow on the ' +
        'CPU; take fewer filters or blocks, a smaller batch, smaller images, or a machine with more memory',
    });
  }
  const other = new Error('some other');
  expect(failedPass(other, cpu, 3, net(256))).toBe(other);
});
