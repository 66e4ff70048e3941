import { availableParallelism } from 'node:os';
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
    // By default one fewer than there are cores, which on two is one, while nearly all tests wait for nobody but the processor.
    maxWorkers: availableParallelism(),
    // tfjs-core's gradients are modules that Node does not take as they are.
    server: { deps: { inline: [/tfjs-core\/dist\/(?!tf-core)/] } },
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
