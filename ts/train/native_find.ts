// Where native TensorFlow may already be.

import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { cacheFolder } from './cache.js';
import { tensorflowVersion, tfjsNode, type Variant } from './native_wheels.js';

export interface NativeTensorflow {
  readonly packageName: string;
  /** A module path that `packageName` resolves from. */
  readonly from: string;
  /** `project`: a package that the user installed; else what `pixelcnn setup` made. */
  readonly origin: 'project' | Variant;
}

/** Whether the kernel has an NVIDIA driver loaded. */
export function hasNvidiaDriver(): boolean {
  return existsSync('/proc/driver/nvidia/version');
}

/** The variant that suits this machine. */
export function suitableVariant(): Variant {
  return hasNvidiaDriver() ? 'cuda' : 'cpu';
}

/** Where `setup` puts a variant: a folder with `node_modules` and the unpacked wheels in it. */
export function variantFolder(variant: Variant): string {
  return join(cacheFolder(), `tensorflow-${tensorflowVersion}-${variant}`);
}

/** The native binding, relative to its package. Node-API 8 is stable: one file serves every Node. */
export const bindingFile = 'lib/napi-v8/tfjs_binding.node';

/**
 * Finds a built binding: a package installed in the project goes first, then what `setup` made for this machine.
 * `@tensorflow/tfjs-node-gpu` stands before `@tensorflow/tfjs-node`, because it does without a GPU as well.
 */
export function findTensorflow(variants: readonly Variant[] = [suitableVariant()]): NativeTensorflow | undefined {
  for (const packageName of [tfjsNode.name, '@tensorflow/tfjs-node']) {
    for (const from of [join(process.cwd(), 'package.json'), import.meta.url]) {
      if (hasBinding(from, packageName)) return { packageName, from, origin: 'project' };
    }
  }
  for (const variant of variants) {
    const from = join(variantFolder(variant), 'package.json');
    if (hasBinding(from, tfjsNode.name)) return { packageName: tfjsNode.name, from, origin: variant };
  }
  return undefined;
}

/** npm installs these packages without their binary when scripts are off, so the binary itself is looked for. */
function hasBinding(from: string, packageName: string): boolean {
  try {
    const manifest = createRequire(from).resolve(`${packageName}/package.json`);
    return existsSync(join(dirname(manifest), bindingFile));
  } catch {
    return false;
  }
}
