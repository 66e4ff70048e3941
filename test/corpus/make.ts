// Writes corpus.json: model files that are wrong in one way each, with the code of the error that each must give.
//
//   npx tsx test/corpus/make.ts
//
// `cargo test` (crates/pixelcnn/tests/format.rs) and vitest (test/format.test.ts) read the same corpus.json. A file is
// listed there as parts to be put end to end, so that a header of a megabyte is a line too:
//
//   "text"                      its UTF-8
//   { "text": "..", "times": n }   the same, n times
//   { "u64": "123" }            eight bytes, little-endian
//   { "hex": "c0ff" }           bytes
//   { "valid": [from, to] }     a slice of the first file, which is valid
//
// `code` is null where the file must load. Its images are then drawn by every method, or begun where they are large, with
// 256 MiB of memory; `runs` names the methods that must end in an error, and its code. The program shares no code with the parser and the writer that it tests.

import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

type Part = string | { text: string; times: number } | { u64: string } | { hex: string } | { valid: [number, number] };

export interface CorpusFile {
  name: string;
  code: string | null;
  runs?: Partial<Record<Method, string>>;
  parts: Part[];
}

export const methods = ['wavefront', 'cached', 'naive', 'reference'] as const;
type Method = (typeof methods)[number];

/** Longest header that the format accepts. */
const CAP = 2 ** 20;

/** The tensors of a net with 2 filters and one block on images of 5 x 4, and the kernel weights that its masks forbid. */
const TENSORS: { name: string; shape: number[]; forbidden?: [number, number] }[] = [
  { name: 'stem.kernel', shape: [3, 3, 1, 2], forbidden: [8, 18] },
  { name: 'stem.bias', shape: [2] },
  { name: 'blocks.0.in.kernel', shape: [1, 1, 2, 2] },
  { name: 'blocks.0.in.bias', shape: [2] },
  { name: 'blocks.0.conv.kernel', shape: [3, 3, 2, 1], forbidden: [10, 18] },
  { name: 'blocks.0.conv.bias', shape: [1] },
  { name: 'blocks.0.out.kernel', shape: [1, 1, 1, 2] },
  { name: 'blocks.0.out.bias', shape: [2] },
  { name: 'heads.0.kernel', shape: [1, 1, 2, 2] },
  { name: 'heads.0.bias', shape: [2] },
  { name: 'logits.kernel', shape: [1, 1, 2, 1] },
  { name: 'logits.bias', shape: [1] },
];

const CONFIG = {
  architecture: 'plain',
  height: 5,
  width: 4,
  channels: 1,
  levels: 2,
  filters: 2,
  blocks: 1,
  firstKernel: 3,
  blockKernel: 3,
  headLayers: 1,
  precision: 'f32',
};

const METADATA = { format: 'pixelcnn', version: '1', config: JSON.stringify(CONFIG), training: '{"data":"none"}' };

/** A member of a header: its key as it is, and its value as JSON text, so that both can be wrong. */
type Member = [key: string, json: string];

interface Entry {
  dtype?: unknown;
  shape?: unknown;
  data_offsets?: unknown;
}

const entries: (Entry & { name: string })[] = [];
const weights: number[] = [];
for (const { name, shape, forbidden } of TENSORS) {
  const start = weights.length;
  const length = shape.reduce((a, b) => a * b);
  for (let i = 0; i < length; i++) {
    const isForbidden = forbidden !== undefined && i >= forbidden[0] && i < forbidden[1];
    weights.push(isForbidden ? 0 : ((((start + i) * 37) % 29) - 14) / 16);
  }
  entries.push({ name, dtype: 'F32', shape, data_offsets: [4 * start, 4 * weights.length] });
}

const DATA = new Uint8Array(new Float32Array(weights).buffer);

/** Offsets of a tensor within the data. */
function offsets(name: string): [number, number] {
  return entries.find((entry) => entry.name === name)?.data_offsets as [number, number];
}

/** The valid header's members, with some metadata or entries changed. */
function members(metadata: object, changes: Record<string, Entry> = {}): Member[] {
  return [
    ['__metadata__', JSON.stringify(metadata)],
    ...entries.map(({ name, ...entry }): Member => [name, JSON.stringify({ ...entry, ...changes[name] })]),
  ];
}

function header(list: Member[]): string {
  return `{${list.map(([key, json]) => `${JSON.stringify(key)}:${json}`).join(',')}}`;
}

/** A header padded as the writer pads it. */
function padded(text: string): string {
  const length = 8 + Buffer.byteLength(text);
  return text + ' '.repeat(Math.ceil(length / 64) * 64 - length);
}

const HEADER = header(members(METADATA));
const DATA_START = 8 + padded(HEADER).length;
const SIZE = DATA_START + DATA.length;
const ALL_DATA: Part = { valid: [DATA_START, SIZE] };
/** The valid header without its first brace: what another first member is put before. */
const HEADER_REST: Part = { valid: [9, 8 + HEADER.length] };

/** A file with a right header length. */
function framed(head: Part[], data: Part[] = [ALL_DATA]): Part[] {
  const length = head.reduce((sum, part) => sum + partLength(part), 0);
  return [{ u64: String(length) }, ...head, ...data].filter((part) => partLength(part) > 0);
}

function partLength(part: Part): number {
  if (typeof part === 'string') return Buffer.byteLength(part);
  if ('text' in part) return Buffer.byteLength(part.text) * part.times;
  if ('hex' in part) return part.hex.length / 2;
  return 'u64' in part ? 8 : part.valid[1] - part.valid[0];
}

/** The valid file with another header, given as text. What it shares with the valid one is listed as slices. */
function withHeader(text: string, data?: Part[]): Part[] {
  const shorter = Math.min(text.length, HEADER.length);
  let prefix = 0;
  while (prefix < shorter && text[prefix] === HEADER[prefix]) prefix++;
  let suffix = 0;
  while (suffix < shorter - prefix && text.at(-1 - suffix) === HEADER.at(-1 - suffix)) suffix++;
  const head: Part[] = [
    { valid: [8, 8 + prefix] },
    text.slice(prefix, text.length - suffix),
    { valid: [8 + HEADER.length - suffix, 8 + HEADER.length] },
  ];
  return framed(head, data);
}

/** The valid file with entries changed. */
function withEntries(changes: Record<string, Entry>, data?: Part[]): Part[] {
  return withHeader(header(members(METADATA, changes)), data);
}

/** The valid file with other metadata; `undefined` leaves a key out. */
function withMetadata(changes: Record<string, unknown>): Part[] {
  return withHeader(header(members({ ...METADATA, ...changes })));
}

/** The valid file with another config; `undefined` leaves a field out. */
function withConfig(changes: Record<string, unknown>): Part[] {
  return withMetadata({ config: JSON.stringify({ ...CONFIG, ...changes }) });
}

/** The valid header with one piece of its text replaced: for what JSON.stringify would never write. */
function withText(from: string, to: string): Part[] {
  const text = HEADER.replace(from, () => to);
  if (text === HEADER) throw new Error(`the header has no ${from}`);
  return withHeader(text);
}

/** The valid file with one weight's bits replaced. */
function withWeight(tensor: string, index: number, hex: string): Part[] {
  const at = DATA_START + offsets(tensor)[0] + 4 * index;
  return [{ valid: [0, at] }, { hex }, { valid: [at + 4, SIZE] }];
}

/** The valid file with weights of the first block's first layer, all four, and a bias before it at the end of the range. */
function withOverflow(hex: string): Part[] {
  const [bias, kernel] = [offsets('stem.bias'), offsets('blocks.0.in.kernel')];
  return [
    { valid: [0, DATA_START + bias[0]] },
    { hex: MOST.repeat(2) + hex.repeat(4) },
    { valid: [DATA_START + kernel[1], SIZE] },
  ];
}

/** The largest f32, and the least. */
const [MOST, LEAST] = ['ffff7f7f', 'ffff7fff'];

/** How many bytes a number has. */
const SIZES: Record<string, number> = { I8: 1, I16: 2, I32: 4, F32: 4 };

/**
 * A file of integers: kernels of 8 bits, of 16 where they read pixels, biases of 32, and scales. `changes` give a tensor other numbers,
 * or another dtype.
 */
function integers(changes: Record<string, { dtype?: string; at?: number; value?: number }> = {}): Part[] {
  const config = JSON.stringify({ ...CONFIG, precision: 'int8' });
  const list: Member[] = [['__metadata__', JSON.stringify({ ...METADATA, config })]];
  const data: Buffer[] = [];
  let start = 0;
  const tensors = TENSORS.flatMap((tensor): { name: string; shape: number[]; forbidden?: readonly number[] }[] => {
    if (!tensor.name.endsWith('.bias')) return [tensor];
    const named = (what: string) => tensor.name.replace('bias', what);
    const kept = ['stem.bias', 'blocks.0.out.bias'].includes(tensor.name)
      ? [{ name: named('view'), shape: tensor.shape }]
      : [];
    return [tensor, { name: named('scale'), shape: tensor.shape }, ...kept];
  });
  for (const { name, shape, forbidden } of tensors) {
    const { dtype, at, value } = changes[name] ?? {};
    const what = name.slice(name.lastIndexOf('.') + 1);
    const own = { kernel: name === 'stem.kernel' ? 'I16' : 'I8', bias: 'I32', scale: 'F32', view: 'I16' }[what]!;
    const usual = { scale: 0.25, view: 300 }[what];
    const numbers = Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => {
      if (i === at) return value ?? 0;
      if (usual !== undefined) return usual;
      const [from, to] = forbidden ?? [0, 0];
      return i >= from! && i < to! ? 0 : ((i * 37) % 29) - 14;
    });
    const bytes = Buffer.alloc(numbers.length * SIZES[own]!);
    for (const [i, n] of numbers.entries()) {
      if (own === 'I8') bytes.writeInt8(n, i);
      else if (own === 'I16') bytes.writeInt16LE(n, 2 * i);
      else if (own === 'I32') bytes.writeInt32LE(n, 4 * i);
      else bytes.writeFloatLE(n, 4 * i);
    }
    const entry = { dtype: dtype ?? own, shape, data_offsets: [start, start + bytes.length] };
    list.push([name, JSON.stringify(entry)]);
    data.push(bytes);
    start += bytes.length;
  }
  return framed([header(list)], [{ hex: Buffer.concat(data).toString('hex') }]);
}

/** A small net of any form; what a field is where it is not given, `CONFIG` says, or the format. */
interface Form {
  architecture?: string;
  levels?: number;
  input?: string;
  embedding?: number;
  classes?: number;
  activation?: string;
  filters?: number;
  blocks?: number;
  headLayers?: number;
  lean?: number;
  dilations?: number[];
}

/** A tensor of such a net, and which places of a kernel, row by row, have a tap where not all have. */
interface Tensor {
  name: string;
  shape: number[];
  places?: number;
}

/** The tensors of a net, written down from the description of the format and not from the core's list of layers. */
function tensorsOf(form: Form): Tensor[] {
  const { levels, input = 'ordinal', embedding = 0, classes = 0, filters, blocks, headLayers } = { ...CONFIG, ...form };
  const tensors: Tensor[] = embedding > 0 ? [{ name: 'embedding', shape: [levels, embedding] }] : [];
  const seen = input === 'ordinal' ? 1 : embedding || levels;
  const layer = (name: string, sums: number, kernels: Tensor[], hasClasses = false) => {
    tensors.push(...kernels, { name: `${name}.bias`, shape: [sums] });
    if (hasClasses && classes > 0) tensors.push({ name: `${name}.class`, shape: [classes, sums] });
  };
  const pointwise = (name: string, from: number, to: number) => ({ name, shape: [1, 1, from, to] });
  const simple = (name: string, from: number, to: number) => layer(name, to, [pointwise(`${name}.kernel`, from, to)]);
  // Kernels of 3: of a first layer four places have a tap, of others five; a gated net has the rows and columns it reads.
  if (form.architecture === 'gated') {
    const sums = 2 * filters;
    for (let n = 0; n <= blocks; n++) {
      const [above, left] = n === 0 ? [1, 1] : [2, 2];
      const from = n === 0 ? seen : filters;
      layer(`v.${n}.conv`, sums, [{ name: `v.${n}.conv.kernel`, shape: [above, 3, from, sums] }], true);
      const own = { name: `h.${n}.conv.kernel`, shape: [1, left, from, sums] };
      layer(`h.${n}.conv`, sums, [own, pointwise(`h.${n}.vertical.kernel`, sums, sums)], true);
      if (n < blocks) simple(`h.${n}.out`, filters, filters);
    }
    const skips = Array.from({ length: blocks + 1 }, (_, n) => pointwise(`skip.${n}.kernel`, filters, sums));
    layer('skip', sums, skips);
  } else {
    layer('stem', filters, [{ name: 'stem.kernel', shape: [3, 3, seen, filters], places: 4 }], true);
    for (let n = 0; n < blocks; n++) {
      const conv = { name: `blocks.${n}.conv.kernel`, shape: [3, 3, filters, filters / 2], places: 5 };
      simple(`blocks.${n}.in`, filters, filters);
      layer(`blocks.${n}.conv`, filters / 2, [conv], true);
      simple(`blocks.${n}.out`, filters / 2, filters);
    }
  }
  const stream = form.architecture === 'gated' ? 2 * filters : filters;
  for (let n = 0; n < headLayers; n++) simple(`heads.${n}`, stream, stream);
  simple('logits', stream, levels === 2 ? 1 : levels);
  return tensors;
}

/** A model file of a net of any form. `change` is told of each tensor: another, none, or one number's bits. */
function formed(
  form: Form,
  change: (tensor: Tensor) => { tensor?: Tensor | null; at?: number; hex?: string } = () => ({}),
  more: Tensor[] = [],
): Part[] {
  const list: Member[] = [
    ['__metadata__', JSON.stringify({ ...METADATA, config: JSON.stringify({ ...CONFIG, ...form }) })],
  ];
  const data: string[] = [];
  let start = 0;
  for (const wanted of [...tensorsOf(form), ...more]) {
    const { tensor = wanted, at, hex } = change(wanted);
    if (tensor === null) continue;
    const { name, shape, places } = tensor;
    const length = shape.reduce((a, b) => a * b);
    const row = shape.slice(2).reduce((a, b) => a * b, 1);
    const allowed = places === undefined ? length : places * row;
    const numbers = Float32Array.from({ length }, (_, i) => (i < allowed ? ((((start + i) * 37) % 29) - 14) / 16 : 0));
    const bytes = Buffer.from(numbers.buffer);
    if (at !== undefined && hex !== undefined) bytes.write(hex, 4 * at, 'hex');
    data.push(bytes.toString('hex'));
    list.push([name, JSON.stringify({ dtype: 'F32', shape, data_offsets: [4 * start, 4 * (start + length)] })]);
    start += length;
  }
  return framed([header(list)], [{ hex: data.join('') }]);
}

/** Leaves a tensor out, or gives it another shape. */
const without = (name: string) => (tensor: Tensor) => (tensor.name === name ? { tensor: null } : {});
const reshaped = (name: string, shape: number[]) => (tensor: Tensor) =>
  tensor.name === name ? { tensor: { ...tensor, shape } } : {};
/** Replaces the bits of one number of a tensor. */
const withBits = (name: string, at: number, hex: string) => (tensor: Tensor) =>
  tensor.name === name ? { at, hex } : {};

/** A header that fills the cap: `before`, as many `text` as fit, `after`, and spaces. */
function full(before: string, text: string, after: string): Part[] {
  const times = Math.floor((CAP - before.length - after.length) / text.length);
  const rest = CAP - before.length - after.length - times * text.length;
  return framed([before, { text, times }, after, { text: ' ', times: rest }]);
}

function corpus(): CorpusFile[] {
  const files: CorpusFile[] = [];
  const add = (code: string | null, name: string, parts: Part[]) => files.push({ name, code, parts });
  const addGood = (name: string, parts: Part[], runs: NonNullable<CorpusFile['runs']> = {}) =>
    files.push({ name, code: null, runs, parts });
  const list = members(METADATA);
  const [metadata, stem, ...rest] = list as [Member, Member, ...Member[]];

  // The first file is what { valid } refers to.
  add(null, 'valid', [{ u64: String(DATA_START - 8) }, padded(HEADER), { hex: Buffer.from(DATA).toString('hex') }]);
  add(null, 'valid: header not padded', withHeader(HEADER));
  add(null, 'valid: header listed backwards', withHeader(header([...list].reverse())));
  add(
    null,
    'valid: white space and escapes in the header',
    withHeader(HEADER.replaceAll(',"', ' ,\n\t"').replace('"stem.bias"', '"\\u0073tem\\u002ebias"')),
  );
  add(
    null,
    'valid: data of two tensors in another order',
    withEntries({
      'heads.0.kernel': { data_offsets: offsets('blocks.0.in.kernel') },
      'blocks.0.in.kernel': { data_offsets: offsets('heads.0.kernel') },
    }),
  );
  add(null, 'valid: -0 at a forbidden tap', withWeight('stem.kernel', 8, '00000080'));
  add(null, 'valid: a denormal weight', withWeight('stem.kernel', 0, '01000000'));

  // Length and frame.
  add('FILE_TOO_SHORT', 'length 0', []);
  add('FILE_TOO_SHORT', 'length 1', [{ valid: [0, 1] }]);
  add('FILE_TOO_SHORT', 'length 7', [{ valid: [0, 7] }]);
  add('HEADER_NOT_JSON', 'header length 0', [{ u64: '0' }, ALL_DATA]);
  add('HEADER_TOO_LARGE', 'header length 2^63', [{ u64: String(2n ** 63n) }, { valid: [8, SIZE] }]);
  add('HEADER_TOO_LARGE', 'header length 2^64 - 1', [{ u64: String(2n ** 64n - 1n) }, { valid: [8, SIZE] }]);
  add('HEADER_TOO_LARGE', 'header length 2^32', [{ u64: String(2n ** 32n) }, { valid: [8, SIZE] }]);
  add('HEADER_TOO_LARGE', 'header length one over the cap', [{ u64: String(CAP + 1) }, { valid: [8, SIZE] }]);
  add('FILE_TOO_SHORT', 'header length at the cap, file shorter', [{ u64: String(CAP) }, { valid: [8, SIZE] }]);
  add('FILE_TOO_SHORT', 'header length one past the end', [{ u64: String(SIZE - 8 + 1) }, { valid: [8, SIZE] }]);
  add('HEADER_NOT_UTF8', 'header length over all of the data', [{ u64: String(SIZE - 8) }, { valid: [8, SIZE] }]);
  add('HEADER_NOT_JSON', 'header length that cuts the header', [{ u64: '100' }, { valid: [8, SIZE] }]);
  add('FILE_TOO_SHORT', 'truncated in the header', [{ valid: [0, 200] }]);
  add('FILE_TOO_SHORT', 'truncated after the header', [{ valid: [0, DATA_START] }]);
  add('FILE_TOO_SHORT', 'truncated by one byte', [{ valid: [0, SIZE - 1] }]);
  add('TRAILING_BYTES', 'one trailing byte', [{ valid: [0, SIZE] }, { hex: '00' }]);
  add('TRAILING_BYTES', 'the data twice', [{ valid: [0, SIZE] }, ALL_DATA]);
  add('HEADER_TOO_LARGE', 'an HDF5 file', [{ hex: '894844460d0a1a0a' }, { valid: [8, SIZE] }]);
  add('HEADER_TOO_LARGE', 'a ZIP file, as Keras writes', [{ hex: '504b030414000000' }, { valid: [8, SIZE] }]);
  add('HEADER_TOO_LARGE', 'a JSON file, as tfjs writes', [{ valid: [8, SIZE] }]);

  // UTF-8.
  add('HEADER_NOT_UTF8', 'not UTF-8: 0xff in a name', framed(['{"a', { hex: 'ff' }, '":1,', HEADER_REST]));
  add('HEADER_NOT_UTF8', 'not UTF-8: overlong slash', framed(['{"a', { hex: 'c0af' }, '":1,', HEADER_REST]));
  add('HEADER_NOT_UTF8', 'not UTF-8: encoded surrogate', framed(['{"a', { hex: 'eda080' }, '":1,', HEADER_REST]));
  add(
    'HEADER_NOT_UTF8',
    'not UTF-8: UTF-16',
    framed([{ hex: `fffe${Buffer.from('{"__metadata__":{}}', 'utf16le').toString('hex')}` }]),
  );

  // JSON.
  add('HEADER_NOT_JSON', 'not JSON', withHeader('hello'));
  add('HEADER_NOT_JSON', 'not an object: array', withHeader(`[${HEADER}]`));
  add('HEADER_NOT_JSON', 'not an object: null', withHeader('null'));
  add('HEADER_NOT_JSON', 'byte order mark', framed([{ hex: 'efbbbf' }, '{', HEADER_REST]));
  add('HEADER_NOT_JSON', 'leading space', withHeader(` ${HEADER}`));
  add('HEADER_NOT_JSON', 'text after the object', withHeader(`${HEADER} {}`));
  add('HEADER_NOT_JSON', 'padded with zeros', framed(['{', HEADER_REST, { hex: '00'.repeat(24) }]));
  add('HEADER_NOT_JSON', 'trailing comma', withHeader(HEADER.replace(/}$/, ',}')));
  add('HEADER_NOT_JSON', 'no closing brace', withHeader(HEADER.slice(0, -1)));
  add('HEADER_NOT_JSON', 'no closing quote', withHeader(`{"__metadata__`));
  add('HEADER_NOT_JSON', 'comment', withHeader(`{/**/${HEADER.slice(1)}`));
  add('HEADER_NOT_JSON', 'single quotes', withText('"stem.bias"', "'stem.bias'"));
  add('HEADER_NOT_JSON', 'control character in a string', withText('stem.bias', 'stem\n.bias'));
  add('HEADER_NOT_JSON', 'lone surrogate', withText('stem.bias', 'stem\\ud800.bias'));
  add('HEADER_NOT_JSON', 'unknown escape', withText('stem.bias', 'stem\\x2ebias'));
  add('HEADER_NOT_JSON', 'leading zero', withText('[0,72]', '[00,72]'));
  add('HEADER_NOT_JSON', 'hexadecimal offset', withText('[0,72]', '[0,0x48]'));
  add('HEADER_NOT_JSON', 'NaN offset', withText('[0,72]', '[NaN,72]'));
  add('HEADER_NOT_JSON', 'deep nesting: arrays', full('{"a":', '[', ''));
  add('HEADER_NOT_JSON', 'deep nesting: objects', full('', '{"a":', ''));
  add(
    'HEADER_NOT_JSON',
    'deep nesting: 33 levels, well formed',
    withHeader(`{"a":${'['.repeat(32)}${']'.repeat(32)},${HEADER.slice(1)}`),
  );

  // Keys twice.
  add('DUPLICATE_KEY', 'tensor twice', withHeader(header([...list, stem])));
  add(
    'DUPLICATE_KEY',
    'tensor twice, once with an escape',
    withHeader(header([...list, stem]).replace(/"stem\.kernel"(?!.*"stem\.kernel")/, '"stem\\u002ekernel"')),
  );
  add('DUPLICATE_KEY', 'field of a tensor twice', withText('"dtype":"F32"', '"dtype":"F32","dtype":"F32"'));
  add('DUPLICATE_KEY', 'metadata twice', withHeader(header([metadata, ...list])));
  add('DUPLICATE_KEY', 'metadata twice, the second last', withHeader(header([...list, metadata])));
  add('DUPLICATE_KEY', 'key of the metadata twice', withText('"version":"1"', '"version":"1","version":"1"'));
  add(
    'INVALID_CONFIG',
    'field of the config twice',
    withMetadata({ config: METADATA.config.replace('{', '{"height":5,') }),
  );

  // Metadata.
  add('NOT_A_MODEL', 'empty object', withHeader('{}', []));
  add('NOT_A_MODEL', 'no metadata', withHeader(header([stem, ...rest])));
  add('NOT_A_MODEL', 'a header of spaces', full('{', ' ', '}'));
  add('HEADER_NOT_JSON', 'metadata is an array', withHeader(header([['__metadata__', '[]'], stem, ...rest])));
  add('HEADER_NOT_JSON', 'metadata is a string', withHeader(header([['__metadata__', '"pixelcnn"'], stem, ...rest])));
  add('HEADER_NOT_JSON', 'metadata holds a number', withMetadata({ version: 1 }));
  add('HEADER_NOT_JSON', 'metadata holds an object', withMetadata({ config: CONFIG }));
  add(
    'HEADER_NOT_JSON',
    'metadata has 65 keys',
    withMetadata(Object.fromEntries(Array.from({ length: 61 }, (_, i) => [`key ${i}`, '']))),
  );
  add(
    null,
    'valid: metadata has 64 keys',
    withMetadata(Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`key ${i}`, '']))),
  );
  add('DUPLICATE_KEY', 'metadata fills the cap with one key', full('{"__metadata__":{', '"":"",', '"":""}}'));
  add('NOT_A_MODEL', 'metadata fills the cap with one value', full('{"__metadata__":{"":"', 'a', '"}}'));
  add('NOT_A_MODEL', 'metadata fills the cap with escapes', full('{"__metadata__":{"":"', '\\n', '"}}'));
  add('NOT_A_MODEL', 'format missing', withMetadata({ format: undefined }));
  add('NOT_A_MODEL', 'format of PyTorch', withMetadata({ format: 'pt' }));
  add('NOT_A_MODEL', 'version missing', withMetadata({ version: undefined }));
  add('UNSUPPORTED_VERSION', 'version 2', withMetadata({ version: '2' }));
  add('UNSUPPORTED_VERSION', 'version 1.0', withMetadata({ version: '1.0' }));
  add('UNSUPPORTED_VERSION', 'version empty', withMetadata({ version: '' }));
  add(
    'UNSUPPORTED_VERSION',
    'version fills the cap',
    full('{"__metadata__":{"format":"pixelcnn","version":"', '1', '"}}'),
  );
  add('NOT_A_MODEL', 'config missing', withMetadata({ config: undefined }));

  // Config.
  add('INVALID_CONFIG', 'config empty', withMetadata({ config: '' }));
  add('INVALID_CONFIG', 'config not JSON', withMetadata({ config: 'plain' }));
  add('INVALID_CONFIG', 'config an array', withMetadata({ config: '[]' }));
  add('INVALID_CONFIG', 'config an empty object', withMetadata({ config: '{}' }));
  add('INVALID_CONFIG', 'config too long', withMetadata({ config: METADATA.config + ' '.repeat(1024) }));
  add('INVALID_CONFIG', 'config a long array', withMetadata({ config: `[${'0,'.repeat(510)}0]` }));
  add('INVALID_CONFIG', 'config nested deeply', withMetadata({ config: '['.repeat(1024) }));
  add(
    'INVALID_CONFIG',
    'config fills the cap',
    full('{"__metadata__":{"format":"pixelcnn","version":"1","config":"', '[0,', '"}}'),
  );
  add('INVALID_CONFIG', 'config lacks a field', withConfig({ blocks: undefined }));
  add('INVALID_CONFIG', 'config has an unknown field', withConfig({ dropout: 0 }));
  add(
    'INVALID_CONFIG',
    'config has __proto__',
    withMetadata({ config: METADATA.config.replace('{', '{"__proto__":{},') }),
  );
  add('INVALID_CONFIG', 'height 0', withConfig({ height: 0 }));
  add('INVALID_CONFIG', 'height 2^31', withConfig({ height: 2 ** 31 }));
  add(
    'INVALID_CONFIG',
    'height 2^64',
    withMetadata({ config: METADATA.config.replace('"height":5', '"height":18446744073709551616') }),
  );
  add('INVALID_CONFIG', 'width -1', withConfig({ width: -1 }));
  add('INVALID_CONFIG', 'width 4.5', withConfig({ width: 4.5 }));
  add('INVALID_CONFIG', 'width 1e300', withConfig({ width: 1e300 }));
  add('INVALID_CONFIG', 'width a string', withConfig({ width: '4' }));
  add('INVALID_CONFIG', 'even kernel', withConfig({ blockKernel: 2 }));
  add('INVALID_CONFIG', 'kernel 33', withConfig({ firstKernel: 33 }));
  add('INVALID_CONFIG', 'first kernel 1', withConfig({ firstKernel: 1 }));
  add('INVALID_CONFIG', 'no filters', withConfig({ filters: 0 }));
  add('INVALID_CONFIG', 'odd filters', withConfig({ filters: 3 }));
  add('INVALID_CONFIG', 'blocks 2^32', withConfig({ blocks: 2 ** 32 }));
  add('UNSUPPORTED_MODEL', 'too many weights: 4096 filters x 256 blocks', withConfig({ filters: 4096, blocks: 256 }));
  add(
    'UNSUPPORTED_MODEL',
    'too many weights: everything at its largest',
    withConfig({
      height: 4096,
      width: 4096,
      filters: 4096,
      blocks: 256,
      firstKernel: 31,
      blockKernel: 31,
      headLayers: 256,
    }),
  );
  add('UNSUPPORTED_MODEL', 'channels 3', withConfig({ channels: 3 }));
  add('WRONG_SHAPE', 'levels 256', withConfig({ levels: 256 }));
  add('UNSUPPORTED_MODEL', 'an architecture of the future', withConfig({ architecture: 'fancy' }));
  add('UNEXPECTED_TENSOR', 'architecture gated', withConfig({ architecture: 'gated' }));
  add('UNSUPPORTED_MODEL', 'precision int4', withConfig({ precision: 'int4' }));
  add('WRONG_SHAPE', 'config of a wider net', withConfig({ filters: 4 }));
  add('WRONG_SHAPE', 'config of a net as wide as can be', withConfig({ filters: 4096, blockKernel: 1 }));
  add('MISSING_TENSOR', 'config of a deeper net', withConfig({ blocks: 2 }));
  add('MISSING_TENSOR', 'config of the net with most layers', withConfig({ blocks: 256, headLayers: 256 }));
  add('WRONG_SHAPE', 'config of the net with most taps', withConfig({ blocks: 256, headLayers: 256, blockKernel: 31 }));
  add('UNEXPECTED_TENSOR', 'config of a shallower net', withConfig({ blocks: 0 }));

  // Which tensors.
  add(
    'UNEXPECTED_TENSOR',
    'tensor __proto__',
    withHeader(header([...list, ['__proto__', '{"dtype":"F32","shape":[0],"data_offsets":[0,0]}']])),
  );
  add('UNEXPECTED_TENSOR', 'tensor constructor', withHeader(header([...list, ['constructor', stem[1]]])));
  add('UNEXPECTED_TENSOR', 'tensor without a name', withHeader(header([...list, ['', stem[1]]])));
  add(
    'UNEXPECTED_TENSOR',
    'tensor with control characters in its name',
    withHeader(HEADER.replace(/}$/, ',"\\u001b[2J\\u202e\\u0000":0}')),
  );
  const head = header([metadata]).slice(0, -1);
  add('UNEXPECTED_TENSOR', 'tensor with a name that fills the cap', full(`${head},"`, 'a', '":0}'));
  add('UNEXPECTED_TENSOR', 'tensor with a name of escapes that fills the cap', full(`${head},"`, '\\"', '":0}'));
  add(
    'UNEXPECTED_TENSOR',
    'one tensor too many',
    withHeader(
      header([
        ...list,
        ['extra', JSON.stringify({ dtype: 'F32', shape: [1], data_offsets: [DATA.length, DATA.length + 4] })],
      ]),
      [ALL_DATA, { hex: '00000000' }],
    ),
  );
  add(
    'UNEXPECTED_TENSOR',
    'tensors fill the cap',
    full(`${head},`, '"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},', `${header(list.slice(1)).slice(1)}`),
  );
  add(
    'UNEXPECTED_TENSOR',
    'tensors fill the cap after the valid ones',
    full(`${HEADER.slice(0, -1)},`, '"":0,', '"":0}'),
  );
  add(
    'HEADER_TOO_LARGE',
    '100,000 tensors',
    framed([
      `${HEADER.slice(0, -1)},`,
      { text: '"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},', times: 100_000 },
      '"b":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}',
    ]),
  );
  add('MISSING_TENSOR', 'no tensors', withHeader(header([metadata]), []));
  add(
    'MISSING_TENSOR',
    'last tensor missing',
    withHeader(header(list.slice(0, -1)), [{ valid: [DATA_START, SIZE - 4] }]),
  );
  add('MISSING_TENSOR', 'first tensor missing, its data there', withHeader(header([metadata, ...rest])));

  // A tensor's entry.
  add('INVALID_TENSOR_ENTRY', 'entry null', withHeader(header([metadata, [stem[0], 'null'], ...rest])));
  add('INVALID_TENSOR_ENTRY', 'entry an array', withHeader(header([metadata, [stem[0], '[]'], ...rest])));
  add('INVALID_TENSOR_ENTRY', 'entry empty', withHeader(header([metadata, [stem[0], '{}'], ...rest])));
  const badEntry = (name: string, entry: Entry) =>
    add('INVALID_TENSOR_ENTRY', name, withEntries({ 'stem.kernel': entry }));
  badEntry('dtype missing', { dtype: undefined });
  badEntry('shape missing', { shape: undefined });
  badEntry('offsets missing', { data_offsets: undefined });
  badEntry('entry with a field too many', { stride: 1 } as Entry);
  badEntry('dtype a number', { dtype: 32 });
  badEntry('shape a number', { shape: 18 });
  badEntry('shape a string', { shape: '3,3,1,2' });
  badEntry('shape nested', { shape: [[3, 3, 1, 2]] });
  badEntry('shape of strings', { shape: ['3', '3', '1', '2'] });
  badEntry('shape with null', { shape: [3, 3, 1, null] });
  badEntry('dimension negative', { shape: [3, -3, 1, 2] });
  badEntry('dimension a fraction', { shape: [3, 3, 1, 2.5] });
  badEntry('dimension 1e300', { shape: [3, 3, 1, 1e300] });
  badEntry('shape of 9 dimensions', { shape: [3, 3, 1, 2, 1, 1, 1, 1, 1] });
  badEntry('one offset', { data_offsets: [0] });
  badEntry('three offsets', { data_offsets: [0, 36, 72] });
  badEntry('offset negative', { data_offsets: [-72, 0] });
  badEntry('offset a fraction', { data_offsets: [0, 72.5] });
  add('INVALID_TENSOR_ENTRY', 'dimension -0', withText('[3,3,1,2]', '[3,3,1,-0]'));
  add('INVALID_TENSOR_ENTRY', 'dimension 2.0', withText('[3,3,1,2]', '[3,3,1,2.0]'));
  add('INVALID_TENSOR_ENTRY', 'dimension 2^64', withText('[3,3,1,2]', '[3,3,1,18446744073709551616]'));
  add('INVALID_TENSOR_ENTRY', 'dimension of a thousand digits', withText('[3,3,1,2]', `[3,3,1,${'2'.repeat(1000)}]`));
  add('INVALID_TENSOR_ENTRY', 'offset 2^64', withText('[0,72]', '[0,18446744073709551616]'));
  add('INVALID_TENSOR_ENTRY', 'shape fills the cap', full(`${head},"stem.kernel":{"shape":[`, '1,', '1]}}'));
  for (const dtype of ['F16', 'BF16', 'F64', 'I8', 'U8', 'I32', 'BOOL', 'f32', 'F32 ', '', 'F8_E4M3']) {
    add('UNSUPPORTED_DTYPE', `dtype "${dtype}"`, withEntries({ 'stem.kernel': { dtype } }));
  }
  add(
    'UNSUPPORTED_DTYPE',
    'dtype F16 with its size',
    withEntries({ 'logits.bias': { dtype: 'F16', data_offsets: [228, 230] } }, [{ valid: [DATA_START, SIZE - 2] }]),
  );

  // Shapes. 2^61 * 8 is 0 in 64 bits, 2^62 * 4 bytes too, and (2^62 + 18) * 4 bytes is 72, which is right.
  add('SHAPE_OVERFLOW', 'shape product 2^64', withText('[3,3,1,2]', '[2305843009213693952,8]'));
  add('SHAPE_OVERFLOW', 'shape size 2^64 bytes', withText('[3,3,1,2]', '[4611686018427387904]'));
  add('SHAPE_OVERFLOW', 'shape size that wraps to the right one', withText('[3,3,1,2]', '[4611686018427387922]'));
  add(
    'SHAPE_OVERFLOW',
    'shape product 2^512',
    withText('[3,3,1,2]', `[${Array(8).fill('18446744073709551615').join()}]`),
  );
  const wrongShape = (name: string, shape: number[]) =>
    add('WRONG_SHAPE', name, withEntries({ 'stem.kernel': { shape } }));
  wrongShape('shape product 2^32', [65536, 65536, 1, 1]);
  wrongShape('shape transposed', [2, 1, 3, 3]);
  wrongShape('shape flat', [18]);
  wrongShape('shape with a dimension more', [3, 3, 1, 2, 1]);
  wrongShape('shape of a scalar', []);
  wrongShape('shape of no value', [3, 3, 0, 2]);
  add('WRONG_SHAPE', 'zero-size tensor', withEntries({ 'stem.kernel': { shape: [0], data_offsets: [0, 0] } }));
  add('WRONG_SHAPE', 'shape of no value times 2^63', withText('[3,3,1,2]', '[0,9223372036854775808]'));

  // Offsets.
  const badSize = (name: string, data_offsets: number[]) =>
    add('SIZE_MISMATCH', name, withEntries({ 'stem.kernel': { data_offsets } }));
  badSize('size of half the type', [0, 36]);
  badSize('size one byte less', [0, 71]);
  badSize('size one byte more', [0, 73]);
  badSize('size 0', [0, 0]);
  badSize('size 2^40', [0, 2 ** 40]);
  add('SIZE_MISMATCH', 'size 2^64 - 1', withText('[0,72]', '[0,18446744073709551615]'));
  add('INVALID_OFFSETS', 'offsets reversed', withEntries({ 'stem.kernel': { data_offsets: [72, 0] } }));
  add('INVALID_OFFSETS', 'offsets near 2^64', withText('[0,72]', '[18446744073709551543,18446744073709551615]'));
  add(
    'INVALID_OFFSETS',
    'overlap: two tensors on the same data',
    withEntries({ 'heads.0.kernel': { data_offsets: offsets('blocks.0.in.kernel') } }),
  );
  add('INVALID_OFFSETS', 'overlap: by four bytes', withEntries({ 'stem.bias': { data_offsets: [68, 76] } }));
  add('INVALID_OFFSETS', 'overlap: by one byte, not aligned', withEntries({ 'stem.bias': { data_offsets: [71, 79] } }));
  const shifted = (by: number, from: number) =>
    Object.fromEntries(
      entries
        .slice(from)
        .map((entry) => [entry.name, { data_offsets: (entry.data_offsets as number[]).map((at) => at + by) }]),
    );
  add('INVALID_OFFSETS', 'gap before the first tensor', withEntries(shifted(4, 0), [{ hex: '00000000' }, ALL_DATA]));
  add(
    'INVALID_OFFSETS',
    'hole between two tensors',
    withEntries(shifted(4, 1), [
      { valid: [DATA_START, DATA_START + 72] },
      { hex: '00000000' },
      { valid: [DATA_START + 72, SIZE] },
    ]),
  );
  add(
    'INVALID_OFFSETS',
    'hole of one byte',
    withEntries(shifted(1, 11), [{ valid: [DATA_START, SIZE - 4] }, { hex: '00' }, { valid: [SIZE - 4, SIZE] }]),
  );
  add(
    'INVALID_OFFSETS',
    'past the end',
    withEntries({ 'logits.bias': { data_offsets: [DATA.length, DATA.length + 4] } }),
  );
  add('INVALID_OFFSETS', 'far past the end', withEntries({ 'logits.bias': { data_offsets: [2 ** 40, 2 ** 40 + 4] } }));
  add('INVALID_OFFSETS', 'offsets counted from the start of the file', withEntries(shifted(DATA_START, 0)));

  // Weights.
  const notFinite = (name: string, tensor: string, index: number, hex: string) =>
    add('NON_FINITE_WEIGHT', name, withWeight(tensor, index, hex));
  notFinite('NaN', 'stem.kernel', 0, '0000c07f');
  notFinite('NaN, signalling and negative', 'heads.0.kernel', 3, '010080ff');
  notFinite('infinity', 'blocks.0.conv.kernel', 5, '0000807f');
  notFinite('-infinity', 'logits.kernel', 1, '000080ff');
  notFinite('NaN in a bias', 'logits.bias', 0, '0000c07f');
  notFinite('NaN at a forbidden tap', 'stem.kernel', 8, '0000c07f');
  const forbidden = (name: string, tensor: string, index: number, hex = '0000003f') =>
    add('FORBIDDEN_WEIGHT', name, withWeight(tensor, index, hex));
  forbidden('mask A: centre', 'stem.kernel', 8);
  forbidden('mask A: right', 'stem.kernel', 11);
  forbidden('mask A: below', 'stem.kernel', 17);
  forbidden('mask A: centre, the least denormal', 'stem.kernel', 9, '01000000');
  forbidden('mask B: right', 'blocks.0.conv.kernel', 10);
  forbidden('mask B: below', 'blocks.0.conv.kernel', 12, '000000bf');

  // Integers.
  add(null, 'valid: integers', integers());
  add('UNSUPPORTED_DTYPE', 'integers: kernel F32', integers({ 'stem.kernel': { dtype: 'F32' } }));
  add('UNSUPPORTED_DTYPE', 'integers: bias I16', integers({ 'heads.0.bias': { dtype: 'I16' } }));
  add('UNSUPPORTED_DTYPE', 'integers under a config of f32', withEntries({ 'stem.kernel': { dtype: 'I16' } }));
  add(
    'UNSUPPORTED_DTYPE',
    'integers: kernel I16 where it reads no pixels',
    integers({ 'heads.0.kernel': { dtype: 'I16' } }),
  );
  add('WEIGHT_OUT_OF_RANGE', 'integers: weight -128', integers({ 'heads.0.kernel': { at: 0, value: -128 } }));
  add(
    'WEIGHT_OUT_OF_RANGE',
    'integers: weight of pixels -32768',
    integers({ 'stem.kernel': { at: 0, value: -32768 } }),
  );
  add('WEIGHT_OUT_OF_RANGE', 'integers: view 0', integers({ 'stem.view': { at: 0, value: 0 } }));
  add('WEIGHT_OUT_OF_RANGE', 'integers: view -1', integers({ 'stem.view': { at: 1, value: -1 } }));
  for (const value of [0, -0, -0.25, 1e-19, 1e19, Number.NaN, Infinity, -Infinity]) {
    add(
      'SCALE_OUT_OF_RANGE',
      `integers: scale ${Object.is(value, -0) ? '-0' : value}`,
      integers({ 'logits.scale': { at: 0, value } }),
    );
  }
  add('INTEGER_OVERFLOW', 'integers: bias at the top', integers({ 'stem.bias': { at: 1, value: 2 ** 31 - 1 } }));
  add('INTEGER_OVERFLOW', 'integers: bias at the bottom', integers({ 'logits.bias': { at: 0, value: -(2 ** 31) } }));
  add('FORBIDDEN_WEIGHT', 'integers: mask A', integers({ 'stem.kernel': { at: 8, value: 1 } }));

  // Nets of other forms.
  const gated: Form = { architecture: 'gated', classes: 3 };
  const classes: Form = { classes: 3 };
  const oneHot: Form = { levels: 4, input: 'nominal' };
  const embedded: Form = { levels: 5, input: 'nominal', embedding: 2 };
  for (const [name, form] of Object.entries({
    'gated with classes': gated,
    'gated, gates that keep zeros, an odd number of filters, one layer': {
      architecture: 'gated',
      activation: 'relu',
      filters: 3,
      blocks: 0,
    },
    'gated, embedded, dilated': { ...embedded, architecture: 'gated', dilations: [1, 3], headLayers: 0 },
    'three levels of grey': { levels: 3 },
    'four levels that are names': oneHot,
    'five embedded levels': embedded,
    'two embedded levels': { input: 'nominal', embedding: 3 },
    'three classes': classes,
    'leaning and dilated': { lean: 2, dilations: [2], activation: 'tanh' },
    'sigmoid within': { activation: 'sigmoid' },
    'every field at once': { ...embedded, ...classes, activation: 'sigmoid', lean: 1, dilations: [3, 1, 2] },
  } satisfies Record<string, Form>)) {
    addGood(`valid: ${name}`, formed(form));
  }
  const usual = { input: 'ordinal', embedding: 0, classes: 0, activation: 'relu', lean: 0, dilations: [1] };
  add(null, 'valid: fields that say what is so without them', withConfig(usual));
  add(null, 'valid: the same weights, leaning', withConfig({ lean: 8, dilations: [16, 1, 1, 1, 1, 1, 1, 1] }));
  const badConfig = (changes: Record<string, unknown>) =>
    add('INVALID_CONFIG', `config with ${JSON.stringify(changes)}`, withConfig(changes));
  badConfig({ levels: 1 });
  badConfig({ levels: 513 });
  badConfig({ levels: '2' });
  badConfig({ classes: 1 });
  badConfig({ classes: 1025 });
  badConfig({ classes: -1 });
  badConfig({ classes: '3' });
  badConfig({ classes: null });
  badConfig({ embedding: 4 });
  badConfig({ input: 'nominal', embedding: 513 });
  badConfig({ input: 1 });
  badConfig({ activation: null });
  badConfig({ architecture: 'gated', activation: 'sigmoid' });
  badConfig({ architecture: 'gated', lean: 1 });
  badConfig({ lean: 9 });
  badConfig({ lean: 0.5 });
  badConfig({ dilations: [] });
  badConfig({ dilations: [1, 1, 1, 1, 1, 1, 1, 1, 1] });
  badConfig({ dilations: [1, 0] });
  badConfig({ dilations: [17] });
  badConfig({ dilations: [1.5] });
  badConfig({ dilations: ['1'] });
  badConfig({ dilations: [[1]] });
  badConfig({ dilations: 2 });
  badConfig({ dilations: null });
  const unsupported = (changes: Record<string, unknown>) =>
    add('UNSUPPORTED_MODEL', `config with ${JSON.stringify(changes)}`, withConfig(changes));
  unsupported({ input: 'rgb' });
  unsupported({ activation: 'gelu' });
  unsupported({ precision: 'int16' });
  unsupported({ architecture: 'gated', filters: 4096, blockKernel: 31 });
  add('MISSING_TENSOR', 'config of a net with classes', withConfig({ classes: 3 }));
  add('WRONG_SHAPE', 'config of a net with three levels', withConfig({ levels: 3 }));
  add('WRONG_SHAPE', 'config of a net with one-hot levels', withConfig({ input: 'nominal' }));
  add('MISSING_TENSOR', 'config of a net with an embedding', withConfig({ input: 'nominal', embedding: 1 }));
  add(
    'UNEXPECTED_TENSOR',
    'config of the gated net with most layers',
    withConfig({ architecture: 'gated', blocks: 256, headLayers: 256 }),
  );
  add(
    'UNEXPECTED_TENSOR',
    'classes that the config does not tell of',
    formed({}, undefined, [{ name: 'stem.class', shape: [3, 2] }]),
  );
  add('MISSING_TENSOR', 'class vectors missing', formed(classes, without('blocks.0.conv.class')));
  add('WRONG_SHAPE', 'class vectors transposed', formed(classes, reshaped('stem.class', [2, 3])));
  add('WRONG_SHAPE', 'class vectors of a class more', formed(classes, reshaped('stem.class', [4, 2])));
  add('WRONG_SHAPE', 'class vectors flat', formed(classes, reshaped('stem.class', [6])));
  for (const name of ['blocks.0.in', 'heads.0', 'logits']) {
    const more = [{ name: `${name}.class`, shape: [3, 2] }];
    add('UNEXPECTED_TENSOR', `class vectors of ${name}, which has none`, formed(classes, undefined, more));
  }
  const [nan, infinity] = ['0000c07f', '0000807f'];
  add('NON_FINITE_WEIGHT', 'NaN in a class vector', formed(classes, withBits('stem.class', 3, nan)));
  add('NON_FINITE_WEIGHT', 'infinity in a class vector', formed(gated, withBits('h.1.conv.class', 11, infinity)));
  add('MISSING_TENSOR', 'embedding missing', formed(embedded, without('embedding')));
  add('WRONG_SHAPE', 'embedding transposed', formed(embedded, reshaped('embedding', [2, 5])));
  add('NON_FINITE_WEIGHT', 'NaN in an embedding', formed(embedded, withBits('embedding', 9, nan)));
  const extra = [{ name: 'embedding', shape: [4, 2] }];
  add('UNEXPECTED_TENSOR', 'embedding of one-hot levels', formed(oneHot, undefined, extra));
  add('WRONG_SHAPE', 'logits of one level less', formed(oneHot, reshaped('logits.bias', [3])));
  add('FORBIDDEN_WEIGHT', 'mask A: a channel of the centre', formed(oneHot, withBits('stem.kernel', 39, '0000003f')));
  add(
    'FORBIDDEN_WEIGHT',
    'mask B of a kernel that leans',
    formed({ lean: 3 }, withBits('blocks.0.conv.kernel', 10, '0000003f')),
  );
  for (const name of ['h.0.vertical.kernel', 'v.1.conv.kernel', 'skip.1.kernel', 'h.0.out.bias', 'skip.bias']) {
    add('MISSING_TENSOR', `gated: ${name} missing`, formed(gated, without(name)));
  }
  for (const name of ['v.0.gate.bias', 'h.1.out.kernel', 'v.1.gate.class']) {
    add('UNEXPECTED_TENSOR', `gated: ${name}, which it has not`, formed(gated, undefined, [{ name, shape: [1] }]));
  }
  add(
    'WRONG_SHAPE',
    'gated: a first kernel that sees its own row',
    formed(gated, reshaped('v.0.conv.kernel', [2, 3, 1, 4])),
  );
  add('WRONG_SHAPE', 'gated: one sum for each output', formed(gated, reshaped('h.0.conv.bias', [2])));

  // Good files that are extreme.
  for (const background of ['0', '1', '2', '-1', 'white']) {
    addGood(`extreme: background ${background}`, withMetadata({ background }));
  }
  for (const [height, width] of [
    [1, 1],
    [1, 4096],
    [4096, 1],
  ]) {
    addGood(`extreme: ${height} x ${width} pixels`, withConfig({ height, width }));
  }
  const config = JSON.stringify({ ...CONFIG, height: 4096, width: 4096 });
  const whole = { naive: 'OUT_OF_MEMORY', reference: 'OUT_OF_MEMORY' };
  addGood('extreme: 4096 x 4096 pixels', withMetadata({ config }), whole);
  addGood('extreme: 4096 x 4096 pixels with a background', withMetadata({ config, background: '0' }), whole);
  const broken = Object.fromEntries(methods.map((method) => [method, 'NON_FINITE_LOGIT']));
  addGood('extreme: a hidden sum is infinite', withOverflow(MOST), broken);
  addGood('extreme: a hidden sum is -infinite, which a relu would hide', withOverflow(LEAST), broken);
  addGood('extreme: -0 in class vectors', formed(classes, withBits('stem.class', 0, '00000080')));
  const large = (tensor: Tensor) =>
    tensor.name === 'v.0.conv.bias' || tensor.name === 'v.0.conv.class' ? { at: 0, hex: MOST } : {};
  addGood('extreme: a bias and the vector of the first class are infinite together', formed(gated, large), broken);
  addGood('extreme: every weight of a layer at the end of the range', withOverflow(MOST.replace('7f7f', '7f00')));
  return files;
}

/** The text of corpus.json: a file a line. */
export function corpusJson(): string {
  return `[\n${corpus()
    .map((file) => JSON.stringify(file))
    .join(',\n')}\n]\n`;
}

/** The bytes of a listed file; `valid` are those of the first. */
export function build(file: CorpusFile, valid: Uint8Array): Uint8Array {
  return Buffer.concat(
    file.parts.map((part) => {
      if (typeof part === 'string') return Buffer.from(part);
      if ('text' in part) return Buffer.from(part.text.repeat(part.times));
      if ('hex' in part) return Buffer.from(part.hex, 'hex');
      if ('valid' in part) return valid.subarray(...part.valid);
      const bytes = Buffer.alloc(8);
      bytes.writeBigUInt64LE(BigInt(part.u64));
      return bytes;
    }),
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(new URL('corpus.json', import.meta.url), corpusJson());
}
