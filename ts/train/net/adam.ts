// Adam in Keras's form. Epsilon is added to sqrt(v) before the bias correction, as TensorFlow's ResourceApplyAdam does;
// tfjs's own optimiser adds it after, which changes the first steps.

import type { Scalar, Tensor1D, Tf } from './tf.js';

export interface AdamState {
  parameters: Tensor1D;
  /** Moving averages of the gradient and of its square, both flat. */
  m: Tensor1D;
  v: Tensor1D;
  /** Moving average of the parameters, where the recipe has one. */
  ema: Tensor1D | undefined;
  /** Updates done so far. */
  step: number;
}

/** What an update goes by, beside the gradient. */
export interface UpdateOptions {
  readonly learningRate: number;
  /** Longest gradient; 0 for no limit. */
  readonly clipNorm: number;
  /** Of the moving average, at this update. */
  readonly emaDecay: number;
}

const beta1 = 0.9;
const beta2 = 0.999;
const epsilon = 1e-7;

/** One update in place of `state`; disposes the tensors it replaces, not `gradient`, whose norm it returns. */
export function adamUpdate(tf: Tf, state: AdamState, gradient: Tensor1D, options: UpdateOptions): Scalar {
  const { learningRate, clipNorm, emaDecay } = options;
  const t = state.step + 1;
  const rate = (learningRate * Math.sqrt(1 - beta2 ** t)) / (1 - beta1 ** t);
  const { norm, ...next } = tf.tidy(() => {
    const norm: Scalar = tf.sqrt(tf.sum(tf.square(gradient)));
    const g = limits(clipNorm) ? clip(tf, gradient, norm, clipNorm) : gradient;
    const m: Tensor1D = tf.add(state.m, tf.mul(tf.sub(g, state.m), 1 - beta1));
    const v: Tensor1D = tf.add(state.v, tf.mul(tf.sub(tf.square(g), state.v), 1 - beta2));
    const parameters: Tensor1D = tf.sub(state.parameters, tf.div(tf.mul(m, rate), tf.add(tf.sqrt(v), epsilon)));
    const ema: Tensor1D | undefined =
      state.ema && tf.add(state.ema, tf.mul(tf.sub(parameters, state.ema), 1 - emaDecay));
    return { norm, parameters, m, v, ...(ema !== undefined && { ema }) };
  });
  tf.dispose([state.parameters, state.m, state.v, ...(state.ema === undefined ? [] : [state.ema])]);
  Object.assign(state, next, { step: t });
  return norm;
}

/** The gradient, scaled so that its norm is at most `limit` (Pascanu et al. 2013, arXiv:1211.5063, algorithm 1). */
/** Whether any norm of float32 is over it: what is infinite there would make NaN of all. */
const limits = (clipNorm: number): boolean => clipNorm > 0 && Number.isFinite(Math.fround(clipNorm));

function clip(tf: Tf, gradient: Tensor1D, norm: Scalar, limit: number): Tensor1D {
  return tf.mul(gradient, tf.div(limit, tf.maximum(norm, limit)));
}
