/**
 * An ONNX file is a protobuf message, and protobuf is a list of fields: a number, a kind, a value. What is used of
 * onnx.proto is written out here with its field numbers.
 */

export type Bytes = Uint8Array;

const text = new TextEncoder();

/** A field that holds an integer. */
export function integer(field: number, value: number): Bytes {
  return join([varint(field << 3), varint(value)]);
}

/** A field that holds text, bytes or another message. */
export function block(field: number, value: string | Bytes): Bytes {
  const bytes = typeof value === 'string' ? text.encode(value) : value;
  return join([varint((field << 3) | 2), varint(bytes.length), bytes]);
}

/** Seven bits a byte, the low ones first; the top bit says that more follow. */
function varint(value: number): Bytes {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Uint8Array.from([...bytes, rest]);
    bytes.push((rest % 128) | 128);
  }
}

export function join(parts: readonly Bytes[]): Bytes {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** AttributeProto: name 1, integers 8, type 20 (7: a list of integers). */
export function integers(name: string, values: readonly number[]): Bytes {
  return join([block(1, name), ...values.map((value) => integer(8, value)), integer(20, 7)]);
}

/** NodeProto: inputs 1, outputs 2, name 3, operator 4, attributes 5. */
export function node(
  operator: string,
  inputs: readonly string[],
  output: string,
  attributes: readonly Bytes[] = [],
): Bytes {
  const fields = [...inputs.map((input) => block(1, input)), block(2, output), block(3, output), block(4, operator)];
  return join([...fields, ...attributes.map((attribute) => block(5, attribute))]);
}

/** TensorProto: dimensions 1, element type 2 (1: f32), name 8, little-endian values 9. */
export function tensor(name: string, shape: readonly number[], values: Float32Array): Bytes {
  const bytes = new DataView(new ArrayBuffer(4 * values.length));
  values.forEach((value, i) => {
    bytes.setFloat32(4 * i, value, true);
  });
  const dimensions = shape.map((size) => integer(1, size));
  return join([...dimensions, integer(2, 1), block(8, name), block(9, new Uint8Array(bytes.buffer))]);
}

/** ValueInfoProto: name 1, type 2; its tensor type 1: element type 1, shape 2; a dimension 1 has a size 1 or a name 2. */
export function value(name: string, channels: number): Bytes {
  const open = (dimension: string) => block(1, block(2, dimension));
  const shape = join([open('images'), block(1, integer(1, channels)), open('height'), open('width')]);
  return join([block(1, name), block(2, block(1, join([integer(1, 1), block(2, shape)])))]);
}
