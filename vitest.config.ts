import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Native addons, and tfjs-node above all, do not survive worker threads (tensorflow/tfjs#8388).
    pool: 'forks',
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
