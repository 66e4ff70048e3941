/**
 * What every host and every bundle is asked for: 16 images of seed 1, what each cost, and ln p of each, by one thread and by a pool.
 * Plain JavaScript without imports, so that anything can run it.
 */

/** sha256 of levels, nats and ln p, as bits. */
async function bitsOf({ data, nats }, logProb) {
  const parts = [data, nats, logProb].map((array) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  const digest = await crypto.subtle.digest('SHA-256', whole);
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/**
 * @param load Gives a sampler, and a pool or undefined.
 * @returns `{ sync, pool }`, each a sha256; a pool's is left out where there is none.
 */
export async function draw(load) {
  const [sampler, pool] = await load();
  const images = sampler.sample({ count: 16, seed: 1 });
  const sync = await bitsOf(images, sampler.logProb(images));
  if (pool === undefined) return { sync };
  const many = await pool.sample({ count: 16, seed: 1 });
  const both = { sync, pool: await bitsOf(many, await pool.logProb(many)) };
  await pool.dispose();
  return both;
}

/** The same, and a picture of them as hosts make it: the length of a PNG file, and the first bytes of it. */
export async function picture({ encodePng, toRgba }, sampler) {
  const images = sampler.sample({ count: 4, seed: 1 });
  const png = await encodePng(images, sampler.config, { scale: 2 });
  const { data, width, height } = toRgba(images, sampler.config, { scale: 2 });
  if (typeof document === 'object') {
    // The host's own reader of PNG files gives the same pixels.
    const context = new OffscreenCanvas(width, height).getContext('2d');
    context.drawImage(await createImageBitmap(new Blob([png], { type: 'image/png' })), 0, 0);
    const read = context.getImageData(0, 0, width, height).data;
    if (read.some((byte, i) => byte !== data[i])) throw new Error('expected the PNG file to hold the pixels of toRgba');
    context.putImageData(new ImageData(data, width, height), 0, 0);
  }
  const head = String.fromCharCode(...png.subarray(1, 4));
  if (head !== 'PNG') throw new Error(`expected a PNG file, got ${head}`);
}
