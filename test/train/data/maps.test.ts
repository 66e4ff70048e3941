import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, expect, it } from 'vitest';
import { divideImages, type ImageSet, splitImages } from '../../../ts/train/data/image_set.js';
import { type DataOptions, loadData } from '../../../ts/train/data/load_data.js';
import { loadCore, randomOrder } from '../../../ts/train/net/core.js';
import { checkSplit } from '../../../ts/train/run/plan.js';

const root = mkdtempSync(join(tmpdir(), 'pixelcnn-maps-'));
afterAll(() => rmSync(root, { recursive: true }));

let files = 0;
/** A file of text, or a folder of such; its path. */
function write(content: string | Uint8Array | Record<string, string | Uint8Array>, name = `${++files}.txt`): string {
  const path = join(root, name);
  if (typeof content === 'object' && !(content instanceof Uint8Array)) {
    const folder = join(root, `folder${++files}`);
    for (const [file, bytes] of Object.entries(content)) {
      mkdirSync(dirname(join(folder, file)), { recursive: true });
      writeFileSync(join(folder, file), bytes);
    }
    return folder;
  }
  writeFileSync(path, content);
  return path;
}

/** The images of a set as text again. */
function textsOf({ pixels, count, height, width, alphabet }: ImageSet): string[] {
  const size = height * width;
  return Array.from({ length: count }, (_, image) =>
    Array.from({ length: height }, (_, y) =>
      [...pixels.subarray(image * size + y * width, image * size + (y + 1) * width)]
        .map((level) => alphabet![level])
        .join(''),
    ).join('\n'),
  );
}

const load = async (data: string, options: DataOptions = {}) => {
  const said: string[] = [];
  const set = await loadData({ data, say: (line) => said.push(line), ...options });
  return { set, texts: textsOf(set), said };
};

/** What an error says, after the path, and which argument it names. */
const refused = (data: string, options: DataOptions = {}) =>
  expect(
    loadData({ data, ...options }).then(
      () => 'taken',
      (error: Error & { argument?: string }) => `${error.argument ?? '-'}: ${error.message.replace(`${data}: `, '')}`,
    ),
  ).resolves;

const rooms = ['#.#\n#@#', '###\n#.#', '.@.\n###'];

it('reads maps of one file, one of which is an image, its characters in the order of their codes', async () => {
  const { set, texts, said } = await load(write(`${rooms.join('\n\n')}\n`));
  const order = [...randomOrder(await loadCore(), 0, 0, 0, 3)];
  expect(texts).toEqual(order.map((index) => rooms[index]));
  expect(set).toMatchObject({
    ...{ count: 3, height: 2, width: 3, channels: 1, levels: 3, input: 'nominal', alphabet: ['#', '.', '@'] },
    source: 'text maps, 3 images, in the order of seed 0',
    binarisation: 'characters as levels, in the order "#.@"',
    origin: { split: 'reference', alphabet: '#.@' },
  });
  expect(set.pixels).toBeInstanceOf(Uint8Array);
  expect(set.wholes).toBeUndefined();
  expect(said).toEqual([
    'Maps: 3 text maps',
    'Characters as levels 0 to 2: "#.@"',
    'Order of the maps: drawn from seed 0, since theirs in files is no random one',
  ]);
});

it.each<[string, string | Uint8Array]>([
  ['lines of semicolons between them', `; 0\n${rooms.join('\n; n\n')}`],
  ['both', `; 0\n${rooms.join('\n\n; n\n\n')}\n\n\n`],
  ['ends of lines of Windows', `${rooms.join('\n\n').replaceAll('\n', '\r\n')}\r\n`],
  ['ends of lines of old', rooms.join('\n\n').replaceAll('\n', '\r')],
  ['a mark of byte order', `\ufeff${rooms.join('\n\n')}`],
  ['files one behind the other, with a mark each', rooms.map((room) => `\ufeff${room}\n\n`).join('')],
  ['blank lines of spaces', rooms.join('\n   \n')],
  ['a packed file', gzipSync(rooms.join('\n\n'))],
])('reads the same from %s', async (_, content) => {
  const wanted = await load(write(rooms.join('\n\n')));
  expect((await load(write(content))).set).toEqual(wanted.set);
});

it('reads Sokoban as its levels are published: a title before each, spaces for floor', async () => {
  const levels = ['#####\n#@$.#\n#  ##\n#####', '#####\n#   #\n#.$@#\n#####'];
  const { set, texts } = await load(write(levels.map((level, n) => `; ${n}\n${level}\n`).join('\n')));
  expect(texts.toSorted()).toEqual(levels.toSorted());
  expect(set.alphabet).toEqual([' ', '#', '$', '.', '@']);
});

it('takes the order of levels that is given, with characters that do not occur and semicolons among them', async () => {
  const { set, texts } = await load(write(rooms.join('\n\n')), { alphabet: '@x.#' });
  expect(set).toMatchObject({ levels: 4, alphabet: ['@', 'x', '.', '#'], origin: { alphabet: '@x.#' } });
  expect(texts.toSorted()).toEqual(rooms.toSorted());
  const semicolons = await load(write(';.\n.;\n\n;;\n..'), { alphabet: '.;' });
  expect(semicolons.texts.toSorted()).toEqual(
    ['.;', ';;'].map((row, i) => (i === 0 ? `;.\n${row}` : `${row}\n..`)).toSorted(),
  );
  // Spaces at the ends of lines are nothing where they are no level.
  expect((await load(write('#.  \n.#\n\n##\n#. '), { alphabet: '#.' })).texts.toSorted()).toEqual(['##\n#.', '#.\n.#']);
});

it('takes characters beyond ASCII, each for one cell', async () => {
  const { set, texts } = await load(write('🌲🌲é\n🌊é🌊'));
  expect(set).toMatchObject({ height: 2, width: 3, levels: 3, alphabet: ['é', '🌊', '🌲'] });
  expect(texts).toEqual(['🌲🌲é\n🌊é🌊']);
});

it('fills the ends of lines that an editor stripped, where a space is a level, and says so', async () => {
  const { texts, said } = await load(write('# #\n# #\n\n# #\n#\n\n##\n#\n\n# #\n###'));
  expect(texts.toSorted()).toEqual(['# #\n# #', '# #\n#  ', '## \n#  ', '# #\n###'].toSorted());
  expect(said).toContain('Maps: 4 text maps; short lines of 2 filled with spaces');
  await refused(write('..#\n#.\n\n...\n#.#')).toBe('data: expected rows of 3 characters, got 2 in line 2');
  // All of its lines are as long: nothing was stripped from it.
  await refused(write('# #\n###\n\n# #\n# #\n\n##\n##')).toBe(
    'window: expected maps of 2x3, as most are, or a window to cut them by (--window), got 2x2 in map 3, which begins in line 7',
  );
});

it('names the map that is of another size than the others', async () => {
  const wanted = 'expected maps of 2x2, as most are, or a window to cut them by (--window)';
  const three = '..\n##\n\n; second\n.#\n#.\n\n#.\n';
  await refused(write(`${three}#.\n##`)).toBe(`window: ${wanted}, got 3x2 in map 3, which begins in line 8`);
  await refused(write(`${three}\n##\n..`)).toBe(
    `window: ${wanted}, got 1x2 in map 3, which begins in line 8; a blank line ends a map`,
  );
  await refused(write('..\n##\n\n.#.\n#.#\n\n#.\n..')).toBe(
    `window: ${wanted}, got 2x3 in map 2, which begins in line 4`,
  );
  const folder = write({ 'a.txt': '..\n##', 'b.txt': '.#\n#.', 'c.txt': '.#.\n#.#' });
  await refused(folder).toBe(`window: ${join(folder, 'c.txt')}: ${wanted}, got 2x3 in map 1, which begins in line 1`);
});

it.each<[string, string | Uint8Array, DataOptions, string]>([
  ['nothing', '', {}, '-: expected an IDX, .npy, PNG or text file, got an empty file'],
  ['blank lines', '\n\n\n', {}, '-: expected maps of at least 2 different characters, got none'],
  ['titles alone', '; 1\n; 2\n', {}, '-: expected maps of at least 2 different characters, got none'],
  ['one character', '##\n##', {}, '-: expected maps of at least 2 different characters, got "#" alone'],
  [
    'UTF-16',
    Buffer.from('\ufeff#.\n.#', 'utf16le'),
    {},
    '-: expected an IDX, .npy, PNG or text file, got text in UTF-16; save it as UTF-8',
  ],
  [
    'another encoding',
    Buffer.from(`${'#.\n'.repeat(2000)}é`, 'latin1'),
    {},
    '-: expected text in UTF-8, got bytes that are none; save it as UTF-8',
  ],
  ['tabs', '#.\n.#\n\n#\t', {}, '-: expected characters for cells, got a tab in line 4'],
  [
    'escapes',
    `${'#.\n'.repeat(2000)}\x1b[1m`,
    {},
    '-: expected characters for cells, got the control character U+001B in line 2001',
  ],
  [
    'more characters than levels',
    Array.from({ length: 513 }, (_, i) => String.fromCodePoint(0x4e00 + i)).join(''),
    {},
    '-: expected maps of at most 512 different characters, got 513; are these maps?',
  ],
  [
    'a character that is no level',
    '; x\n#.\n.x',
    { alphabet: '#.' },
    'alphabet: expected the characters of the alphabet "#.", got "x" in line 3',
  ],
  [
    'a space that is no level',
    '#.#\n# #',
    { alphabet: '#.' },
    'alphabet: expected the characters of the alphabet "#.", got " " (U+0020) in line 2',
  ],
  [
    'one level alone',
    '##\n##',
    { alphabet: '#.' },
    '-: expected images with something in them, got the same value, 0, in every pixel',
  ],
  [
    'a table of numbers',
    '0 1 1\n1 0 2\n',
    {},
    '-: expected an IDX, .npy, PNG or text file, got a table as text; read it by numpy.loadtxt and write its images by numpy.save',
  ],
])('refuses a file of %s in one sentence', async (_, content, options, message) => {
  await refused(write(content), options).toBe(message);
});

it('takes digits without spaces for maps', async () => {
  expect((await load(write('010\n101'))).set.alphabet).toEqual(['0', '1']);
  expect((await load(write('..\n--'))).set.alphabet).toEqual(['-', '.']);
});

it('refuses options that no maps have, and those of maps beside other images', async () => {
  const maps = write(rooms.join('\n\n'));
  const wrong = (options: object, message: string) => refused(maps, options as DataOptions).toBe(message);
  await wrong({ alphabet: '' }, 'alphabet: alphabet: expected a text that is not empty and holds no zero byte, got ""');
  await wrong({ alphabet: '#' }, 'alphabet: alphabet: expected 2 to 512 characters, got 1');
  const inLine = 'alphabet: alphabet: expected characters that can stand in a line, got "\\t" (U+0009)';
  await wrong({ alphabet: '#.\t' }, inLine);
  await wrong({ alphabet: '#.@#' }, 'alphabet: alphabet: expected each character once, got "#" twice');
  await wrong({ window: 3 }, 'window: window: expected [height, width], got 3');
  await wrong({ window: [3, 0] }, 'window: window: expected an integer from 1 to 4096, got 0');
  await wrong({ stride: [1, 1] }, 'stride: stride: expected a window beside it, got none');
  await wrong(
    { levels: 4 },
    'levels: levels: expected it left out with text maps, whose characters are the levels, got 4',
  );
  await wrong(
    { threshold: 4 },
    'threshold: threshold: expected it left out with text maps, whose characters are the levels, got 4',
  );
  await wrong({ nominal: true }, 'taken');
  await refused('mnist', { alphabet: '01', offline: true }).toBe(
    'alphabet: alphabet: expected text maps beside it, got MNIST',
  );
});

const wide = ['ABCDEF\nGHIJKL\nMNOPQR', 'abcdef\nghijkl\nmnopqr', '012345\n6789+-\n*/=<>!'];

it('cuts maps into windows, all of them or some, the last ones at the edges', async () => {
  const data = write(wide[0]!);
  const { set, texts, said } = await load(data, { window: [2, 4] });
  expect(texts).toEqual(['ABCD\nGHIJ', 'BCDE\nHIJK', 'CDEF\nIJKL', 'GHIJ\nMNOP', 'HIJK\nNOPQ', 'IJKL\nOPQR']);
  expect(set.source).toBe('windows of 2x4 of 1 text map, 6 images, in the order of seed 0');
  expect(said).toContain('Windows: 6 of 2x4');
  expect(set.origin).toMatchObject({ window: [2, 4] });
  const some = await load(data, { window: [2, 3], stride: [2, 2] });
  expect(some.texts).toEqual(['ABC\nGHI', 'CDE\nIJK', 'DEF\nJKL', 'GHI\nMNO', 'IJK\nOPQ', 'JKL\nPQR']);
  expect(some.set.source).toContain('windows of 2x3 every 2x2 of 1 text map');
  expect((await load(data, { window: [3, 6] })).texts).toEqual([wide[0]]);
  await refused(data, { window: [4, 4] }).toBe(
    'window: expected maps of at least 4x4, as the window has, got 3x6 in map 1, which begins in line 1; a blank line ends a map',
  );
  await refused(data, { window: [2, 7] }).toBe(
    'window: expected maps of at least 2x7, as the window has, got 3x6 in map 1, which begins in line 1',
  );
  // Where a space is a level, what is narrower has lost some.
  expect((await load(write('# #\n###'), { window: [2, 4] })).texts).toEqual(['# # \n### ']);
});

it('cuts maps of any sizes, and keeps the windows of one on one side of a split', async () => {
  const names = 'abcdefghij';
  const maps = [...names].map((name, n) => Array.from({ length: 4 + (n % 3) }, () => name.repeat(5 + n)).join('\n'));
  const { set } = await load(write(maps.join('\n\n')), { window: [4, 4] });
  expect(set.wholes).toHaveLength(set.count);
  const mapsIn = (part: ImageSet) => new Set(part.pixels.filter((_, at) => at % 16 === 0));
  for (const share of [0.05, 0.1, 0.25, 0.5, 0.9]) {
    const { train, validation } = splitImages(set, share);
    expect([...mapsIn(train)].filter((level) => mapsIn(validation).has(level))).toEqual([]);
    expect(mapsIn(train).size + mapsIn(validation).size).toBe(10);
    expect(validation.count).toBeGreaterThan(0);
    expect(checkSplit({ validationSplit: share }, set).validationImages).toBe(validation.count);
  }
  expect(splitImages(set, 0)).toMatchObject({ validation: { count: 0 } });
});

it('divides wholes at the nearest place between them', () => {
  const of = (wholes: number[], share: number) =>
    divideImages({ count: wholes.length, wholes: Uint32Array.from(wholes) }, share).train;
  expect(of([0, 0, 0, 1, 1, 1, 2, 2, 2, 3], 0.5)).toBe(6);
  expect(of([0, 0, 0, 1, 1, 1, 2, 2, 2, 3], 0.6)).toBe(3);
  expect(of([0, 0, 0, 1, 1, 1, 2, 2, 2, 3], 0.1)).toBe(9);
  expect(of([0, 1, 1, 1, 1, 1, 1, 1, 1, 1], 0.1)).toBe(1); // both sides have some
  expect(of([0, 0, 0, 0, 0, 0, 0, 0, 0, 1], 0.8)).toBe(9);
  expect(of([0, 0, 0, 0], 0.5)).toBe(4); // one whole cannot be divided
  expect(of([0, 0, 0, 0], 0)).toBe(4);
});

it('says that the windows of one map alone leave none to validate', async () => {
  const { set, said } = await load(write(wide[0]!), { window: [2, 4] });
  expect(splitImages(set).validation.count).toBe(0);
  expect(said).toContain(
    'All windows are of one map, and stay together: none validate, unless maps of their own do (val/, val.txt)',
  );
});

it('reads a folder of files, whatever lies beside them, with parts in folders or in names', async () => {
  const [one, two, three] = rooms as [string, string, string];
  const beside = {
    'README.txt': 'About these maps:\nthey are mine',
    'LICENSE.txt': 'Do what you like.',
    'notes.md': 'x',
  };
  const flat = await load(write({ 'a.txt': one, 'b.TXT': `${two}\n\n${three}`, ...beside }));
  expect(flat.texts.toSorted()).toEqual(rooms.toSorted());
  expect(flat.said[0]).toMatch(/^Left alone in .*: LICENSE\.txt, README\.txt, notes\.md$/);
  for (const folder of <Record<string, string>[]>[
    { 'train/0.txt': one, 'valid/0.txt': two, 'test/0.txt': three },
    { 'train.txt': one, 'valid.txt': two, 'test.txt': three },
    { 'train/0.txt': one, 'valid/0.txt': two, 'test.txt': three },
    { 'boxes/unfiltered/train/0.txt': one, 'boxes/unfiltered/valid/0.txt': two, 'boxes/unfiltered/test/0.txt': three },
  ]) {
    const data = write({ ...folder, ...beside });
    const { set, texts } = await load(data);
    expect(texts).toEqual([one, two]);
    expect(set).toMatchObject({
      validationImages: 1,
      source: expect.stringMatching(/1 training then 1 validation then 1 test/),
    });
    expect((await load(data, { split: 'test' })).texts).toEqual([three]);
    // Its characters are those of all parts.
    expect(set.alphabet).toEqual(['#', '.', '@']);
  }
  await refused(write({ 'train.txt': one, 'training.txt': two })).toContain(
    'expected one file or folder of training images, found train.txt and training.txt; put all of them into one',
  );
  await refused(write({ 'val.txt': one, 'test.txt': two })).toContain(
    'expected a folder train/, or train.txt, of training images, found those of validation and test images alone',
  );
  const damaged = write({ 'a.txt': one, 'b.txt': '' });
  await refused(damaged).toBe(`-: ${join(damaged, 'b.txt')}: expected at least one map, got an empty file`);
});
