// Adam in Keras's form. Epsilon is added to sqrt(v) before the bias correction, as TensorFlow's ResourceApplyAdam does;
// tfjs's own optimiser adds it after, which changes the first steps.

import type { Tensor1D, Tf } from './tf.js';

export interface AdamState {
  parameters: Tensor1D;
  /** Moving averages of the gradient and of its square, both flat. */
  m: Tensor1D;
  v: Tensor1D;
  /** Updates done so far. */
  step: number;
}

const beta1 = 0.9;
const beta2 = 0.999;
const epsilon = 1e-7;

/** One update in place of `state`; disposes the tensors it replaces, not `gradient`. */
export function adamUpdate(tf: Tf, state: AdamState, gradient: Tensor1D, learningRate: number): void {
  const t = state.step + 1;
  const rate = (learningRate * Math.sqrt(1 - beta2 ** t)) / (1 - beta1 ** t);
  const [parameters, m, v] = tf.tidy(() => {
    const m = tf.add(state.m, tf.mul(tf.sub(gradient, state.m), 1 - beta1));
    const v = tf.add(state.v, tf.mul(tf.sub(tf.square(gradient), state.v), 1 - beta2));
    const parameters = tf.sub(state.parameters, tf.div(tf.mul(m, rate), tf.add(tf.sqrt(v), epsilon)));
    return [parameters, m, v];
  });
  tf.dispose([state.parameters, state.m, state.v]);
  Object.assign(state, { parameters, m, v, step: t });
}
