import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { renderChart } from '../../../ts/node/chart.js';
import { train } from '../../../ts/train/train.js';
import { watchRun } from '../../../ts/train/watch/watch_run.js';
import { blobs, openTestBackend, smallConfig } from '../support.js';

vi.mock('echarts', () => {
  throw new Error('Cannot find package');
});

it('says what to install where no chart can be drawn, and trains and watches on', async () => {
  const message =
    'charts: expected the packages that draw them, found one missing; npm i echarts @resvg/resvg-js dejavu-fonts-ttf';
  await expect(renderChart({}, { width: 100, height: 100 })).rejects.toMatchObject({
    code: 'MISSING_PACKAGE',
    message,
  });
  const folder = mkdtempSync(join(tmpdir(), 'pixelcnn-watch-'));
  const backend = (await openTestBackend('wasm'))!;
  const told: string[] = [];
  const watch = watchRun(folder, { warn: (line) => told.push(line) });
  let last = '';
  for await (const event of train({ data: blobs(20, smallConfig), backend, config: smallConfig, epochs: 2 })) {
    await watch(event);
    last = event.type;
  }
  expect(last).toBe('model');
  expect(told).toEqual([message]);
  expect(readdirSync(folder).sort()).toEqual(['metrics.jsonl', 'samples']);
  rmSync(folder, { recursive: true });
});
