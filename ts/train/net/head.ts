// What a pixel costs given the logits: a head is an entry here and nothing else.

import type { Config } from '../../config.js';
import type { Rank, Scalar, Tensor4D, Tf } from './tf.js';

export interface Head {
  /** -ln p of the levels, in nats, summed over all pixels. `levels` is int32 `[images, height, width, 1]`. */
  nats(logits: Tensor4D, levels: Tensor4D): Scalar;
  /** Its gradient with respect to the logits. */
  gradient(logits: Tensor4D, levels: Tensor4D): Tensor4D;
}

/** The head of a net, as the core has it: of two levels one logit, of more one for each. */
export function headOf(tf: Tf, { channels, levels }: Config): Head {
  if (channels !== 1) throw new RangeError(`training: expected a net of 1 channel, got ${channels}`);
  return levels === 2 ? sigmoid(tf) : softmax(tf, levels);
}

/**
 * Image by image first: tfjs's WebAssembly backend adds one number after the other in f32, and was off by 2e-4 over 30
 * images at once.
 */
const total = (tf: Tf, nats: Tensor4D): Scalar => tf.sum(tf.sum(nats, [1, 2, 3]));

/** Binary cross entropy from logits: relu(z) - z x + log(1 + exp(-|z|)), which cannot overflow. */
function sigmoid(tf: Tf): Head {
  const asFloat = (levels: Tensor4D): Tensor4D => tf.cast(levels, 'float32');
  return {
    nats: (z, levels) =>
      tf.tidy(() => {
        const tail = tf.log(tf.add(tf.exp(tf.neg(tf.abs(z))), 1));
        return total(tf, tf.add(tf.sub(tf.relu(z), tf.mul(z, asFloat(levels))), tail));
      }),
    gradient: (z, levels) => tf.tidy(() => tf.sub(tf.sigmoid(z), asFloat(levels))),
  };
}

/** Categorical cross entropy from logits: log sum exp(z - max) - (z - max) at the level, which cannot overflow. */
function softmax(tf: Tf, count: number): Head {
  const oneHot = (levels: Tensor4D): Tensor4D => oneHotOf(tf, levels, count);
  return {
    nats: (z, levels) =>
      tf.tidy(() => {
        const below = tf.sub(z, tf.max<Tensor4D>(z, 3, true));
        const whole = tf.log(tf.sum<Tensor4D>(tf.exp(below), 3, true));
        return total(tf, tf.sub(whole, tf.sum(tf.mul(below, oneHot(levels)), 3, true)));
      }),
    gradient: (z, levels) => tf.tidy(() => tf.sub(tf.softmax(z), oneHot(levels))),
  };
}

/** Levels `[images, height, width, 1]` as float32 `[images, height, width, count]`: 1 at the level, else 0. */
export function oneHotOf(tf: Tf, levels: Tensor4D, count: number): Tensor4D {
  const [images, height, width] = levels.shape;
  return tf.tidy(() => {
    // tfjs-backend-wasm makes integers of them, whatever is asked for.
    const rows = tf.cast(tf.oneHot(tf.reshape(levels, [-1]), count), 'float32');
    return tf.reshape<Rank.R4>(rows, [images, height, width, count]);
  });
}
