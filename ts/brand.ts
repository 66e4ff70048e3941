/**
 * What kind of thing arrived, told by what it is inside and not by its prototypes: an object of another realm (a frame, a `vm`
 * context, an edge runtime, jsdom) is of the same kind and of another class, and a subclass may answer as it likes.
 */

/** The kind that an object says it is, such as `Response`; `Object` where it will not say. */
export function kindOf(value: unknown): string {
  try {
    return Object.prototype.toString.call(value).slice('[object '.length, -1);
  } catch {
    return 'Object'; // a proxy that throws, or is revoked
  }
}

/** Whether an object says that it is of a kind, and has these properties of these types, which a proxy of one may not. */
export function isKind<T>(value: unknown, kind: string, properties: Readonly<Record<string, string>>): value is T {
  const has = (name: string) => typeof (value as Record<string, unknown>)[name] === properties[name];
  return kindOf(value) === kind && answers(() => Object.keys(properties).every(has));
}

/** What a slot of the object itself holds, whatever its class has put before it. */
function slot(prototype: object, name: PropertyKey, value: unknown): unknown {
  return Reflect.apply(Object.getOwnPropertyDescriptor(prototype, name)!.get!, value, []);
}

function typedArraySlot(name: PropertyKey, value: unknown): unknown {
  return slot(Object.getPrototypeOf(Uint8Array.prototype), name, value);
}

function typedArrayKind(value: unknown): unknown {
  return typedArraySlot(Symbol.toStringTag, value);
}

function bufferLength(value: unknown): unknown {
  return slot(ArrayBuffer.prototype, 'byteLength', value);
}

/** Whether it is a Uint8Array, or of a subclass such as Buffer. */
export function isBytes(value: unknown): value is Uint8Array {
  return typedArrayKind(value) === 'Uint8Array';
}

const arrays = { Uint8Array, Uint16Array, Uint32Array } as const;
type ArrayOf<Kind extends keyof typeof arrays> = InstanceType<(typeof arrays)[Kind]>;

/** Whether it is a typed array of a kind, or of a subclass. */
export function isArrayOf<Kind extends keyof typeof arrays>(kind: Kind, value: unknown): value is ArrayOf<Kind> {
  return typedArrayKind(value) === kind;
}

/** The same numbers in the same memory, in a plain array: whatever a subclass says of its length, or gives for a part. */
export function plainArray<Numbers extends Uint8Array | Uint16Array | Uint32Array>(numbers: Numbers): Numbers {
  const plain = arrays[typedArrayKind(numbers) as keyof typeof arrays];
  const [buffer, offset, bytes] = ['buffer', 'byteOffset', 'byteLength'].map((name) => typedArraySlot(name, numbers));
  return new plain(buffer as ArrayBuffer, offset as number, (bytes as number) / plain.BYTES_PER_ELEMENT) as Numbers;
}

/** Whether it is a URL, of this realm or another's. */
export function isUrl(value: unknown): value is URL {
  return isKind(value, 'URL', { href: 'string' });
}

/** Whether it is a Response, of this realm or another's. */
export function isResponse(value: unknown): value is Response {
  return isKind(value, 'Response', { ok: 'boolean' });
}

/** Whether it is a Blob, or a File, which is one with a name. */
export function isBlob(value: unknown): value is Blob {
  return ['Blob', 'File'].some((kind) => isKind(value, kind, { size: 'number', arrayBuffer: 'function' }));
}

/** Whether it is an ArrayBuffer, and not one that threads share. */
export function isArrayBuffer(value: unknown): value is ArrayBuffer {
  return answers(() => bufferLength(value));
}

/** How many bytes; 0 where their memory is gone. */
export function byteLengthOf(bytes: ArrayBufferView | ArrayBuffer): number {
  return (typedArrayKind(bytes) === undefined ? bufferLength(bytes) : typedArraySlot('byteLength', bytes)) as number;
}

/** Whether it is a compiled module. */
export function isModule(value: unknown): value is WebAssembly.Module {
  return answers(() => WebAssembly.Module.exports(value as WebAssembly.Module));
}

/** Whether it is an error, of whatever class. */
export function isError(value: unknown): value is Error {
  return value instanceof Error || kindOf(value) === 'Error';
}

/** What an error says, on one line. */
export function messageOf(error: unknown): string {
  return (isError(error) ? error.message : String(error)).replace(/\s+/g, ' ').trim();
}

/** The `code` that Node's errors carry, and those of this package; undefined for any other. */
export function codeOf(error: unknown): string | undefined {
  return isError(error) && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** Whether something can be asked for, and is not false. */
function answers(ask: () => unknown): boolean {
  try {
    return ask() !== false;
  } catch {
    return false;
  }
}
