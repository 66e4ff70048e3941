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
  /** Of the moving average, at this update. */
  readonly emaDecay: number;
}

export interface Adam {
  /** One update in place of `state`; disposes the tensors it replaces, not `gradient`, whose norm it returns. */
  update(state: AdamState, gradient: Tensor1D, options: UpdateOptions): Scalar;
  dispose(): void;
}

const beta1 = 0.9;
const beta2 = 0.999;
const epsilon = 1e-7;

/** Adam (Kingma and Ba 2015, arXiv:1412.6980, algorithm 1), of gradients that are at most `clipNorm` long; 0 for no limit. */
export function createAdam(tf: Tf, clipNorm: number): Adam {
  // Made once: a number that is given to an operation becomes a tensor, and a GPU's must be copied to it each time.
  const constants = { m: tf.scalar(1 - beta1), v: tf.scalar(1 - beta2), epsilon: tf.scalar(epsilon) };
  const limit = limits(clipNorm) ? tf.scalar(clipNorm) : undefined;
  return {
    update: (state, gradient, { learningRate, emaDecay }) => {
      const t = state.step + 1;
      const rate = (learningRate * Math.sqrt(1 - beta2 ** t)) / (1 - beta1 ** t);
      const { norm, ...next } = tf.tidy(() => {
        const norm: Scalar = tf.sqrt(tf.sum(tf.square(gradient)));
        const g = limit === undefined ? gradient : clip(tf, gradient, norm, limit);
        const m: Tensor1D = tf.add(state.m, tf.mul(tf.sub(g, state.m), constants.m));
        const v: Tensor1D = tf.add(state.v, tf.mul(tf.sub(tf.square(g), state.v), constants.v));
        const parameters: Tensor1D = tf.sub(
          state.parameters,
          tf.div(tf.mul(m, rate), tf.add(tf.sqrt(v), constants.epsilon)),
        );
        const ema: Tensor1D | undefined =
          state.ema && tf.add(state.ema, tf.mul(tf.sub(parameters, state.ema), 1 - emaDecay));
        return { norm, parameters, m, v, ...(ema !== undefined && { ema }) };
      });
      tf.dispose([state.parameters, state.m, state.v, ...(state.ema === undefined ? [] : [state.ema])]);
      Object.assign(state, next, { step: t });
      return norm;
    },
    dispose: () => tf.dispose({ ...constants, ...(limit !== undefined && { limit }) }),
  };
}

/** Whether any norm of float32 is over it: what is infinite there would make NaN of all. */
const limits = (clipNorm: number): boolean => clipNorm > 0 && Number.isFinite(Math.fround(clipNorm));

/** The gradient, scaled so that its norm is at most `limit` (Pascanu et al. 2013, arXiv:1211.5063, algorithm 1). */
function clip(tf: Tf, gradient: Tensor1D, norm: Scalar, limit: Scalar): Tensor1D {
  return tf.mul(gradient, tf.div(limit, tf.maximum(norm, limit)));
}
