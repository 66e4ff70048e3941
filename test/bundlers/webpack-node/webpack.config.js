import { resolve } from 'node:path';

export default {
  mode: 'production',
  target: 'node',
  entry: './main.js',
  output: { path: resolve('dist'), filename: 'main.cjs' },
};
