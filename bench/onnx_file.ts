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

/** AttributeProto: name 1, float 2, integer 3, integers 8, type 20 (1: a float, 2: an integer, 7: a list of integers). */
export function attribute(name: string, value: number | readonly number[]): Bytes {
  if (typeof value !== 'number') return join([block(1, name), ...value.map((one) => integer(8, one)), integer(20, 7)]);
  return join([block(1, name), integer(3, value), integer(20, 2)]);
}

export function floatAttribute(name: string, value: number): Bytes {
  return join([block(1, name), varint((2 << 3) | 5), new Uint8Array(Float32Array.of(value).buffer), integer(20, 1)]);
}

/** NodeProto: inputs 1, outputs 2, name 3, operator 4, attributes 5. */
export function node(
  operator: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: readonly Bytes[],
): Bytes {
  const ends = [...inputs.map((input) => block(1, input)), ...outputs.map((output) => block(2, output))];
  return join([...ends, block(3, outputs.join()), block(4, operator), ...attributes.map((one) => block(5, one))]);
}

/** Of TensorProto.DataType. */
const elementTypes = { float32: 1, int32: 6, int64: 7 } as const;

/** TensorProto: dimensions 1, element type 2, name 8, little-endian values 9. */
export function tensor(name: string, shape: readonly number[], values: Float32Array | BigInt64Array): Bytes {
  const type = values instanceof Float32Array ? elementTypes.float32 : elementTypes.int64;
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return join([...shape.map((size) => integer(1, size)), integer(2, type), block(8, name), block(9, bytes)]);
}

/** ValueInfoProto: name 1, type 2; its tensor type 1: element type 1, shape 2; a dimension 1 has a size 1 or a name 2. */
export function value(name: string, type: keyof typeof elementTypes, shape: readonly (number | string)[]): Bytes {
  const dimensions = shape.map((size) => block(1, typeof size === 'number' ? integer(1, size) : block(2, size)));
  return join([block(1, name), block(2, block(1, join([integer(1, elementTypes[type]), block(2, join(dimensions))])))]);
}
