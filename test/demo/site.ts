/** The built page behind a server of its own, under a path as a static host may give it. */

import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import { brotliCompressSync } from 'node:zlib';
import { build } from 'vite';
import { root } from '../../scripts/shell.js';

/** Where the page lies on the server. */
const base = '/some/where/';

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.wasm': 'application/wasm',
  '.svg': 'image/svg+xml',
};

export interface Site {
  readonly url: string;
  /** What was asked for and not there. */
  readonly missing: readonly string[];
  close(): void;
}

/** @param models The folder whose models the page offers. */
export async function buildPage(outDir: string, models: string): Promise<void> {
  process.env.PIXELCNN_DEMO_MODELS = models; // read by the page's configuration
  await build({ root: join(root, 'demo'), logLevel: 'warn', build: { outDir, emptyOutDir: true } });
}

export async function serve(folder: string): Promise<Site> {
  const missing: string[] = [];
  const server: Server = createServer((request, response) => {
    const { pathname } = new URL(request.url!, 'http://localhost');
    try {
      if (!pathname.startsWith(base)) throw new Error('outside');
      const path = join(folder, pathname === base ? 'index.html' : pathname.slice(base.length));
      const body = readFileSync(path);
      response.writeHead(200, {
        'content-type': types[extname(path)] ?? 'application/octet-stream',
        'cache-control': pathname === base ? 'no-cache' : 'max-age=31536000, immutable',
      });
      response.end(body);
    } catch {
      missing.push(pathname);
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}${base}`,
    missing,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** Bytes that a file of the page takes on the way, by brotli as hosts compress it. */
export function transferred(folder: string, url: string): number {
  const { pathname } = new URL(url);
  return brotliCompressSync(readFileSync(join(folder, pathname.slice(base.length) || 'index.html'))).length;
}
