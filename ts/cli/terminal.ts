/**
 * The one way from the command line to standard output and standard error. What a file, a name or an error brought along is
 * made visible here, so that it can steer no terminal; and what could not be written is noticed here.
 */

import { fstatSync, writeSync } from 'node:fs';
import { isatty } from 'node:tty';

/** Text in one of a terminal's colours, by its number or numbers, where the terminal has colours. Made by `painted`. */
export interface Painted {
  readonly text: string;
  readonly colour: number | string;
}

export function painted(text: string, colour: number | string): Painted {
  return { text, colour };
}

/** Bits of the colours that standard output shows: 24, 8, 4, or 1 where it shows none. */
export function colourBits(): number {
  return output.colourBits;
}

/** Prints a line to standard output, or several. */
export function print(...parts: readonly (string | Painted)[]): void {
  output.write(`${parts.map((part) => dressed(part, output)).join('')}\n`);
}

/** Says a line on standard error, or several. */
export function tell(...parts: readonly (string | Painted)[]): void {
  messages.write(`${parts.map((part) => dressed(part, messages)).join('')}\n`);
}

/** Prints a value as a line of JSON, whole. */
export function printJson(value: object): void {
  output.write(`${visible(JSON.stringify(value))}\n`);
}

/** Columns and rows of the terminal that takes what is printed; undefined where it is none, or one that takes no commands. */
export function terminalSize(): { columns: number; rows: number } | undefined {
  const { isTTY, columns, rows } = process.stdout;
  return isTTY && process.env.TERM !== 'dumb' ? { columns: columns || 80, rows: rows || 24 } : undefined;
}

/** A sheet of its own on the terminal, drawn on over and over; what was there before comes back when it is taken away. */
export interface Screen {
  /** Draws lines from the top on, in the place of those before. */
  show(...parts: readonly (string | Painted)[]): void;
  /** Takes the sheet away. A second call does nothing. */
  close(): void;
}

/** Lays a sheet on the terminal, of which there must be one. */
export function openScreen(): Screen {
  let isOpen = true;
  const close = (): void => {
    if (!isOpen) return;
    isOpen = false;
    process.off('exit', close);
    output.write('\x1b[?7h\x1b[?25h\x1b[?1049l');
  };
  process.on('exit', close); // where a second Ctrl-C ends the process
  // No cursor, and lines that are cut at the edge.
  output.write('\x1b[?1049h\x1b[?25l\x1b[?7l');
  return {
    show: (...parts) => {
      const lines = parts.map((part) => dressed(part, output)).join('');
      if (isOpen) output.write(`\x1b[H${lines.replaceAll('\n', '\x1b[K\n')}\x1b[K\x1b[J`);
    },
    close,
  };
}

/**
 * Text with all that is not to be seen written out: `\u001b` for the character that starts a terminal's commands, `\u202e` for
 * the one that turns the direction of what follows. Line feeds and tabs stay. The form is that of JSON, where it means the same.
 */
export function visible(text: string): string {
  return text.replace(invisible, (character) =>
    Array.from({ length: character.length }, (_, i) => `\\u${hex(character.charCodeAt(i))}`).join(''),
  );
}

/** Control and format characters, halves of characters, separators of lines, and what is drawn as nothing. */
const invisible = /(?![\n\t])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

const hex = (unit: number): string => unit.toString(16).padStart(4, '0');

/** The beginning of a text that is longer than `most` characters, and how long it is. */
export function excerpt(text: string, most: number): string {
  if (text.length <= most) return text;
  const end = /[\ud800-\udbff]/.test(text[most - 1]!) ? most - 1 : most; // not between the halves of a character
  return `${text.slice(0, end)}... (${text.length.toLocaleString('en-US')} characters in all)`;
}

/** The longest line for people, in characters: no path is longer. */
const longestLine = 4096;

function dressed(part: string | Painted, sink: Sink): string {
  const { text, colour } = typeof part === 'string' ? { text: part } : part;
  const lines = text.split('\n').map((line) => visible(excerpt(line, longestLine)));
  const clean = lines.join('\n');
  return colour === undefined || !sink.hasColours ? clean : `\x1b[${colour}m${clean}\x1b[0m`;
}

/** One of the two standard streams. What it does not take ends no work by itself. */
class Sink {
  readonly #fd: 1 | 2;
  #lost = false;
  #direct: boolean | undefined;
  #onLost: (error: unknown) => void = () => {};

  constructor(fd: 1 | 2) {
    this.#fd = fd;
  }

  get #stream(): NodeJS.WriteStream {
    return this.#fd === 1 ? process.stdout : process.stderr;
  }

  get hasColours(): boolean {
    return this.#stream.isTTY && this.#stream.hasColors();
  }

  get colourBits(): number {
    return this.hasColours ? this.#stream.getColorDepth() : 1;
  }

  /** Has `onLost` told once of the first error, and the process ended by none. */
  watch(onLost: (error: unknown) => void): void {
    this.#onLost = onLost;
    this.#stream.on('error', (error) => this.#lose(error));
  }

  write(text: string): void {
    if (this.#lost) return;
    try {
      this.#direct ??= isFile(this.#fd);
      if (this.#direct) writeWhole(this.#fd, text);
      else this.#stream.write(text);
    } catch (error) {
      this.#lose(error);
    }
  }

  #lose(error: unknown): void {
    if (this.#lost) return;
    this.#lost = true;
    this.#onLost(error);
  }
}

const output = new Sink(1);
const messages = new Sink(2);

/** Has `lost` told once, where standard output does not take all that is printed; to be called before anything is. */
export function onOutputLost(lost: (error: unknown) => void): void {
  output.watch(lost);
  messages.watch(() => {}); // there is nowhere left to say so
  // The system's answer to a file that outgrows a limit is a signal that ends the process; with it taken, the write fails.
  if (process.platform !== 'win32') process.on('SIGXFSZ', () => {});
}

/** Whether a descriptor is neither a terminal nor a pipe. Node writes once to such and does not look how much was taken. */
function isFile(fd: number): boolean {
  const kind = fstatSync(fd);
  return !isatty(fd) && !kind.isFIFO() && !kind.isSocket();
}

function writeWhole(fd: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done);
}
