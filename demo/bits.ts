/** Images of two levels as text that can stand in an address. */

/** Eight pixels a byte, in base64 with `-` and `_`; empty where no pixel is on. */
export function packBits(levels: Uint8Array): string {
  if (!levels.some((level) => level !== 0)) return '';
  const bytes = new Uint8Array(Math.ceil(levels.length / 8));
  levels.forEach((level, i) => {
    if (level !== 0) bytes[i >> 3]! |= 128 >> (i & 7);
  });
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
}

/** The image again; blank for text that is none of such a size. */
export function unpackBits(text: string, size: number): Uint8Array<ArrayBuffer> {
  const levels = new Uint8Array(size);
  let bytes: string;
  try {
    bytes = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  } catch {
    return levels;
  }
  if (bytes.length !== Math.ceil(size / 8)) return levels;
  return levels.map((_, i) => (bytes.charCodeAt(i >> 3) >> (7 - (i & 7))) & 1);
}
