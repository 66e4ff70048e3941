/** The model that comes with the package. */

import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Its path, the shorter of absolute and relative to the working folder. */
export function packagedModel(): string {
  // The same from ts/cli and from dist/cli.
  const path = fileURLToPath(new URL('../../models/mnist-binary.safetensors', import.meta.url));
  const near = relative(process.cwd(), path);
  return near.length < path.length ? near : path;
}
