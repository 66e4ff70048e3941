import { fileURLToPath } from 'node:url';
import { defineConfig, type Plugin } from 'vite';

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** What the built page may do: read its own files, compile WebAssembly, and show pictures that it made itself. */
const policy = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data: blob:",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

/** Not while developing, where the server puts scripts of its own into the page. */
const contentSecurityPolicy: Plugin = {
  name: 'content-security-policy',
  apply: 'build',
  transformIndexHtml: () => [
    { tag: 'meta', attrs: { 'http-equiv': 'Content-Security-Policy', content: policy }, injectTo: 'head-prepend' },
  ],
};

export default defineConfig({
  base: './', // so that it works under any path
  build: { target: 'es2022', outDir: at('dist'), emptyOutDir: true },
  worker: { format: 'es' },
  resolve: {
    alias: {
      pixelcnn: at('../dist/index.js'), // the package as its users have it
      '#models': process.env.PIXELCNN_DEMO_MODELS ?? at('../models'),
    },
  },
  plugins: [contentSecurityPolicy],
  server: {
    fs: { allow: [at('..'), ...(process.env.PIXELCNN_DEMO_MODELS ? [process.env.PIXELCNN_DEMO_MODELS] : [])] },
  },
});
