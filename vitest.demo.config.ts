import { defineConfig } from 'vitest/config';
import { SkipReporter } from './scripts/skip_reporter.js';

/** `npm run test:demo`: the page in browsers. Apart from `npm test`, which needs nothing but Node. */
export default defineConfig({
  test: {
    include: ['test/demo/**/*.browser.ts'],
    globalSetup: ['scripts/vitest_setup.ts'],
    reporters: ['default', new SkipReporter()],
    fileParallelism: false, // browsers race on the machine's cores as it is
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});
