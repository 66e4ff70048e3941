/** Images as text: each level a character, each row a line. */

import { lookedAt, show, wrongKind, wrongValue } from './arguments.js';
import { type Images, takeMaps } from './images.js';
import { isCharacter } from './metadata.js';

/**
 * Images as maps in text, such as what a model of maps has drawn: one text an image, its rows ended by line feeds.
 *
 * @param images With their shape, of one channel.
 * @param alphabet The character of each level: `sampler.alphabet`, or another list of at least as many as there are levels.
 * @throws TypeError, RangeError.
 *
 * @example
 * const [map] = toText(sampler.sample({ seed: 1 }), sampler.alphabet);
 */
export function toText(images: Exclude<Images, ArrayBufferView>, alphabet: readonly string[] | undefined): string[] {
  const { data, count, height, width } = takeMaps(images);
  const characters = charactersOf(alphabet);
  const at = data.findIndex((level) => level >= characters.length);
  if (at >= 0) {
    const wanted = `expected levels from 0 to ${characters.length - 1}, as the alphabet has characters`;
    throw wrongValue('images', `${wanted}, got ${data[at]} at index ${at}`);
  }
  const row = (first: number) => Array.from(data.subarray(first, first + width), (level) => characters[level]).join('');
  return Array.from({ length: count }, (_, image) =>
    Array.from({ length: height }, (_, y) => `${row((image * height + y) * width)}\n`).join(''),
  );
}

function charactersOf(alphabet: unknown): readonly string[] {
  const wanted = 'expected an array with a character for each level';
  if (alphabet === undefined) throw wrongKind('alphabet', `${wanted}, got undefined, as a model that names none has`);
  return lookedAt('alphabet', () => {
    if (!Array.isArray(alphabet)) throw wrongKind('alphabet', `${wanted}, got ${show(alphabet)}`);
    const characters: unknown[] = Array.from(alphabet);
    const odd = characters.findIndex((one) => typeof one !== 'string' || !isCharacter(one));
    if (odd < 0) return characters as string[];
    throw wrongKind('alphabet', `${wanted}, got ${show(characters[odd])} at index ${odd}`);
  });
}
