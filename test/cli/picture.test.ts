import { expect, it } from 'vitest';
import { picture } from '../../ts/cli/picture.js';

it('draws two pixels to a character, images side by side with a gap', () => {
  const data = Uint8Array.of(1, 0, 1, /**/ 1, 1, 0, /**/ 0, 0, 1, /* next */ 0, 1, 0, /**/ 0, 1, 1, /**/ 1, 0, 0);
  const { text, shown } = picture(data, [2, 3, 3, 1], { levels: 2, columns: 80, rows: 4 });
  expect(text).toBe('█▄▀   █▄\n  ▀  ▀');
  expect(shown).toBe(2);
});

it('fits the terminal: rows of images, then no more, none where one is too wide', () => {
  const shape = [9, 2, 5, 1] as const;
  const data = new Uint8Array(90).fill(1);
  expect(picture(data, shape, { levels: 2, columns: 12, rows: 9 })).toMatchObject({ shown: 9 });
  expect(picture(data, shape, { levels: 2, columns: 12, rows: 2 })).toEqual({
    shown: 4,
    text: '█████  █████\n\n█████  █████',
  });
  expect(picture(data, shape, { levels: 2, columns: 4, rows: 2 })).toEqual({ shown: 0, text: '' });
});

it('takes for on what is at least half of the highest level, in the first channel', () => {
  const column = (data: Uint8Array, levels: number) =>
    picture(data, [1, 1, data.length, 1], { levels, columns: 80, rows: 1 }).text;
  expect(column(Uint8Array.of(0, 1, 2, 3, 1), 4)).toBe('  ▀▀');
  expect(column(Uint8Array.of(0, 1, 2), 3)).toBe(' ▀▀');
  const channels = picture(Uint8Array.of(1, 0, 0, 1, 1, 1), [1, 1, 3, 2], { levels: 2, columns: 80, rows: 1 });
  expect(channels.text).toBe('▀ ▀');
});
