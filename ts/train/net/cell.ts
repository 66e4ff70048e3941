// What makes outputs of a layer's sums, forwards and backwards: a cell is an entry here and nothing else.

import type { CellName } from '../../config.js';
import type { Ops } from './ops.js';
import type { Tensor4D, Tf } from './tf.js';

/** What both return may be what was given; whatever else was made on the way is for the caller to tidy. */
export interface Cell {
  /** The outputs of some sums, and what the gradient reads. */
  fire(sums: Tensor4D): { readonly outputs: Tensor4D; readonly kept: readonly Tensor4D[] };
  /** The gradient of the sums, given that of the outputs. */
  gradient(dy: Tensor4D, kept: readonly Tensor4D[]): Tensor4D;
}

/** A function whose slope follows from its value. */
interface Curve {
  apply(x: Tensor4D): Tensor4D;
  gradient(dy: Tensor4D, y: Tensor4D): Tensor4D;
}

export function cellsOf(tf: Tf, ops: Ops): Readonly<Record<CellName, Cell>> {
  const relu: Curve = { apply: ops.relu, gradient: ops.reluGradient };
  const tanh: Curve = { apply: (x) => tf.tanh(x), gradient: ops.tanhGradient };
  const sigmoid: Curve = { apply: (x) => tf.sigmoid(x), gradient: ops.sigmoidGradient };
  const hardSigmoid: Curve = {
    apply: (x) => tf.clipByValue(tf.add(tf.mul(x, 0.25), 0.5), 0, 1),
    gradient: (dy, y) => tf.mul(dy, tf.mul(tf.cast(tf.logicalAnd(tf.greater(y, 0), tf.less(y, 1)), 'float32'), 0.25)),
  };

  const cellOf = (curve: Curve): Cell => ({
    fire: (sums) => {
      const outputs = curve.apply(sums);
      return { outputs, kept: [outputs] };
    },
    gradient: (dy, [y]) => curve.gradient(dy, y as Tensor4D),
  });

  /** One curve of the first half of the sums times another of the second. */
  const gateOf = (value: Curve, gate: Curve): Cell => ({
    fire: (sums) => {
      const [a, b] = tf.split(sums, 2, 3) as [Tensor4D, Tensor4D];
      const kept = [value.apply(a), gate.apply(b)] as const;
      return { outputs: tf.mul(...kept), kept };
    },
    gradient: (dy, kept) => {
      const [x, y] = kept as readonly [Tensor4D, Tensor4D];
      return tf.concat([value.gradient(tf.mul(dy, y), x), gate.gradient(tf.mul(dy, x), y)], 3);
    },
  });

  return {
    linear: { fire: (sums) => ({ outputs: sums, kept: [] }), gradient: (dy) => dy },
    relu: cellOf(relu),
    tanh: cellOf(tanh),
    sigmoid: cellOf(sigmoid),
    gate: gateOf(tanh, sigmoid),
    hardGate: gateOf(relu, hardSigmoid),
  };
}
