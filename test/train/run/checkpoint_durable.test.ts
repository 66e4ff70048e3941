import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, it, vi } from 'vitest';
import { type CheckpointState, writeCheckpoint } from '../../../ts/train/run/checkpoint.js';

const folder = mkdtempSync(join(tmpdir(), 'pixelcnn-durable-'));
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => vi.restoreAllMocks());

/** The class of open files, which Node does not export. */
const probe = await open(folder, 'r');
const handles = Object.getPrototypeOf(probe) as FileHandle;
await probe.close();

it('has the disk take all of a checkpoint before its name, and LATEST before the one before it goes', async () => {
  const arrays = { parameters: Float32Array.of(1, 2), m: Float32Array.of(3), v: Float32Array.of(4) };
  const write = (step: number): Promise<string> =>
    writeCheckpoint(folder, { state: { format: 2, step, history: [] } as never as CheckpointState, arrays }, 1);
  await write(1);
  const { sync } = handles;
  const flushed: { ino: number; size: number; there: string[]; latest: string }[] = [];
  vi.spyOn(handles, 'sync').mockImplementation(async function (this: FileHandle) {
    const { ino, size } = await this.stat();
    const there = readdirSync(folder).filter((name) => name.startsWith('step-'));
    flushed.push({ ino, size, there, latest: readFileSync(join(folder, 'LATEST'), 'utf8').trim() });
    return sync.call(this);
  });
  const path = await write(2);

  const [old, both] = [['step-00000001'], ['step-00000001', 'step-00000002']];
  const flushOf = (...names: string[]) => {
    const now = statSync(join(folder, ...names));
    // A file counts where all of it was there; the size of a folder means nothing.
    const whole = flushed.filter(({ ino, size }) => ino === now.ino && (now.isDirectory() || size === now.size));
    return whole.map(({ there, latest }) => [there, latest]);
  };
  for (const name of readdirSync(path)) expect(flushOf('step-00000002', name), name).toEqual([[old, 'step-00000001']]);
  expect(flushOf('step-00000002'), 'the names of its files').toEqual([[old, 'step-00000001']]);
  expect(flushOf('LATEST')).toEqual([[both, 'step-00000001']]);
  expect(flushOf()).toContainEqual([both, 'step-00000002']);
  expect(readdirSync(folder).sort()).toEqual(['LATEST', 'step-00000002']);
});
