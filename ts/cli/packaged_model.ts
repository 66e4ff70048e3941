/** The models that come with the package. */

import { existsSync } from 'node:fs';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Those of digits, the one that is drawn from unasked first; `mnist-binary` is the net of the Keras example, and always there. */
const digits = ['digits', 'mnist-binary'] as const;

const pathOf = (name: string): string =>
  // The same from ts/cli and from dist/cli.
  fileURLToPath(new URL(`../../models/${name}.safetensors`, import.meta.url));

/**
 * The path of a packaged model, the shorter of absolute and relative to the working folder.
 *
 * @param name Default: the first of those of digits that there is.
 */
export function packagedModel(name?: (typeof digits)[number]): string {
  const path = pathOf(name ?? digits.find((one) => existsSync(pathOf(one))) ?? 'mnist-binary');
  const near = relative(process.cwd(), path);
  return near.length < path.length ? near : path;
}
