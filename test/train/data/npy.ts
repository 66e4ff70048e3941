interface NpyForm {
  descr?: string;
  order?: string;
  version?: number;
  /** As the header has it, in the place of the true one. */
  told?: string;
}

/** A .npy file as NumPy writes it: the header padded so that values start at a multiple of 64. */
export function npy(shape: readonly number[], values: Uint8Array, form: NpyForm = {}): Buffer {
  const { descr = "'|u1'", order = 'False', version = 1 } = form;
  const { told = `(${shape.join(', ')}${shape.length === 1 ? ',' : ''})` } = form;
  const dict = `{'descr': ${descr}, 'fortran_order': ${order}, 'shape': ${told}, }`;
  const start = version === 1 ? 10 : 12;
  const length = Math.ceil((start + dict.length + 1) / 64) * 64 - start;
  const head = Buffer.alloc(start);
  head.write('\x93NUMPY', 'latin1');
  head.set([version, 0], 6);
  if (version === 1) head.writeUInt16LE(length, 8);
  else head.writeUInt32LE(length, 8);
  return Buffer.concat([head, Buffer.from(`${dict.padEnd(length - 1)}\n`, 'latin1'), values]);
}
