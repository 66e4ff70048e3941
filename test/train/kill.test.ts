import { expect, it } from 'vitest';
import { killRuns } from './kill.js';

const count = process.env.PIXELCNN_TEST_ALL === '1' ? 20 : 4;

it(`comes to the end of the unbroken run through ${count} kills at random moments`, { timeout: 600_000 }, async () => {
  const said: string[] = [];
  const result = await killRuns(count, 1000, (line) => said.push(line)).catch((error: unknown) => {
    throw new Error(`${said.join('\n')}\n${String(error)}`, { cause: error });
  });
  expect(result.kills).toBe(count);
  expect(result.equalEnds).toBeGreaterThan(0);
  expect(result.resumedAt.length).toBeGreaterThanOrEqual(count - result.beforeTheFirst);
});
