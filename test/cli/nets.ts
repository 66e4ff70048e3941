import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll } from 'vitest';
import type { Config } from '../../ts/config.js';
import { classModel } from '../class_model.js';
import { configJson } from '../wasm.js';
import { temporaryFolder } from './run.js';

/** Of images of {@link height} x {@link width}. */
export const [height, width] = [6, 5];

const json = JSON.stringify;

/** Models with random weights, by the names of their files: of grey images by class, of codes, of maps in text. */
export const nets: Readonly<Record<string, { config: Partial<Config>; metadata: Record<string, string> }>> = {
  grey: { config: { levels: 16, classes: 3 }, metadata: { classNames: json(['shirt', 'shoe', '0']) } },
  codes: { config: { levels: 300, input: 'nominal', embedding: 4 }, metadata: {} },
  tiles: { config: { levels: 5, input: 'nominal', classes: 2 }, metadata: {} },
  maps: { config: { levels: 4, input: 'nominal' }, metadata: { alphabet: json(['#', '.', '@', ' ']) } },
  riddles: { config: { levels: 2, input: 'nominal' }, metadata: { alphabet: json(['!', '?']) } },
};

/** A folder with all of them in it, beside what every such folder has. */
export function folderOfNets(): { path: string } {
  const folder = temporaryFolder();
  beforeAll(async () => {
    for (const [name, { config, metadata }] of Object.entries(nets)) {
      const model = classModel(configJson({ height, width, filters: 8, blocks: 1, ...config }), 5, metadata);
      await writeFile(join(folder.path, `${name}.safetensors`), model);
    }
  });
  return folder;
}
