/** What a model file's metadata says in JSON: here the names of its classes and levels. */

import { show } from './arguments.js';
import type { Config } from './config.js';
import { PixelCnnError } from './error.js';

export interface ModelNames {
  /** What each class is called, `[classes]`. */
  readonly classNames?: readonly string[];
  /** The character that each level stands for, `[levels]`. */
  readonly alphabet?: readonly string[];
}

/**
 * The names that a model file gives.
 *
 * @throws PixelCnnError `NOT_A_MODEL` where they are none for its net.
 */
export function namesOf({ classes = 0, levels }: Config, metadata: Readonly<Record<string, string>>): ModelNames {
  const classNames = listOf(metadata, 'classNames', 'name for each class', classes, (name) => name !== '');
  const alphabet = listOf(metadata, 'alphabet', 'character for each level', levels, isCharacter);
  return { ...(classNames && { classNames }), ...(alphabet && { alphabet }) };
}

/** Whether a text is one character, by code points, that can stand in a line of text. */
export function isCharacter(text: string): boolean {
  return /^[^\p{Cc}\p{Cs}]$/u.test(text);
}

/** A list of so many texts, each another; undefined where there is none. */
function listOf(
  metadata: Readonly<Record<string, string>>,
  key: keyof ModelNames,
  what: string,
  count: number,
  fits: (text: string) => boolean,
): readonly string[] | undefined {
  const json = metadata[key];
  if (json === undefined) return undefined;
  const list = parsed(json);
  const isText = (text: unknown): text is string => typeof text === 'string' && fits(text);
  if (Array.isArray(list) && list.length === count && new Set(list).size === count && list.every(isText)) {
    return Object.freeze(list);
  }
  throw new PixelCnnError(
    'NOT_A_MODEL',
    `model file: expected in its metadata as \`${key}\` a list of ${count} texts, a ${what} and each another, got ${show(json)}`,
    { argument: 'model' },
  );
}

/** The value of a text that may be no JSON. */
export function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
