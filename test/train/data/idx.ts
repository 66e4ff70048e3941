/** IDX images, `[count, height, width]`. */
export function idx(count: number, height: number, width: number, pixels: Uint8Array): Buffer {
  const header = Buffer.alloc(16);
  [0x0803, count, height, width].forEach((value, i) => {
    header.writeUInt32BE(value, 4 * i);
  });
  return Buffer.concat([header, pixels]);
}
