import { expect, it } from 'vitest';
import { killRun } from './kill_run.js';

const moments = process.env.PIXELCNN_TEST_ALL === '1' ? 24 : 8;

it(`ends with the model of the unbroken run whatever befalls it at ${moments} moments, and loses nothing`, async () => {
  const report = await killRun(moments, 1000, () => undefined);
  expect(report.moments).toBe(moments);
  expect(Object.keys(report.ways)).toHaveLength(8);
  expect(report.runs).toBeGreaterThan(0);
}, 600_000);
