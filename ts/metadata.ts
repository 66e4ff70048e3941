/** What a model file's metadata says in JSON: here the names of its classes and levels. */

import { show } from './arguments.js';
import type { Config } from './config.js';
import { PixelCnnError } from './error.js';

export interface ModelNames {
  /** What each class is called, `[classes]`. */
  readonly classNames: readonly string[] | undefined;
  /** The character that each level stands for, `[levels]`. */
  readonly alphabet: readonly string[] | undefined;
}

/** What a model file says of itself: the net, the file's words and the names in them; nobody can change it. */
export interface Model extends ModelNames {
  readonly config: Config;
  readonly metadata: Readonly<Record<string, string>>;
}

export function modelOf(config: Config, metadata: Readonly<Record<string, string>>): Model {
  return { config: Object.freeze(config), metadata: Object.freeze(metadata), ...namesOf(config, metadata) };
}

/**
 * The names that a model file gives.
 *
 * @throws PixelCnnError `NOT_A_MODEL` where they are none for its net.
 */
export function namesOf({ classes = 0, levels }: Config, metadata: Readonly<Record<string, string>>): ModelNames {
  /** A list of so many texts, each another; undefined where there is none. */
  const listOf = (key: keyof ModelNames, what: string, count: number, fits: RegExp): readonly string[] | undefined => {
    const json = metadata[key];
    if (json === undefined) return undefined;
    try {
      const list: readonly string[] = JSON.parse(json);
      const isText = (text: string) => fits.exec(text)?.input === text; // of what is no text another
      if (list.length === count && new Set(list).size === count && list.every(isText)) return Object.freeze(list);
    } catch {
      // It is no JSON, or no list.
    }
    const wanted = `expected in its metadata as \`${key}\` a list of ${count} texts, a ${what} and each another`;
    throw new PixelCnnError('NOT_A_MODEL', `model file: ${wanted}, got ${show(json)}`, { argument: 'model' });
  };
  return {
    classNames: listOf('classNames', 'name for each class', classes, /./s),
    alphabet: listOf('alphabet', 'character for each level', levels, character),
  };
}

/** One character, by code points, that can stand in a line of text. */
const character = /^[^\p{Cc}\p{Cs}]$/u;

export function isCharacter(text: string): boolean {
  return character.test(text);
}
