import { expect, it } from 'vitest';
import { killRun } from './kill_run.js';

const kills = process.env.PIXELCNN_TEST_ALL === '1' ? 20 : 3;

it(`ends with the model of the unbroken run though it is killed ${kills} times, whatever that leaves on disk`, async () => {
  const report = await killRun(kills, 1000, () => undefined);
  expect(report.kills).toBe(kills);
  expect(report.runs).toBeGreaterThan(0);
}, 600_000);
