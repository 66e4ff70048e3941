export const sigmoid = (z: number): number => 1 / (1 + Math.exp(-z));

/** Of logits `[..., outputs]`. */
export function softmax(logits: ArrayLike<number>, outputs: number): number[] {
  return Array.from({ length: logits.length / outputs }, (_, pixel) => {
    const own = Array.from({ length: outputs }, (_, i) => logits[pixel * outputs + i]!);
    const most = Math.max(...own);
    const powers = own.map((z) => Math.exp(z - most));
    const sum = powers.reduce((a, b) => a + b, 0);
    return powers.map((power) => power / sum);
  }).flat();
}

/** The largest difference of numbers that belong together; infinite where they are not as many. */
export function largest(one: ArrayLike<number>, other: ArrayLike<number>): number {
  if (one.length !== other.length) return Number.POSITIVE_INFINITY;
  return Array.from(one).reduce((most, value, i) => Math.max(most, Math.abs(value - other[i]!)), 0);
}
