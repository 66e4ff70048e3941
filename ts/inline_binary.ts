/**
 * A WebAssembly binary taken apart into streams of like bytes: the instructions, and apart from them the locals, constants, offsets and
 * targets that they name. A compiler writes the same code over and over for other locals; apart from these it is the same, and a server
 * compresses it to seven eighths of what it makes of the binary.
 *
 * https://webassembly.github.io/spec/core/binary/
 */

/** All that is no code; instructions with what is not apart; and what is. */
const [rest, instructions, locals, constants, offsets, targets] = [0, 1, 2, 3, 4, 5];

/** A binary on its way, in one of two directions. */
interface Way {
  /** Bytes that have passed, of so many. */
  readonly passed: () => number;
  readonly length: number;
  /** Lets the next byte pass, and tells what its stream has for it: of a local its place in `recent`, of all others the byte. */
  readonly pass: (stream: number) => number;
  /** The bytes of locals, the one used last first: of the same code for other locals, the same places. */
  readonly recent: Uint8Array;
}

/** The streams of a binary. */
export function takeApart(binary: Uint8Array): Uint8Array[] {
  const streams: number[][] = [[], [], [], [], [], []];
  const recent = new Uint8Array(256);
  let at = 0;
  const pass = (stream: number): number => {
    const byte = binary[at++]!;
    const written = stream === locals ? recent.indexOf(byte) : byte;
    streams[stream]!.push(written);
    return written;
  };
  walk({ passed: () => at, length: binary.length, pass, recent });
  return streams.map((bytes) => Uint8Array.from(bytes));
}

/** The binary of streams that {@link takeApart} made. */
export function putTogether(streams: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const binary = new Uint8Array(streams.reduce((sum, { length }) => sum + length, 0));
  const read = streams.map(() => 0);
  const recent = new Uint8Array(256);
  let at = 0;
  const pass = (stream: number): number => {
    const written = streams[stream]![read[stream]!++]!;
    binary[at++] = stream === locals ? recent[written]! : written;
    return written;
  };
  walk({ passed: () => at, length: binary.length, pass, recent });
  return binary;
}

/**
 * Goes through a binary, the same way whether it is taken apart or put together: how it goes on follows from what has passed. So what is
 * taken for an instruction and is none costs a little compression, and never a byte of the binary.
 */
function walk({ passed, length, pass, recent }: Way): void {
  const several = (stream: number, count: number): void => {
    for (; count > 0; count--) pass(stream);
  };
  /** One in LEB128. */
  const number = (stream: number): number => {
    const low = pass(stream);
    return low < 128 ? low : low - 128 + 128 * number(stream);
  };
  const address = (): void => {
    number(instructions); // the alignment, which goes with the instruction
    number(offsets);
  };
  const instruction = (): void => {
    const code = pass(instructions);
    if (code >= 0x20 && code <= 0x22) {
      let place = pass(locals);
      const used = recent[place]!;
      for (; place > 0; place--) recent[place] = recent[place - 1]!;
      recent[0] = used;
      if (used >= 128) number(instructions); // it has more bytes
    } else if (code === 0x41) number(constants);
    else if (code >= 0x28 && code <= 0x3e) address();
    else if (code === 0x0c || code === 0x0d) number(targets);
    else if (code === 0x0e) for (let others = number(targets); others >= 0; others--) number(targets);
    else if (code === 0x10 || code === 0x42)
      number(instructions); // a call; a constant of 64 bits
    else if (code === 0x43 || code === 0x44)
      several(instructions, 4 * (code - 0x42)); // constants of f32 and f64
    else if (code === 0xfd) {
      const vector = number(instructions);
      if (vector < 12) address();
      else if (vector < 14) several(instructions, 16); // a constant, or a shuffle
    }
  };
  several(rest, 8); // "\0asm", version 1
  while (passed() < length) {
    const section = pass(rest);
    const size = number(rest);
    if (section !== 10) several(rest, size);
    else
      for (let functions = number(rest); functions > 0; functions--) {
        const end = number(rest) + passed();
        for (let groups = number(rest); groups > 0; groups--) several(rest, 2); // so many locals of a type
        for (let i = 0; i < 256; i++) recent[i] = i;
        while (passed() < end) instruction();
      }
  }
}
