import { expect, it } from 'vitest';
import { picture } from '../../ts/cli/picture.js';

const fit = { colourBits: 1, columns: 80, rows: 4 };

it('draws two pixels to a character, images side by side with a gap', () => {
  const data = Uint8Array.of(1, 0, 1, /**/ 1, 1, 0, /**/ 0, 0, 1, /* next */ 0, 1, 0, /**/ 0, 1, 1, /**/ 1, 0, 0);
  const drawn = { parts: ['█▄▀   █▄\n  ▀  ▀\n'], shown: 2 };
  expect(picture(data, [2, 3, 3, 1], { levels: 2, ...fit })).toEqual(drawn);
  // Of two levels there are no others, however they are meant and whatever the terminal can do.
  expect(picture(data, [2, 3, 3, 1], { levels: 2, input: 'nominal', ...fit, colourBits: 24 })).toEqual(drawn);
});

it('fits the terminal: rows of images, then no more, none where one is too wide', () => {
  const shape = [9, 2, 5, 1] as const;
  const data = new Uint8Array(90).fill(1);
  expect(picture(data, shape, { levels: 2, ...fit, columns: 12, rows: 9 })).toMatchObject({ shown: 9 });
  expect(picture(data, shape, { levels: 2, ...fit, columns: 12, rows: 2 })).toEqual({
    shown: 4,
    parts: ['█████  █████\n\n█████  █████\n'],
  });
  expect(picture(data, shape, { levels: 2, ...fit, columns: 4, rows: 2 })).toEqual({ shown: 0, parts: [] });
});

it('shades two grey pixels together where there are no colours', () => {
  const column = (data: Uint8Array, levels: number) =>
    picture(data, [1, 2, data.length / 2, 1], { levels, ...fit }).parts;
  expect(column(Uint8Array.of(0, 1, 3, 3, 0, /**/ 0, 1, 3, 0, 1), 4)).toEqual([' ░█▒░\n']);
  expect(column(Uint8Array.of(255, 0, 60, /**/ 255, 255, 70), 256)).toEqual(['█▒░\n']);
  const one = picture(Uint8Array.of(0, 3, 3), [1, 1, 3, 1], { levels: 4, ...fit });
  expect(one.parts).toEqual([' ▒▒\n']); // below the last row is nothing
  const channels = picture(Uint8Array.of(3, 0, 0, 3, 3, 3), [1, 1, 3, 2], { levels: 4, ...fit });
  expect(channels.parts).toEqual(['▒ ▒\n']);
});

it('gives each kind a sign where there are no colours, as far as there are signs', () => {
  const data = Uint8Array.of(0, 9, 10, /**/ 35, 36, 61);
  expect(picture(data, [1, 2, 3, 1], { levels: 62, input: 'nominal', ...fit }).parts).toEqual(['09a\nzAZ\n']);
  expect(picture(data, [1, 2, 3, 1], { levels: 63, input: 'nominal', ...fit })).toEqual({ parts: [], shown: 0 });
  expect(picture(data, [1, 2, 3, 1], { levels: 63, ...fit }).shown).toBe(1);
});

it('draws in colours where there are some, two pixels to a character', () => {
  const data = Uint8Array.of(0, 0, 2, /**/ 0, 0, 1, /**/ 2, 1, 1);
  const look = { levels: 3, ...fit };
  expect(picture(data, [1, 3, 3, 1], { ...look, colourBits: 24 }).parts).toEqual([
    { text: '▀▀', colour: '38;2;0;0;0;48;2;0;0;0' },
    { text: '▀', colour: '38;2;255;255;255;48;2;128;128;128' },
    '\n',
    { text: '▀', colour: '38;2;255;255;255' },
    { text: '▀▀', colour: '38;2;128;128;128' },
    '\n',
  ]);
  expect(picture(data, [1, 3, 3, 1], { ...look, colourBits: 8 }).parts.slice(0, 2)).toEqual([
    { text: '▀▀', colour: '38;5;16;48;5;16' },
    { text: '▀', colour: '38;5;231;48;5;244' },
  ]);
  expect(picture(data, [1, 3, 3, 1], { ...look, input: 'nominal', colourBits: 8 }).parts[1]).toEqual({
    text: '▀',
    colour: '38;5;46;48;5;231', // a green on white
  });
});

it('draws maps in their own characters', () => {
  const alphabet = ['.', ' ', '🌳'];
  const data = Uint8Array.of(0, 1, 2, 1, /* next */ 2, 2, 0, 1);
  for (const colourBits of [1, 24]) {
    const look = { levels: 3, input: 'nominal', alphabet, ...fit, colourBits };
    expect(picture(data, [2, 2, 2, 1], look).parts).toEqual(['.   🌳🌳\n🌳   .\n']);
  }
});
