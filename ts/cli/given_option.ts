/** `--given FILE`: images with holes, from a PNG file, an array or a map in text. */

import { show } from '../arguments.js';
import { levelColours } from '../colours.js';
import { PixelCnnError } from '../error.js';
import type { GivenPixels } from '../given.js';
import { imageSize, type Levels, levelsArray } from '../images.js';
import type { Sampler } from '../sampler.js';
import { UsageError } from './failure.js';
import { thousands } from './format.js';
import { tell } from './terminal.js';

const option = '--given';

/**
 * Reads given pixels: of one image for all, or of as many as are drawn.
 *
 * @throws UsageError naming the file, and the place in it, that is not as it should be.
 */
export async function readGiven(
  path: string,
  sampler: Sampler,
  count: number,
  signal: AbortSignal,
): Promise<GivenPixels> {
  if (path === '') throw new UsageError(`${option}: expected the name of a file, got an empty one`);
  try {
    const [{ readDataFile, readHead }, { formatOf }] = await Promise.all([
      import('../train/data/files/data_file.js'),
      import('../train/data/files/data_format.js'),
    ]);
    const head = readHead(path) ?? new Uint8Array();
    const { reader, name } = formatOf(head, path);
    // What a text file holds only the alphabet can tell; whatever cannot be read is told of where it is.
    if (reader !== 'PNG' && reader !== '.npy' && head.length > 0) {
      if (sampler.alphabet !== undefined) return await readMaps(path, sampler.alphabet, sampler, count, signal);
      throw refuse(path, 'a PNG or .npy file', `${name}; of text, only models of maps know the characters`);
    }
    const bytes = await readDataFile(path, mostBytes(sampler, count), signal);
    if (bytes.length === 0) {
      const wanted = sampler.alphabet === undefined ? 'a PNG or .npy file' : 'a map in text, a PNG or a .npy file';
      throw refuse(path, wanted, 'an empty file');
    }
    return reader === 'PNG' ? await readPng(bytes, path, sampler) : await readArray(bytes, path, sampler, count);
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof PixelCnnError)) throw error;
    throw new UsageError(`${option}: ${error.message}`, { cause: error });
  }
}

const refuse = (path: string, wanted: string, got: string): UsageError =>
  new UsageError(`${option}: ${path}: expected ${wanted}, got ${got}`);

/** No array of numbers of 64 bits is larger, and no picture that is written at all well. */
function mostBytes({ config }: Sampler, count: number): number {
  return 2 ** 20 + 8 * count * imageSize(config);
}

/** Where a pixel is, as people count: from 1. */
function placeOf(at: number, { config: { width, height } }: Sampler): string {
  const image = at < width * height ? '' : `image ${Math.floor(at / (width * height)) + 1}, `;
  return `${image}row ${(Math.floor(at / width) % height) + 1}, column ${(at % width) + 1}`;
}

/** A hole, among levels. */
const hole = -1;

/** Levels and holes as the sampler takes them. */
function givenOf(values: ArrayLike<number>, sampler: Sampler): GivenPixels {
  const data: Levels = levelsArray(values.length, sampler.config.levels);
  const known = new Uint8Array(values.length);
  for (let at = 0; at < values.length; at++) {
    if (values[at] === hole) continue;
    data[at] = values[at]!;
    known[at] = 1;
  }
  return { data, known };
}

/** A picture as `sample` writes them; what is transparent is a hole. */
async function readPng(bytes: Buffer, path: string, sampler: Sampler): Promise<GivenPixels> {
  const { PNG } = await import('pngjs');
  const { height, width, levels, input } = sampler.config;
  if (levels > 256) throw refuse(path, `a .npy file, since no picture tells ${levels} levels apart`, 'a PNG file');
  const whole = `a whole PNG file of ${height}x${width}, as the model draws`;
  if (bytes.length < 33) throw refuse(path, whole, 'the beginning of one');
  // Before it is unpacked: the size that it is going to have, and a form that the decoder would follow without end.
  const [columns, rows, interlaced] = [bytes.readUInt32BE(16), bytes.readUInt32BE(20), bytes.readUInt8(28) !== 0];
  if (columns !== width || rows !== height) throw refuse(path, whole, `${rows}x${columns}`);
  if (interlaced) throw refuse(path, 'a PNG file that is not interlaced', 'one that is');
  let rgba: Uint8Array;
  try {
    rgba = PNG.sync.read(bytes).data;
  } catch {
    throw refuse(path, whole, 'one that is cut off or damaged'); // the decoder's own words speak of its insides
  }
  const numbers = new Map(levelColours(levels, input).map((colour, level) => [colour.join(), level]));
  const isGrey = input !== 'nominal' || levels === 2;
  let between = 0;
  const values = Array.from({ length: height * width }, (_, at) => {
    const [red, green, blue, opacity] = rgba.subarray(4 * at, 4 * at + 4);
    if (opacity === 0) return hole;
    const place = placeOf(at, sampler);
    if (opacity !== 255) {
      throw refuse(path, 'pixels that are transparent or not at all', `an opacity of ${opacity} of 255 at ${place}`);
    }
    const level = numbers.get([red, green, blue].join());
    if (level !== undefined) return level;
    if (isGrey && red === green && green === blue) {
      between++;
      return Math.round((red! / 255) * (levels - 1));
    }
    const colours = isGrey ? `${levels} greys` : 'colours';
    const got = `red ${red}, green ${green}, blue ${blue} at ${place}; a .npy file holds the levels themselves`;
    throw refuse(path, `the ${colours} that the model's levels are drawn in`, got);
  });
  if (between > 0) {
    const of = `${thousands(between)} ${between === 1 ? 'pixel is of a grey' : 'pixels are of greys'}`;
    tell(
      `${path}: ${of} between two of the model's ${levels}, and ${between === 1 ? 'was' : 'were'} given the nearest level`,
    );
  }
  return givenOf(values, sampler);
}

/** Integers; -1 is a hole. */
async function readArray(bytes: Buffer, path: string, sampler: Sampler, count: number): Promise<GivenPixels> {
  const [{ npyHeader }, { numberTypes, shapeText }] = await Promise.all([
    import('../train/data/files/npy.js'),
    import('../train/data/files/numbers.js'),
  ]);
  const { type, littleEndian, shape, start } = npyHeader(bytes, path);
  if (type.startsWith('f')) throw refuse(path, 'integers', `dtype ${type}; write it again after x.astype(int)`);
  const { height, width, levels } = sampler.config;
  const [columns, rows, images = 1, ...more] = [...shape].reverse();
  const fits = rows === height && columns === width && more.length === 0 && (images === 1 || images === count);
  if (!fits) {
    const all = count === 1 ? '' : ` or (${count}, ${height}, ${width})`;
    throw refuse(path, `an array of shape (${height}, ${width})${all}`, shapeText(shape));
  }
  const { size, read } = numberTypes[type]!;
  const length = images * height * width;
  if (bytes.length - start !== size * length) {
    throw refuse(path, `${size * length} bytes of numbers`, String(bytes.length - start));
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values = Float64Array.from({ length }, (_, at) => {
    const value = read(view, start + size * at, littleEndian);
    if (value >= hole && value < levels) return value;
    const wanted = `levels from 0 to ${levels - 1}, or ${hole} for a hole`;
    throw refuse(path, wanted, `${value} at ${placeOf(at, sampler)}`);
  });
  return givenOf(values, sampler);
}

/** Maps in characters; a question mark is a hole, unless it stands for a level. */
async function readMaps(
  path: string,
  alphabet: readonly string[],
  sampler: Sampler,
  count: number,
  signal: AbortSignal,
): Promise<GivenPixels> {
  const { findMaps, readText, rowsOf } = await import('../train/data/files/text_maps.js');
  const { height, width } = sampler.config;
  const rules = { space: alphabet.includes(' '), semicolon: alphabet.includes(';') };
  const maps = findMaps(await readText(path, signal), path, rules);
  if (maps.length !== 1 && maps.length !== count) {
    throw refuse(path, count === 1 ? 'one map' : `one map, or ${count}, one for each image`, String(maps.length));
  }
  const numbers = new Map(alphabet.map((character, level) => [character, level]));
  if (!numbers.has('?')) numbers.set('?', hole);
  const values = maps.flatMap((map) => {
    // Where spaces are levels, editors may have taken them from the ends of rows.
    const short = map.shortest < width && !rules.space;
    if (map.height !== height || map.width > width || short || (map.shortest === map.width && map.width < width)) {
      const got = `${map.height}x${short ? map.shortest : map.width} in the map that begins in line ${map.line}`;
      throw refuse(path, `a map of ${height}x${width}, as the model draws`, got);
    }
    return rowsOf(map, rules).flatMap((row, y) =>
      Array.from({ length: width }, (_, x) => {
        const character = row[x] ?? ' ';
        const level = numbers.get(character);
        if (level !== undefined) return level;
        const holes = alphabet.includes('?') ? '' : ', or ? for a hole';
        const got = `${show(character)} in line ${map.line + y}, column ${x + 1}`;
        throw refuse(path, `the characters of the model, ${show(alphabet.join(''))}${holes}`, got);
      }),
    );
  });
  return givenOf(values, sampler);
}
