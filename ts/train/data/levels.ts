// Levels of which there are more than two: grey values in even steps, and values that are levels as they are stored.

import { checkChoice, checkInteger, checkText, ownOptions, wrongKind } from '../../arguments.js';
import { type Levels, levelsArray } from '../../images.js';
import { invalid, letIn } from './files/numbers.js';
import { type ImageSet, levelCounts, wholeSet } from './image_set.js';
import type { RawImages } from './raw.js';
import { checkRule, type LevelRule, mostLevels } from './rule.js';
import { checkRawImages, nothingIn, storedAdvice, type Values, valuesInWords, valuesOf } from './values.js';

/**
 * Grey images as levels in even steps: value v, of 0 to 255, is level floor(v * levels / 256), so that 255 is the last one.
 *
 * @param source What the images are, as likelihoods are quoted with.
 * @param name What an error calls them; a path where there is one.
 * @param signal Stops it, with the signal's reason.
 * @throws RangeError for levels that are not 2 to 256; PixelCnnError `INVALID_DATA` for values that are no grey ones, or of
 *   which this makes one level alone.
 */
export async function quantiseImages(
  given: RawImages,
  source: string,
  asked: Required<Pick<LevelRule, 'levels'>>,
  name: string = source,
  signal?: AbortSignal,
): Promise<ImageSet<Uint8Array>> {
  const images = checkRawImages(given, ['Uint8Array'], 'grey values');
  checkText('source', source);
  checkText('name', name);
  const rule = checkRule(ownOptions('options', asked, ['levels']));
  if (rule.kind !== 'quantise') throw wrongKind('levels', 'expected an integer from 2 to 256, got none');
  const { levels } = rule;
  await letIn(signal);
  const values = valuesOf(images.pixels);
  const { least, most } = values;
  if (least === most) throw nothingIn(name, most);
  checkGrey(name, levels, values);
  const levelOf = Uint8Array.from({ length: 256 }, (_, value) => Math.floor((value * levels) / 256));
  if (levelOf[least] === levelOf[most]) {
    const fits = [...Array(257).keys()].find((n) => Math.floor((least * n) / 256) < Math.floor((most * n) / 256));
    const got = `${levelOf[least]} in every pixel by ${levels} levels of values ${least} to ${most}`;
    throw invalid(
      name,
      `more than one of the levels 0 to ${levels - 1}`,
      `${got}; levels ${fits} would fit (--levels ${fits})`,
      'levels',
    );
  }
  const pixels = images.pixels.map((value) => levelOf[value]!);
  return wholeSet(images, { pixels, levels, source, binarisation: `level floor(value x ${levels} / 256)` });
}

/** Refuses values that are something else than grey ones of 8 bits. */
function checkGrey(name: string, levels: number, values: Values): void {
  const { most, range } = values;
  if (range.grey) return;
  const got = `none above ${most}: these seem to be values ${range.name}; ${storedAdvice(most)}`;
  throw invalid(name, `grey values from 0 to 255, of which to make ${levels} levels`, got, 'levels');
}

/** What the levels are that images of {@link codeImages} have. */
export interface CodeOptions {
  /** How many there are, 2 to 512. Default: the largest that is there, and one more. */
  readonly levels?: number;
  /** `nominal`: names of things. `ordinal`: amounts. Default: `nominal`. */
  readonly input?: 'ordinal' | 'nominal';
  /** How their values became these, in words, as likelihoods are quoted with. Default: as they are stored. */
  readonly reading?: string;
}

/**
 * Images whose values are levels already, such as codes of a VQ-VAE or tiles.
 *
 * @param source What the images are, as likelihoods are quoted with.
 * @param name What an error calls them; a path where there is one.
 * @param signal Stops it, with the signal's reason.
 * @throws RangeError for an option out of its range; PixelCnnError `INVALID_DATA` for a value that is none of the levels, or one value
 *   in every pixel.
 */
export async function codeImages(
  given: RawImages<Levels>,
  source: string,
  asked: CodeOptions = {},
  name: string = source,
  signal?: AbortSignal,
): Promise<ImageSet> {
  const images = checkRawImages(given, ['Uint8Array', 'Uint16Array'], 'codes');
  checkText('source', source);
  checkText('name', name);
  const options = ownOptions('options', asked, ['levels', 'input', 'reading']);
  const input = checkChoice('input', options.input ?? 'nominal', ['nominal', 'ordinal']);
  if (options.levels !== undefined) checkInteger('levels', options.levels, { min: 2, max: mostLevels });
  if (options.reading !== undefined) checkText('reading', options.reading);
  await letIn(signal);
  let [least, most] = [2 ** 16, 0];
  for (const value of images.pixels) {
    if (value < least) least = value;
    if (value > most) most = value;
  }
  const of = input === 'nominal' ? 'codes' : 'levels';
  const wanted = Math.min(options.levels ?? mostLevels, mostLevels);
  if (most >= wanted) {
    const at = images.pixels.findIndex((value) => value >= wanted);
    const image = Math.floor((at * images.count) / images.pixels.length);
    const all = options.levels === undefined ? '' : `, as levels ${wanted} asks for`;
    throw invalid(
      name,
      `${of} from 0 to ${wanted - 1}${all}`,
      `${images.pixels[at]} in image ${image}, of ${least} to ${most}`,
      'levels',
    );
  }
  if (least === most) throw nothingIn(name, most);
  const levels = options.levels ?? most + 1;
  const room = levelsArray(0, levels);
  const fits = room.BYTES_PER_ELEMENT === images.pixels.BYTES_PER_ELEMENT;
  const pixels = fits ? images.pixels : levelsArray(images.pixels.length, levels);
  if (!fits) pixels.set(images.pixels);
  const binarisation = options.reading ?? `${of} 0 to ${levels - 1} as they are stored`;
  return wholeSet(images, { pixels, levels, ...(input === 'nominal' && { input }), source, binarisation });
}

/** What a rule made of values, in words: `13.2 % of the pixels are 1`, `16 levels, 14 of which occur`. */
export function levelsInWords(set: ImageSet): string {
  const counts = levelCounts(set);
  if (set.levels === 2 && set.input !== 'nominal') {
    const share = (100 * counts[1]!) / set.pixels.length;
    return `${share.toPrecision(share < 1 ? 2 : 3)} % of the pixels are 1`;
  }
  const there = counts.filter((count) => count > 0).length;
  return `${set.levels} levels, ${there === set.levels ? 'all' : there} of which occur`;
}

/** The values of grey images in words, and how they were read. */
export function greyInWords(images: RawImages): string {
  return images.reading ?? valuesInWords(valuesOf(images.pixels));
}
