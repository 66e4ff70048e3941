// Why TensorFlow, loaded and with a driver beside it, computes on the CPU all the same. It does not say itself.

import { dirname, join } from 'node:path';
import type { NativeTensorflow } from './find.js';
import { loadError } from './nvidia.js';
import { cudaLibraries, tensorflowVersion } from './wheels.js';

export interface MissingLibrary {
  readonly name: string;
  /** What the loader says. */
  readonly reason: string;
}

/** The CUDA libraries of what `pixelcnn setup` made for CUDA that cannot be loaded. `load` asks the system's loader. */
export function missingCudaLibraries(
  { from }: Pick<NativeTensorflow, 'from'>,
  load: (path: string) => string | undefined = loadError,
): MissingLibrary[] {
  return cudaLibraries.flatMap((path) => {
    const reason = load(join(dirname(from), 'site', path));
    return reason === undefined ? [] : [{ name: path.slice(path.lastIndexOf('/') + 1), reason }];
  });
}

/** The second half of a sentence: what was found, and what to do about it. `version` is TensorFlow's. */
export function unusedReason(
  native: NativeTensorflow,
  version: string,
  load: (path: string) => string | undefined = loadError,
): string {
  if (native.variant === 'cpu') return "found TensorFlow's build for the CPU alone; run pixelcnn setup --cuda";
  if (native.origin === 'project') {
    return (
      `found that TensorFlow ${version} of the project's own ${native.packageName} sees none; give it the CUDA libraries ` +
      `of that version, or uninstall it, so that pixelcnn sets up TensorFlow ${tensorflowVersion} with its libraries`
    );
  }
  const missing = missingCudaLibraries(native, load);
  if (missing.length > 0) {
    const names = missing.map(({ name }) => name).join(', ');
    return (
      `found that CUDA libraries of TensorFlow cannot be loaded: ${names} (${missing[0]!.reason}); ` +
      'run pixelcnn setup --clean, then pixelcnn setup --cuda'
    );
  }
  return (
    `found that TensorFlow ${version} sees none, though the driver and all CUDA libraries are there; ` +
    'set TF_CPP_MIN_LOG_LEVEL=0 to read what it says itself, and see what nvidia-smi says'
  );
}
