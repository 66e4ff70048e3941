// What TensorFlow needs of a machine to compute on an NVIDIA GPU, and what of it is there. TensorFlow itself says nothing,
// or little: where one library is missing or the driver is too old, it takes the CPU without an error.

import { existsSync, readFileSync } from 'node:fs';
import { runCommand } from '../../node/command.js';

/** An NVIDIA GPU, as its driver tells of it. */
export interface Gpu {
  /** As the driver calls it: `NVIDIA H100 80GB HBM3`. */
  readonly name: string;
  /** Its compute capability, such as 9.0. */
  readonly capability: number;
  /** Its memory, in MiB. */
  readonly memoryMebibytes: number;
  /** What CUDA_VISIBLE_DEVICES may name it by, beside its place in the list. */
  readonly uuid: string;
}

export interface NvidiaHost {
  /** Version of the kernel's driver, or `unknown`; undefined where none is loaded. */
  readonly driver: string | undefined;
  /** The driver's own libraries that cannot be loaded, of those that TensorFlow opens. */
  readonly missing: readonly string[];
  /** In the order of the PCI bus; undefined where `nvidia-smi` cannot tell. */
  readonly gpus: readonly Gpu[] | undefined;
}

/**
 * What a GPU must have, from the newest on. All of TensorFlow's kernels have machine code for compute capabilities 6.0, 7.0, 8.0
 * and 8.9, which runs on any driver for CUDA 12. For 9.0, four in five, those generated for single elements, have PTX of CUDA
 * 12.5 alone, which a driver of that version or later translates; so has everything newer. Blackwell came with the driver named.
 */
const requirements = [
  { capability: 10, driver: '570.26' },
  { capability: 9, driver: '555.42.02' },
  { capability: 6, driver: '525.60.13' },
] as const;
const oldest = requirements[requirements.length - 1]!;

/** The oldest driver and the least compute capability that are of any use. */
export const leastDriver = oldest.driver;
export const leastCapability = oldest.capability.toFixed(1);

/** TensorFlow counts GPUs through the second one as well. */
const driverLibraries = ['libcuda.so.1', 'libnvidia-ml.so.1'] as const;

/** Where a driver shows. */
export interface DriverPlaces {
  /** The kernel's own words on it. Sandboxes that have the device may lack them. */
  readonly version: string;
  /** What programs speak to the driver through: Linux's own, and that of the Windows that it runs in (WSL 2). */
  readonly device: string;
  readonly windows: string;
}

const places: DriverPlaces = {
  version: '/proc/driver/nvidia/version',
  device: '/dev/nvidiactl',
  windows: '/dev/dxg',
};

/** Whether an NVIDIA driver is loaded, as far as files tell. Its library alone says nothing: it may be there without a GPU. */
export function hasNvidiaDriver({ version, device, windows }: DriverPlaces = places): boolean {
  if (existsSync(version) || existsSync(device)) return true;
  return existsSync(windows) && loadError('libcuda.so.1') === undefined;
}

/** Looks for a driver, its libraries and its GPUs. Where files tell of none and its library is there, nvidia-smi is asked. */
export async function inspectNvidia(
  at: DriverPlaces = places,
  load: (library: string) => string | undefined = loadError,
): Promise<NvidiaHost> {
  const seen = hasNvidiaDriver(at);
  const none = { driver: undefined, missing: [], gpus: undefined };
  if (!seen && load('libcuda.so.1') !== undefined) return none;
  const text = existsSync(at.version) ? readFileSync(at.version, 'utf8') : '';
  const query = ['--query-gpu=name,compute_cap,memory.total,uuid,driver_version', '--format=csv,noheader,nounits'];
  // Where the driver must first wake the GPU it takes seconds; where the GPU has failed it may hang.
  const told = await runCommand('nvidia-smi', query, { signal: AbortSignal.timeout(30_000) }).catch(() => undefined);
  const listed = told?.status === 0 ? parseGpus(told.output) : undefined;
  if (!seen && (listed === undefined || listed.gpus.length === 0)) return none;
  return {
    driver: parseDriver(text) ?? listed?.driver ?? 'unknown',
    missing: driverLibraries.filter((library) => load(library) !== undefined),
    gpus: listed?.gpus,
  };
}

/** The version in the kernel's own words about its driver. */
export function parseDriver(text: string): string | undefined {
  return /^NVRM version:.*?\s(\d+\.\d+(\.\d+)?)\s/m.exec(text)?.[1];
}

/** What `nvidia-smi` lists: name, compute capability, MiB, UUID and driver version, a line for each GPU. */
export function parseGpus(output: string): { gpus: readonly Gpu[]; driver: string | undefined } {
  const rows = output
    .trim()
    .split('\n')
    .map((line) => line.split(',').map((field) => field.trim()))
    .filter(([, capability]) => capability !== undefined && Number(capability) > 0);
  const gpus = rows.map(([name = '', capability, memory, uuid = '']) => ({
    name,
    capability: Number(capability),
    memoryMebibytes: Number(memory),
    uuid,
  }));
  return { gpus, driver: rows[0]?.[4] };
}

/** The GPU to use: the one that `visible`, as CUDA_VISIBLE_DEVICES has it, names last, else the first that will do. */
export function chosenGpu({ driver, gpus = [] }: NvidiaHost, visible: string | undefined): Gpu | undefined {
  if (visible === undefined) return gpus.find((gpu) => shortfall(gpu, driver) === undefined) ?? gpus[0];
  const last = named(visible, gpus).at(-1); // tfjs-node takes the last one that TensorFlow lists
  return gpus.find((gpu, index) => isNamed(gpu, index, last));
}

/** The entries of such a list that CUDA sees: those before the first that names nothing. Parts of a GPU have names that are not known here. */
function named(visible: string, gpus: readonly Gpu[]): string[] {
  const entries = visible.split(',').map((entry) => entry.trim());
  const none = entries.findIndex(
    (entry) => !entry.startsWith('MIG-') && !gpus.some((gpu, index) => isNamed(gpu, index, entry)),
  );
  return none < 0 ? entries : entries.slice(0, none);
}

function isNamed({ uuid }: Gpu, index: number, entry = ''): boolean {
  return entry === String(index) || (entry.length > 4 && uuid.startsWith(entry));
}

/** Why no GPU of the machine can be used, as the second half of a sentence; undefined where nothing is known against it. */
export function obstacle(host: NvidiaHost, visible = process.env.CUDA_VISIBLE_DEVICES): string | undefined {
  const { driver, missing, gpus } = host;
  if (driver === undefined) return `found no NVIDIA driver; install version ${leastDriver} or newer`;
  if (missing.length > 0) {
    return (
      `found NVIDIA driver ${driver} but not its ${missing.join(' and ')}; install the driver's libraries, or, in a ` +
      'container, start it with --gpus all and NVIDIA_DRIVER_CAPABILITIES=compute,utility'
    );
  }
  if (visible !== undefined && /^\s*(-|$)/.test(visible)) {
    return `found every GPU hidden by CUDA_VISIBLE_DEVICES=${visible || "''"}; unset it`;
  }
  if (gpus?.length === 0) return `found NVIDIA driver ${driver} and no GPU; see what nvidia-smi says`;
  if (visible !== undefined && gpus !== undefined && named(visible, gpus).length === 0) {
    const there = gpus.length === 1 ? 'there is one, 0' : `there are ${gpus.length}, 0 to ${gpus.length - 1}`;
    return `found none that CUDA_VISIBLE_DEVICES=${visible} names; ${there}: name one, or unset it`;
  }
  const gpu = chosenGpu(host, visible);
  return gpu && shortfall(gpu, driver);
}

/** What a GPU or its driver lacks. */
function shortfall(gpu: Gpu, driver: string | undefined): string | undefined {
  const needed = requirements.find(({ capability }) => gpu.capability >= capability);
  const described = `${gpu.name} of compute capability ${gpu.capability.toFixed(1)}`;
  if (needed === undefined) return `found ${described}; TensorFlow needs ${leastCapability} or more`;
  if (driver === undefined || !/^\d/.test(driver) || compareVersions(driver, needed.driver) >= 0) return undefined;
  return `found NVIDIA driver ${driver}, too old for ${described}; install version ${needed.driver} or newer`;
}

function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((version) => version.split('.').map(Number)) as [number[], number[]];
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/**
 * What the system's loader says against a shared library, named by path or as it is looked for; undefined where it loads.
 * Asked of the loader, because only it knows all the places, and whether what the library itself needs is there.
 */
export function loadError(library: string): string | undefined {
  try {
    process.dlopen({ exports: {} }, library);
    return undefined;
  } catch (error) {
    // It loaded, and was let go again, because it is no addon of Node's.
    const { message } = error as Error;
    return message.includes('did not self-register') ? undefined : message;
  }
}
