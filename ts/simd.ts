/** Whether this host's WebAssembly has SIMD, and relaxed SIMD, asked of the host itself. */

/**
 * A module with one function that returns a vector: `(func (result v128) f32.const 0 f32x4.splat)`. A host without SIMD
 * knows neither the type nor the instruction.
 */
const simd = [
  [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00], // "\0asm", version 1
  [0x01, 0x05, 0x01, 0x60, 0x00, 0x01, 0x7b], // types: () -> v128
  [0x03, 0x02, 0x01, 0x00], // functions: one, of that type
  [0x0a, 0x0b, 0x01, 0x09, 0x00, 0x43, 0x00, 0x00, 0x00, 0x00, 0xfd, 0x13, 0x0b], // its body
];

export function hasSimd(): boolean {
  return WebAssembly.validate(new Uint8Array(simd.flat()));
}

/** The like with the instruction that the relaxed build is made for: `i16x8.relaxed_dot_i8x16_i7x16_s` of two such vectors. */
const relaxed = [
  ...simd.slice(0, 3),
  [0x0a, 0x15, 0x01, 0x13, 0x00], // its body
  [0x43, 0x00, 0x00, 0x00, 0x00, 0xfd, 0x13], // f32.const 0, f32x4.splat
  [0x43, 0x00, 0x00, 0x00, 0x00, 0xfd, 0x13],
  [0xfd, 0x92, 0x02, 0x0b],
];

export function hasRelaxedSimd(): boolean {
  return WebAssembly.validate(new Uint8Array(relaxed.flat()));
}
