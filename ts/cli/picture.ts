/** Images in the terminal, side by side. */

import { type Colour, levelColours } from '../colours.js';
import type { ImageShape, Levels } from '../images.js';
import { type Painted, painted } from './terminal.js';

export interface PictureOptions {
  /** Values of a pixel. */
  levels: number;
  /** `ordinal`, the default, or `nominal`. */
  input?: string | undefined;
  /** Of a model of maps in text: the character of each level. */
  alphabet?: readonly string[] | undefined;
  /** Bits of the terminal's colours. */
  colourBits: number;
  /** Characters to a line. */
  columns: number;
  /** Rows of images, at most. */
  rows: number;
  /** Images that belong in one row, of which the first are shown where not all fit. Default: as many as fit. */
  perRow?: number;
  /** For each pixel whether it has its level already; others are shown as none. Default: all have. */
  drawn?: Uint8Array;
}

/** What decides how a level is shown. */
export type Look = Pick<PictureOptions, 'levels' | 'input' | 'alphabet' | 'colourBits'>;

export interface Picture {
  /** To be printed one after the other. */
  parts: (string | Painted)[];
  /** Images that are in it. */
  shown: number;
}

/** Characters between images. */
export const gap = 2;

/** As many of the images as fit, several to a row; none where the terminal is narrower than one, or cannot show such levels. */
export function picture(
  data: Levels,
  shape: ImageShape,
  { columns, rows, perRow, drawn, ...look }: PictureOptions,
): Picture {
  const [count, height, width, channels] = shape;
  const brush = brushFor(look);
  const fit = Math.floor((columns + gap) / (width + gap));
  if (brush === undefined || fit === 0) return { parts: [], shown: 0 };
  const [stride, across] = [perRow ?? fit, Math.min(perRow ?? fit, fit)];
  const at = (image: number, y: number, x: number) => ((image * height + y) * width + x) * channels;
  const level = (image: number, y: number, x: number) => (y < height ? data[at(image, y, x)]! : undefined);
  const isDrawn = (image: number, y: number, x: number) => y >= height || drawn?.[at(image, y, x)] !== 0;
  const blank: Cell = { text: ['░', '·', ' '].find((sign) => look.alphabet?.includes(sign) !== true) ?? ' ' };
  const cell = (image: number, y: number, x: number) =>
    isDrawn(image, y, x) && (brush.pixels === 1 || isDrawn(image, y + 1, x))
      ? brush.cell(level(image, y, x)!, level(image, y + 1, x))
      : blank;
  const lines: Cell[][] = [];
  let shown = 0;
  for (let first = 0; first < Math.min(count, stride * rows); first += stride) {
    const end = Math.min(first + across, count);
    shown += end - first;
    if (first > 0) lines.push([]);
    for (let y = 0; y < height; y += brush.pixels) {
      const line: Cell[] = [];
      for (let image = first; image < end; image++) {
        if (image > first) line.push({ text: ' '.repeat(gap) });
        for (let x = 0; x < width; x++) line.push(cell(image, y, x));
      }
      lines.push(line);
    }
  }
  return { parts: partsOf(lines), shown };
}

/** Lines of the terminal that an image takes; undefined where it cannot show such levels. */
export function linesOf(height: number, { levels, input, alphabet, colourBits }: Look): number | undefined {
  const brush = brushFor({ levels, input, alphabet, colourBits });
  return brush && Math.ceil(height / brush.pixels);
}

/** A character of the terminal. */
interface Cell {
  text: string;
  /** What a terminal calls its colours. */
  colour?: string;
}

/** How a character shows one pixel, or two that lie below each other. */
interface Brush {
  pixels: 1 | 2;
  cell(upper: number, lower: number | undefined): Cell;
}

/** Blocks for two levels; characters for maps; colours for others where there are some, else shades of grey or a sign for each. */
function brushFor({ levels, input, alphabet, colourBits }: Look): Brush | undefined {
  if (alphabet !== undefined) return { pixels: 1, cell: (level) => ({ text: alphabet[level]! }) };
  if (levels === 2) return { pixels: 2, cell: (upper, lower) => ({ text: halfBlock(upper === 1, lower === 1) }) };
  if (colourBits >= 8) {
    const names = levelColours(levels, input).map((colour) => nameOf(colour, colourBits));
    return {
      pixels: 2,
      cell: (upper, lower) => ({
        text: '▀',
        colour: `38;${names[upper]}${lower === undefined ? '' : `;48;${names[lower]}`}`,
      }),
    };
  }
  if (input !== 'nominal') {
    const steps = (shades.length - 1) / (2 * (levels - 1));
    return { pixels: 2, cell: (upper, lower = 0) => ({ text: shades[Math.round(steps * (upper + lower))]! }) };
  }
  return levels > signs.length ? undefined : { pixels: 1, cell: (level) => ({ text: signs[level]! }) };
}

function halfBlock(upper: boolean, lower: boolean): string {
  if (upper) return lower ? '█' : '▀';
  return lower ? '▄' : ' ';
}

/** From black to white, for two pixels together. */
const shades = ' ░▒▓█';

/** For levels that are kinds of things. */
const signs = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';

/** What a terminal calls a colour: its parts, or its number in the table that xterm has, of greys and of six steps of each part. */
function nameOf([red, green, blue]: Colour, bits: number): string {
  if (bits >= 24) return `2;${red};${green};${blue}`;
  if (red === green && green === blue && red > 3 && red < 247) return `5;${232 + Math.round((red - 8) / 10)}`;
  const step = (part: number) => (part < 48 ? 0 : part < 115 ? 1 : Math.round((part - 55) / 40));
  return `5;${16 + 36 * step(red) + 6 * step(green) + step(blue)}`;
}

/** Cells as text: those of one colour together, and no spaces at the ends of lines. */
function partsOf(lines: readonly Cell[][]): (string | Painted)[] {
  const parts: (string | Painted)[] = [];
  let run: Cell = { text: '' };
  const end = () => {
    if (run.text !== '') parts.push(run.colour === undefined ? run.text : painted(run.text, run.colour));
  };
  for (const line of lines) {
    while (line.at(-1)?.text.trim() === '' && line.at(-1)?.colour === undefined) line.pop();
    for (const cell of [...line, { text: '\n' }] as Cell[]) {
      if (cell.colour === run.colour) run.text += cell.text;
      else {
        end();
        run = { ...cell };
      }
    }
  }
  end();
  return parts;
}
