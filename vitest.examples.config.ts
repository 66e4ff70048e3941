import { defineConfig } from 'vitest/config';
import { SkipReporter } from './scripts/skip_reporter.js';

/** `npm run test:examples`: examples in the tools that host them, which npm brings. Apart from `npm test`, since these weigh 800 MB. */
export default defineConfig({
  test: {
    include: ['test/examples/**/*.hosts.ts'],
    globalSetup: ['scripts/vitest_setup.ts'],
    reporters: ['default', new SkipReporter()],
    fileParallelism: false,
    testTimeout: 600_000,
    hookTimeout: 600_000,
  },
});
