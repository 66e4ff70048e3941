/** Pages in a browser without a driver: a server of files, to which the page sends what it has found. */

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join, normalize } from 'node:path';
import type { BrowserName } from './tools.js';

const types: Readonly<Record<string, string>> = {
  '.css': 'text/css',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.wasm': 'application/wasm',
};

export interface FileServer {
  readonly origin: string;
  /** Paths that were asked for. */
  readonly asked: string[];
  /** What the page sent to `/result`, which must come within some seconds. */
  result(): Promise<unknown>;
  close(): void;
}

/** Serves a folder, to pages of other origins too. Errors of a page's scripts are results as well. */
export async function serveFiles(folder: string, headers: Readonly<Record<string, string>> = {}): Promise<FileServer> {
  const asked: string[] = [];
  let settle: (value: unknown) => void = () => {};
  const results: unknown[] = [];
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url!, 'http://localhost').pathname);
    response.setHeader('access-control-allow-origin', '*');
    if (path === '/result') {
      bodyOf(request).then((text) => {
        results.push(JSON.parse(text));
        settle(results[0]);
        response.end();
      });
      return;
    }
    asked.push(path);
    const file = join(folder, normalize(path.endsWith('/') ? `${path}index.html` : path));
    if (!statSync(file, { throwIfNoEntry: false })?.isFile()) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { 'content-type': types[extname(file)] ?? 'application/octet-stream', ...headers });
    response.end(readFileSync(file));
  });
  const origin = await listen(server);
  return {
    origin,
    asked,
    result: () =>
      new Promise((resolve, reject) => {
        settle = resolve;
        if (results.length > 0) resolve(results[0]);
        setTimeout(() => reject(new Error('expected a result of the page, got none within 120 s')), 120_000).unref();
      }),
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const part of request) text += part;
  return text;
}

/** Opens a page until `until` is settled; the profile is a new one, and goes with it. */
export async function withPage<T>(name: BrowserName, command: string, url: string, until: Promise<T>): Promise<T> {
  const profile = mkdtempSync(join(tmpdir(), 'pixelcnn-browser-'));
  writeFileSync(join(profile, 'user.js'), firefoxQuiet);
  const flags =
    name === 'firefox'
      ? ['--headless', '--no-remote', '--profile', profile, url]
      : [
          '--headless=new',
          '--no-sandbox',
          '--disable-gpu',
          '--disable-background-networking',
          '--disable-component-update',
          '--disable-sync',
          '--no-first-run',
          `--user-data-dir=${profile}`,
          url,
        ];
  const browser = spawn(command, flags, { stdio: 'ignore', detached: true });
  const failed = new Promise<never>((_, reject) => {
    browser.once('error', reject);
    browser.once('exit', (code) => reject(new Error(`${command} ended with ${code} before its page did`)));
  });
  failed.catch(() => {});
  try {
    return await Promise.race([until, failed]);
  } finally {
    await ended(browser);
    rmSync(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
  }
}

/** Ends a process and those it has started. */
export function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    try {
      process.kill(-child.pid!, 'SIGKILL');
    } catch {
      child.kill('SIGKILL');
    }
  });
}

/** Firefox's first pages and reports, off. */
const firefoxQuiet = [
  ['datareporting.policy.dataSubmissionEnabled', 'false'],
  ['browser.shell.checkDefaultBrowser', 'false'],
  ['browser.aboutwelcome.enabled', 'false'],
  ['app.update.enabled', 'false'],
]
  .map(([key, value]) => `user_pref("${key}", ${value});`)
  .join('\n');
