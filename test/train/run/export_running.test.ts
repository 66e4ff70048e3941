/** What `pixelcnn export` finds of a run that goes on while it looks. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it, vi } from 'vitest';
import { type CheckpointState, readCheckpoint, writeCheckpoint } from '../../../ts/train/run/checkpoint.js';

/** What happens before the next file of such a name is opened. */
const meanwhile = vi.hoisted(() => new Map<string, () => Promise<unknown>>());
vi.mock('../../../ts/node/files.js', async (original) => {
  const real = await original<typeof import('../../../ts/node/files.js')>();
  const before = async (path: string): Promise<void> => {
    const name = [...meanwhile.keys()].find((end) => path.endsWith(end));
    if (name === undefined) return;
    const happens = meanwhile.get(name)!;
    meanwhile.delete(name);
    await happens();
  };
  return {
    ...real,
    openFile: (path: string) => before(path).then(() => real.openFile(path)),
    readWholeFile: (path: string, most?: number) => before(path).then(() => real.readWholeFile(path, most)),
  };
});

const root = mkdtempSync(join(tmpdir(), 'pixelcnn-running-'));
afterAll(() => rmSync(root, { recursive: true }));

it.each(['LATEST', 'checkpoint.json', 'parameters.f32'])(
  'finds nothing wrong where a checkpoint takes the place of another before %s is read',
  async (name) => {
    const folder = join(root, name);
    const arrays = { parameters: Float32Array.of(1, 2) };
    const write = (step: number) =>
      writeCheckpoint(folder, { state: { format: 2, step, history: [] } as never as CheckpointState, arrays }, 1);
    await write(1);
    meanwhile.set(name, () => write(2));
    expect(await readCheckpoint(folder)).toMatchObject({ path: join(folder, 'step-00000002'), skipped: [] });
    expect(meanwhile.size).toBe(0);
  },
);
