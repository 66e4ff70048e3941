import type { TestContext } from 'vitest';
import type { Config, Description } from '../../ts/config.js';
import { binarise } from '../../ts/train/data/binarisation.js';
import type { ImageSet } from '../../ts/train/data/image_set.js';
import { referenceConfig } from '../../ts/train/net/reference.js';
import { type Backend, openBackend, openTensorflow } from '../../ts/train/tensorflow/backend.js';
import { findTensorflow } from '../../ts/train/tensorflow/find.js';

/** A net of the plain architecture with small kernels of two sizes: 5x5 (cropped to 3x5) and 3x3 (to 2x3). */
export const smallConfig: Config = {
  ...referenceConfig,
  height: 7,
  width: 6,
  filters: 8,
  blocks: 2,
  firstKernel: 5,
  headLayers: 1,
};

export type BackendName = 'javascript' | 'wasm' | 'tensorflow';

/** Opens a backend; undefined where native TensorFlow was asked for and is not set up. */
export async function openTestBackend(name: BackendName): Promise<Backend | undefined> {
  if (name !== 'tensorflow') return openBackend(name);
  const native = findTensorflow();
  return native === undefined ? undefined : openTensorflow(native, { hideGpu: true });
}

/** The backend, or a skip that says what is missing. */
export function present(backend: Backend | undefined, context: TestContext): Backend {
  if (backend === undefined) context.skip('native TensorFlow is not set up; run npm run setup');
  return backend as Backend;
}

/** Images with some structure: blobs whose place depends on the index. */
export function blobs(count: number, { height, width }: Pick<Config, 'height' | 'width'>): ImageSet {
  const pixels = new Uint8Array(count * height * width);
  for (let n = 0; n < count; n++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const distance = Math.hypot(y - (n % height), x - ((n * 5) % width));
        pixels[(n * height + y) * width + x] = distance < 2 ? 255 : 0;
      }
    }
  }
  return binarise({ pixels, count, height, width }, 'blobs');
}

/** Numbers that look random and are the same everywhere. */
export function noise(length: number, scale: number): Float32Array {
  let state = 1;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state / 2 ** 31 - 1) * scale;
  });
}

/** The net, computed the slow way from what describe() says: full kernels, masks multiplied in, tfjs's own conv2d. */
export function plainForward(
  tf: Backend['tf'],
  net: Description,
  tensors: ReadonlyMap<string, import('../../ts/train/net/tf.js').Tensor>,
  pixels: import('../../ts/train/net/tf.js').Tensor4D,
): import('../../ts/train/net/tf.js').Tensor4D {
  type Tensor4D = import('../../ts/train/net/tf.js').Tensor4D;
  const outputs = new Map<string, Tensor4D>([['pixels', pixels]]);
  let last = pixels;
  for (const layer of net.layers) {
    const parts = layer.inputs.map(({ source, kernel, shape: [rows, columns], places }) => {
      const mask = new Float32Array(rows * columns);
      for (const place of places) mask[place] = 1;
      const masked = tf.mul(tensors.get(kernel)!, tf.tensor4d(mask, [rows, columns, 1, 1]));
      return tf.conv2d(outputs.get(source)!, masked as Tensor4D, 1, 'same');
    });
    let y: Tensor4D = tf.add(parts.length === 1 ? parts[0]! : tf.addN(parts), tensors.get(layer.bias!)!);
    if (layer.cell === 'relu') y = tf.relu(y);
    if (layer.residual !== null) y = tf.add(y, outputs.get(layer.residual)!);
    outputs.set(layer.name, y);
    last = y;
  }
  return last;
}
