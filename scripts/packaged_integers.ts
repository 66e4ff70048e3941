/** The fastest packaged model: one in integers, where there is one. */

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { packagedModel } from '../ts/cli/packaged_model.js';
import { root } from './shell.js';

export function packagedIntegers(): string {
  const models = join(root, 'models');
  const integers = readdirSync(models).find((name) => /\.int\d+\.safetensors$/.test(name));
  return integers === undefined ? packagedModel() : join(models, integers);
}
