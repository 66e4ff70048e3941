/** Whether this host's WebAssembly has SIMD, and relaxed SIMD, asked of the host itself. */

/** `f32.const 0, f32x4.splat`. */
const splat = [0x43, 0x00, 0x00, 0x00, 0x00, 0xfd, 0x13];

/** A host without SIMD knows neither the type of a vector nor the instruction. */
export function hasSimd(): boolean {
  return isValid(splat);
}

/** The like with the instruction that the relaxed build is made for: `i16x8.relaxed_dot_i8x16_i7x16_s` of two such vectors. */
export function hasRelaxedSimd(): boolean {
  return isValid([...splat, ...splat, 0xfd, 0x92, 0x02]);
}

/** Whether the host takes a module with one function that returns a vector. */
function isValid(body: readonly number[]): boolean {
  const module = [
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00], // "\0asm", version 1
    ...[0x01, 0x05, 0x01, 0x60, 0x00, 0x01, 0x7b], // types: () -> v128
    ...[0x03, 0x02, 0x01, 0x00], // functions: one, of that type
    ...[0x0a, body.length + 4, 0x01, body.length + 2, 0x00, ...body, 0x0b],
  ];
  return WebAssembly.validate(new Uint8Array(module));
}
