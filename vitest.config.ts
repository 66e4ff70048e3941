import { defineConfig } from 'vitest/config';
import { SkipReporter } from './scripts/skip_reporter.js';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    setupFiles: ['test/setup.ts'],
    globalSetup: ['scripts/vitest_setup.ts'],
    reporters: ['default', new SkipReporter()],
    // Native addons, and tfjs-node above all, do not survive worker threads (tensorflow/tfjs#8388).
    pool: 'forks',
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
