/**
 * HDF5 files, read by `h5wasm`, an optional package: the HDF Group's own library, in WebAssembly. Its build for browsers, as that has
 * files in memory alone; in the one for Node a file is one of the machine's, and links in it lead to others.
 */

import { missingPackage, mostUnpacked, product, refused, shapeText, thousands, type Variable } from './stored.js';

type Hdf5 = typeof import('h5wasm');
type Module = Awaited<Hdf5['ready']>;

/** A file that is open. */
export interface Hdf5File {
  /** Whether there is a group of this path, from the root, without a slash before it. */
  has(path: string): boolean;
  /** The groups and variables in a group, by name. */
  names(path: string): string[];
  /** All variables below a group. */
  variables(path: string): Variable[];
  /** A text, or texts, that a group has as an attribute; undefined where it has none. */
  attribute(path: string, name: string): string | readonly string[] | undefined;
  close(): void;
}

/** The deepest that a group is looked for, and the most things that are looked at: a net of 256 blocks has some 4,000. */
const [deepest, mostObjects] = [12, 50_000];

const damaged = 'expected a whole HDF5 file, got one that cannot be read to its end; it may be damaged or cut short';

let opened = 0;

/** Opens a file. What is declared in it is bounded before any of it is read. */
export async function openHdf5(bytes: Uint8Array): Promise<Hdf5File> {
  const { hdf5, module } = await loadLibrary();
  const name = `/model-${opened++}.h5`;
  const whole = <T>(read: () => T): T => {
    try {
      return read();
    } catch (cause) {
      throw refused(damaged, cause);
    }
  };
  module.FS.writeFile(name, bytes);
  const id = whole(() => module.open(name, module.H5F_ACC_RDONLY, false, -1, -1));
  const close = (): void => {
    try {
      if (id >= 0n) module.close_file(id);
      module.FS.unlink(name);
    } catch {
      // A damaged file may not close; what was wrong with it is told already.
    }
  };
  if (id < 0n) {
    close();
    throw refused(damaged);
  }
  const names = (path: string): string[] => whole(() => [...module.get_names(id, `/${path}`, false)]);
  const has = (path: string): boolean => {
    const parts = path.split('/');
    return parts.every((part, i) => names(parts.slice(0, i).join('/')).includes(part));
  };
  let [declared, seen] = [0, 0];
  const variables = (path: string, depth = 0): Variable[] => {
    if (depth > deepest) throw refused(`expected groups in at most ${deepest} others, got more at ${path}`);
    return names(path).flatMap((part) => {
      if (++seen > mostObjects)
        throw refused(`expected at most ${thousands(mostObjects)} groups and variables, got more`);
      const below = path === '' ? part : `${path}/${part}`;
      const type = whole(() => module.get_type(id, `/${below}`));
      if (type === module.H5G_GROUP) return variables(below, depth + 1);
      if (type !== module.H5G_DATASET) throw refused(`expected a group or numbers at ${below}, got something else`);
      const variable = variableAt(module, id, below);
      declared += 4 * product(variable.shape);
      const limit = mostUnpacked(bytes.length);
      if (!(declared <= limit)) {
        const got = `got ${declared.toPrecision(3)} bytes up to ${below}`;
        throw refused(
          `expected at most ${thousands(limit)} bytes of numbers in a file of ${thousands(bytes.length)}, ${got}`,
        );
      }
      return [variable];
    });
  };
  const attribute = (path: string, key: string): string | readonly string[] | undefined => {
    if (!whole(() => [...module.get_attribute_names(id, `/${path}`)]).includes(key)) return undefined;
    const { size, total_size: count } = whole(() => module.get_attribute_metadata(id, `/${path}`, key));
    if (!(size * count <= bytes.length)) throw refused(damaged);
    const value = whole(() => new hdf5.Group(id, `/${path}`).get_attribute(key, true));
    const list: readonly unknown[] = Array.isArray(value) ? value : [value];
    if (!list.every((text) => typeof text === 'string')) throw refused(`expected text as ${key}, got other values`);
    return Array.isArray(value) ? (list as readonly string[]) : list[0];
  };
  return { has, names, variables: (path) => variables(path), attribute, close };
}

/** 32-bit or 64-bit numbers. */
function variableAt(module: Module, id: bigint, name: string): Variable {
  const path = `/${name}`;
  let metadata: ReturnType<Module['get_dataset_metadata']>;
  try {
    metadata = module.get_dataset_metadata(id, path);
  } catch (cause) {
    throw refused(damaged, cause);
  }
  const { shape, size } = metadata;
  const read = (): Float32Array => {
    const isFloat = metadata.type === module.H5T_class_t.H5T_FLOAT.value && metadata.littleEndian;
    if (shape === null || !isFloat || (size !== 4 && size !== 8)) {
      throw refused(`expected numbers of float32 at ${name}, got others; save the model in float32`);
    }
    const bytes = size * product(shape);
    const pointer = module._malloc(Math.max(1, bytes));
    if (pointer === 0) throw refused(`expected room for ${shapeText(shape)} numbers at ${name}, found none`);
    try {
      // The status is looked at here; of what the package itself does of this, a failed read would be whatever memory held.
      if (module.get_dataset_data(id, path, null, null, null, BigInt(pointer)) < 0) throw refused(damaged);
      const { buffer } = module.HEAPU8.slice(pointer, pointer + bytes);
      return size === 4 ? new Float32Array(buffer) : Float32Array.from(new Float64Array(buffer));
    } finally {
      module._free(pointer);
    }
  };
  return { name, shape: shape ?? [], read };
}

let loading: Promise<{ hdf5: Hdf5; module: Module }> | undefined;

function loadLibrary(): Promise<{ hdf5: Hdf5; module: Module }> {
  loading ??= load().catch((error: unknown) => {
    loading = undefined;
    throw error;
  });
  return loading;
}

/**
 * The library, with nowhere to write: it says a page on standard error of each thing that it cannot read, and what WebAssembly around
 * it says goes to the console as it was when it was loaded. The caller hears of either here.
 */
async function load(): Promise<{ hdf5: Hdf5; module: Module }> {
  const { error } = console;
  console.error = () => {};
  try {
    const hdf5 = await import('h5wasm').catch(missingPackage('HDF5 files, such as Keras writes', 'h5wasm'));
    const module = await hdf5.ready;
    const { streams } = module.FS as unknown as { streams: Parameters<Module['FS']['close']>[0][] };
    module.FS.close(streams[standardError]!);
    module.FS.open('/dev/null', 'w'); // takes the number that became free
    return { hdf5, module };
  } finally {
    console.error = error;
  }
}

const standardError = 2;
