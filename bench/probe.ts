/**
 * Small loops of SIMD arithmetic, assembled at run time, from which roof.ts takes the fastest.
 *
 * No single loop shape is a roof: the same dependent chains read 25.8 or 16.8 GMAC/s on one chip, depending on the V8
 * that compiles them. So there are many, of three kinds, each with several numbers of accumulators and unrolled 1, 2 and
 * 4 times:
 * ```text
 * chains   a[i] = a[i] * x + y                 x, y in registers; each accumulator waits for its own last sum
 * streams  s[i] = s[i] + p[i]; p[i] = p[i] * x products do not wait for sums
 * tile     a[p][v] = a[p][v] + x[p] * w[v]     operands from memory, as a matrix product reads them
 * ```
 * None can be optimised away: every product depends on a value that changes in the loop, and all accumulators are summed
 * into the result, which the caller checks.
 */

import binaryen from 'binaryen';

/**
 * What is multiplied. A f32 lane does one multiply-add; an i32 lane a dot product of two pairs of int16, or two of two pairs of bytes, or one of
 * four bytes, sum and all.
 */
export type Element = 'f32' | 'int16' | 'bytes' | 'fours';

export interface Probe {
  /** For people: kind, accumulators, unrolling. */
  readonly name: string;
  /** Multiply-adds of one iteration. */
  readonly macs: number;
  /** Runs the loop; returns the sum of all accumulators. */
  run(iterations: number): number;
  /** Whether what `run` returned is what that many iterations must give. */
  isRight(result: number, iterations: number): boolean;
  /** The loop as a module of its own: export `0` is `run`, which wants 1/2, 1 and 1 after the iterations; `memory` wants ones. */
  binary(): Uint8Array<ArrayBuffer>;
}

interface Source {
  readonly name: string;
  readonly element: Element;
  /** Vector multiply-adds of one iteration. */
  readonly vectors: number;
  readonly locals: readonly string[];
  readonly before: readonly string[];
  readonly body: readonly string[];
  readonly accumulators: readonly string[];
  /** The right sum of all lanes of all accumulators. */
  expected(iterations: number): number;
}

/** A sum and a product. */
const separately = (mul: string, add: string) => ({
  mul,
  add,
  addProduct: (sum: string, a: string, b: string) => `(${add} ${sum} (${mul} ${a} ${b}))`,
});

const instructions = {
  f32: { ...separately('f32x4.mul', 'f32x4.add'), splat: 'f32x4.splat', scalar: 'f32', macs: 4 },
  int16: { ...separately('i32x4.dot_i16x8_s', 'i32x4.add'), splat: 'i32x4.splat', scalar: 'i32', macs: 8 },
  // Sums of 16 bits, as a kernel has them for a few steps: they wrap around here.
  bytes: {
    ...separately('i16x8.relaxed_dot_i8x16_i7x16_s', 'i16x8.add'),
    splat: 'i32x4.splat',
    scalar: 'i32',
    macs: 16,
  },
  fours: {
    mul: '',
    add: 'i32x4.add',
    addProduct: (sum: string, a: string, b: string) => `(i32x4.relaxed_dot_i8x16_i7x16_add_s ${a} ${b} ${sum})`,
    splat: 'i32x4.splat',
    scalar: 'i32',
    macs: 16,
  },
} as const;

/** What a sum of each element comes to that is counted up, one at a time, in a lane of 32 bits. */
const counted = (element: Element, count: number): number => (element === 'bytes' ? count % 65536 : count);

/** Depth of the tiles' products: its operands fit in the L1 cache of any chip. */
const depth = 128;

const unrollings = [1, 2, 4];

/** Every probe of an element type. */
export function probes(element: Element): Probe[] {
  const sources = unrollings.flatMap((unroll) => [
    ...[4, 8, 10, 12, 14].map((count) => chains(element, count, unroll)),
    ...(instructions[element].mul === '' ? [] : [4, 6, 7].map((count) => streams(element, count, unroll))),
    ...[
      [1, 4],
      [1, 8],
      [1, 10],
      [1, 12],
      [2, 4],
      [3, 2],
      [4, 2],
      [5, 2],
      [6, 2],
    ].map(([positions = 0, vectors = 0]) => tile(element, positions, vectors, unroll)),
  ]);
  return assemble(sources);
}

function chains(element: Element, count: number, unroll: number): Source {
  const { addProduct } = instructions[element];
  const accumulators = names('a', count);
  return {
    name: `${count} chains, unrolled ${unroll}`,
    element,
    vectors: count * unroll,
    locals: [...accumulators, 'x', 'y'],
    before: [...splat(element, 'x'), ...splat(element, 'y'), ...accumulators.map((a) => set(a, '(local.get $y)'))],
    body: times(unroll, () => accumulators.map((a) => set(a, addProduct(get('y'), get(a), get('x'))))),
    accumulators,
    // f32: a = a / 2 + 1/2 from 1/2 on comes to 1. int16: x is the pair (1, 0), so that a = (low half of a) + 1 from 1 on. bytes: so is
    // the low byte, in a half whose sums are told without a sign. fours: and in a whole.
    expected: (iterations) => {
      const steps = iterations * unroll + 1;
      if (element === 'f32') return count * 4 * (1 - 2 ** -steps);
      if (element === 'int16') return count * 4 * (((steps + 32767) % 65536) - 32767);
      if (element === 'fours') return count * 4 * (((steps + 127) % 256) - 127);
      return (4 * (((count * (((steps + 127) % 256) - 127)) % 65536) + 65536)) % (4 * 65536);
    },
  };
}

function streams(element: Element, count: number, unroll: number): Source {
  const { mul, add } = instructions[element];
  const [sums, products] = [names('s', count), names('p', count)];
  const pairs = sums.map((s, i) => [s, products[i] as string] as const);
  return {
    name: `${count} streams, unrolled ${unroll}`,
    element,
    vectors: count * unroll,
    locals: [...sums, ...products, 'x'],
    // x is 1 (int16: the pair (1, 0), bytes: that and two zeros), which no compiler knows: the products stay as they are, and no sum leaves the exact numbers.
    before: [...splat(element, 'x', 'one'), ...products.map((p) => set(p, get('x')))],
    body: times(unroll, () =>
      pairs.flatMap(([s, p]) => [set(s, `(${add} ${get(s)} ${get(p)})`), set(p, `(${mul} ${get(p)} ${get('x')})`)]),
    ),
    accumulators: sums,
    expected: (iterations) => 4 * counted(element, count * iterations * unroll),
  };
}

/** One iteration is a product of the whole depth: positions' rows lie first in memory, then the vectors of weights. */
function tile(element: Element, positions: number, vectors: number, unroll: number): Source {
  const { addProduct } = instructions[element];
  const at = (p: number, v: number) => `a${p}_${v}`;
  const accumulators = Array.from({ length: positions * vectors }, (_, i) => at(Math.floor(i / vectors), i % vectors));
  const weights = names('w', vectors);
  // V8 has 15 registers to give on x86-64: a tile of one position loads each weight where it is used.
  const load = (k: number, v: number) => `(v128.load offset=${weightsAt + 16 * (k * vectors + v)} ${get('weights')})`;
  const step = (k: number) => [
    ...(positions > 1 ? weights.map((w, v) => set(w, load(k, v))) : []),
    ...Array.from({ length: positions }, (_, p) => [
      set('x', `(v128.load32_splat offset=${4 * (p * depth + k)} ${get('row')})`),
      ...weights.map((w, v) => {
        const weight = positions > 1 ? get(w) : load(k, v);
        return set(at(p, v), addProduct(get(at(p, v)), weight, get('x')));
      }),
    ]).flat(),
  ];
  return {
    name: `${positions}x${vectors} tile, unrolled ${unroll}`,
    element,
    vectors: positions * vectors * depth,
    locals: [...accumulators, ...weights, 'x'],
    before: [],
    body: [
      set('row', '(i32.const 0)'),
      set('weights', '(i32.const 0)'),
      '(loop $k',
      ...Array.from({ length: unroll }, (_, k) => step(k)).flat(),
      set('weights', `(i32.add ${get('weights')} (i32.const ${16 * vectors * unroll}))`),
      `(br_if $k (i32.lt_u (local.tee $row (i32.add ${get('row')} (i32.const ${4 * unroll}))) (i32.const ${4 * depth}))))`,
    ],
    accumulators,
    // All operands are 1 (integers: what follows it in a lane is 0): sums count, exactly up to 2^24.
    expected: (iterations) => 4 * counted(element, positions * vectors * depth * iterations),
  };
}

/** Where the tiles' weights start in memory: after the rows of 6 positions. */
const weightsAt = 4 * 6 * depth;

/** One module with a function for each source, instantiated on a memory of ones. */
function assemble(sources: readonly Source[]): Probe[] {
  const instance = instantiate(moduleText(sources));
  const memory = instance.memory as WebAssembly.Memory;
  const first = sources[0];
  if (first?.element === 'f32') new Float32Array(memory.buffer).fill(1);
  else new Int32Array(memory.buffer).fill(1);
  return sources.map((source, index) => {
    const run = instance[index] as (n: number, half: number, one: number, pair: number) => number;
    return {
      name: source.name,
      macs: source.vectors * instructions[source.element].macs,
      run: (iterations) => run(iterations, 0.5, 1, 1),
      isRight: (result, iterations) => result === Math.fround(source.expected(iterations)),
      binary: () => compile(moduleText([source])),
    };
  });
}

function moduleText(sources: readonly Source[]): string {
  const functions = sources.map(
    (source, index) => `
      (func (export "${index}") (param $n i32) (param $half f32) (param $one f32) (param $pair i32) (result f32)
        (local $row i32) (local $weights i32)
        ${source.locals.map((name) => `(local $${name} v128)`).join(' ')}
        ${source.before.join('\n')}
        (loop $again
          ${source.body.join('\n')}
          (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
        ${set('x', sum(source))}
        ${lanes(source)})`,
  );
  return `(module (memory (export "memory") 1) ${functions.join('')})`;
}

/** Compiles a module from WebAssembly text; returns its exports. */
export function instantiate(text: string): WebAssembly.Exports {
  return new WebAssembly.Instance(new WebAssembly.Module(compile(text))).exports;
}

/** The bytes of a module, from WebAssembly text. */
function compile(text: string): Uint8Array<ArrayBuffer> {
  const module = binaryen.parseText(text);
  module.setFeatures(binaryen.Features.SIMD128 | binaryen.Features.RelaxedSIMD);
  try {
    if (!module.validate()) throw new Error('the text of a probe is not a valid module');
    return Uint8Array.from(module.emitBinary());
  } finally {
    module.dispose();
  }
}

function names(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => prefix + i);
}

function get(name: string): string {
  return `(local.get $${name})`;
}

function set(name: string, value: string): string {
  return `(local.set $${name} ${value})`;
}

function splat(element: Element, name: string, value = 'half'): string[] {
  const { splat } = instructions[element];
  return [set(name, `(${splat} (local.get $${element === 'f32' ? value : 'pair'}))`)];
}

function times(count: number, body: () => string[]): string[] {
  return Array.from({ length: count }, body).flat();
}

function sum({ element, accumulators }: Source): string {
  const { add } = instructions[element];
  return accumulators.map(get).reduce((left, right) => `(${add} ${left} ${right})`);
}

function lanes({ element }: Source): string {
  const { scalar } = instructions[element];
  const lane = (i: number) => `(${scalar}x4.extract_lane ${i} (local.get $x))`;
  const total = [0, 1, 2, 3].map(lane).reduce((left, right) => `(${scalar}.add ${left} ${right})`);
  return element === 'f32' ? total : `(f32.convert_i32_s ${total})`;
}
