/** An IDX file of images, `[count, height, width]`; without pixels, of values that count up. */
export function idx(count: number, height: number, width: number, pixels?: Uint8Array, magic = 0x0803): Buffer {
  const header = Buffer.alloc(16);
  [magic, count, height, width].forEach((value, i) => {
    header.writeUInt32BE(value, 4 * i);
  });
  const counted = () => Uint8Array.from({ length: count * height * width }, (_, i) => i % 256);
  return Buffer.concat([header, pixels ?? counted()]);
}

/** An IDX file of labels. */
export function idxLabels(labels: Uint8Array): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt32BE(0x0801, 0);
  header.writeUInt32BE(labels.length, 4);
  return Buffer.concat([header, labels]);
}
