// Where native TensorFlow may already be.

import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { cacheFolder } from '../../node/cache.js';
import { hasNvidiaDriver } from './nvidia.js';
import { tensorflowVersion, tfjsNode, type Variant } from './wheels.js';

/** A native TensorFlow for Node that is in its place. */
export interface NativeTensorflow {
  /** The npm package that binds it. */
  readonly packageName: string;
  /** A module path that `packageName` resolves from. */
  readonly from: string;
  /** `project`: a package that the user installed; else what `pixelcnn setup` made. */
  readonly origin: 'project' | 'setup';
  /** What it was built for; one built for CUDA computes on a CPU as well. */
  readonly variant: Variant;
}

/** Where `setup` puts a variant: a folder with `node_modules` and the unpacked wheels in it. */
export function variantFolder(variant: Variant): string {
  return join(cacheFolder(), `tensorflow-${tensorflowVersion}-${variant}`);
}

/** The native binding, relative to its package. Node-API 8 is stable: one file serves every Node. */
export const bindingFile = 'lib/napi-v8/tfjs_binding.node';

const projectPackages: Readonly<Record<Variant, readonly string[]>> = {
  cuda: [tfjsNode],
  cpu: [tfjsNode, '@tensorflow/tfjs-node'],
};

/**
 * Finds a built binding for the first variant that has one: a package installed in the project, else what `setup` made.
 * Default: any, in the order that suits this machine.
 */
export function findTensorflow(
  variants: readonly Variant[] = hasNvidiaDriver() ? ['cuda', 'cpu'] : ['cpu', 'cuda'],
): NativeTensorflow | undefined {
  for (const variant of variants) {
    for (const packageName of projectPackages[variant]) {
      for (const from of [join(process.cwd(), 'package.json'), import.meta.url]) {
        if (!hasBinding(from, packageName)) continue;
        return { packageName, from, origin: 'project', variant: packageName === tfjsNode ? 'cuda' : 'cpu' };
      }
    }
    const from = join(variantFolder(variant), 'package.json');
    if (hasBinding(from, tfjsNode)) return { packageName: tfjsNode, from, origin: 'setup', variant };
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
