/** The examples that are pages, from the packed package, in Chromium: one that nothing builds, one that Vite builds. */

import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { PNG } from 'pngjs';
import { build } from 'vite';
import { afterAll, beforeAll, expect, it, type TestContext, vi } from 'vitest';
import { type FileServer, serveFiles } from '../../scripts/everywhere/browser.js';
import { installPacked } from '../../scripts/everywhere/tools.js';
import { root } from '../../scripts/shell.js';
import { loadSampler, type Sampler, type Samples } from '../../ts/index.js';
import { findBrowser, launch } from '../demo/browsers.js';

vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

const folder = mkdtempSync(join(tmpdir(), 'pixelcnn-pages-'));
const command = findBrowser('Chromium');
let browser: Browser | undefined;

beforeAll(async () => {
  if (command === undefined) return;
  installPacked(folder);
  browser = await launch('Chromium', command);
});
afterAll(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Opens a served page, and sees that it makes no complaint and asks nobody else. */
async function opened(
  server: FileServer,
  look: (page: Page, complaints: string[]) => Promise<void>,
  others: readonly FileServer[] = [],
): Promise<void> {
  const origins = [server, ...others].map(({ origin }) => origin);
  const page = await browser!.newPage();
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  page.on('request', (request) => {
    const { protocol, origin } = new URL(request.url());
    if (protocol.startsWith('http') && !origins.includes(origin)) complaints.push(`asked ${origin}`);
  });
  try {
    await page.goto(`${server.origin}/`);
    await look(page, complaints);
  } finally {
    await page.close();
    server.close();
  }
}

function needChromium(context: TestContext): void {
  if (browser === undefined) context.skip('Chromium is not there');
}

const status = (page: Page, text: RegExp) => page.getByRole('status').filter({ hasText: text }).waitFor();

/** Levels of images that lie in rows on the page's canvas. */
async function levelsOn(page: Page, count: number, columns: number): Promise<number[]> {
  const pixels = await page.evaluate(() => {
    const canvas = document.querySelector('canvas')!;
    const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
    return { width: canvas.width, red: Array.from(data.filter((_, i) => i % 4 === 0)) };
  });
  return inOrder(pixels.red, pixels.width, count, columns);
}

function inOrder(red: ArrayLike<number>, width: number, count: number, columns: number): number[] {
  return Array.from({ length: count * 28 * 28 }, (_, at) => {
    const [image, y, x] = [Math.floor(at / 784), Math.floor((at % 784) / 28), at % 28];
    const [top, left] = [28 * Math.floor(image / columns), 28 * (image % columns)];
    return red[(top + y) * width + left + x]! / 255;
  });
}

async function drawn(options: { count: number; seed: number }): Promise<number[]> {
  const sampler = await loadSampler(join(root, 'models/mnist-binary.int8.safetensors'));
  return [...(sampler.sample(options) as Samples).data];
}

it('examples/page/index.html draws without a bundler, from what npm installed', async (context) => {
  needChromium(context);
  cpSync(join(root, 'examples/page'), folder, { recursive: true });
  const server = await serveFiles(folder);
  await opened(server, async (page, complaints) => {
    await status(page, /^Seed 1,/);
    expect(await levelsOn(page, 16, 4)).toEqual(await drawn({ count: 16, seed: 1 }));
    await page.getByLabel('Seed').fill('7');
    await page.getByRole('button', { name: 'Draw' }).click();
    await status(page, /^Seed 7,/);
    const wanted = await drawn({ count: 16, seed: 7 });
    expect(await levelsOn(page, 16, 4)).toEqual(wanted);
    const saving = page.waitForEvent('download');
    await page.getByRole('link', { name: 'Save as PNG' }).click();
    const { data, width } = PNG.sync.read(readFileSync(await (await saving).path()));
    const red = Array.from({ length: (width / 4) ** 2 }, (_, i) => {
      const [y, x] = [Math.floor(i / (width / 4)), i % (width / 4)];
      return data[4 * (4 * y * width + 4 * x)]!;
    });
    expect(inOrder(red, width / 4, 16, 4)).toEqual(wanted);
    expect(complaints).toEqual([]);
  });
});

/** The directives that docs/everywhere.md tells a page of one's own server; `more` is added to each that it names. */
function policy(more: Readonly<Record<string, string>> = {}): string {
  const page = readFileSync(join(root, 'docs/everywhere.md'), 'utf8');
  const rows = [...page.matchAll(/^\| `([a-z]+-src) ([^`]*)` \|/gm)];
  expect(rows.length).toBeGreaterThan(2);
  const told = rows.map(([, name, words]) => [name, words, more[name!] ?? ''].join(' ').trim());
  return ["default-src 'none'", ...told, 'img-src data:'].join('; ');
}

it('the lines of docs/everywhere.md for a CDN load the package from another origin, under its policy, by three requests', async (context) => {
  needChromium(context);
  const docs = readFileSync(join(root, 'docs/everywhere.md'), 'utf8');
  const [, lines = ''] = /```html\n(.*?)```/s.exec(docs) ?? [];
  const [address = ''] = /https:.*?@[\d.]+(?=\/)/.exec(lines) ?? [];
  const place = join(folder, 'cdn');
  mkdirSync(place);
  const cdn = await serveFiles(join(folder, 'node_modules/pixelcnn'));
  const page = lines.replaceAll(address, cdn.origin).replace(/(?=<\/script>\s*$)/, '  globalThis.sampler = sampler;\n');
  writeFileSync(join(place, 'index.html'), `<!doctype html>\n<link rel="icon" href="data:," />\n${page}`);
  const hashes = [...page.matchAll(/<script[^>]*>(.*?)<\/script>/gs)].map(([, text]) => {
    return `'sha256-${createHash('sha256').update(text!).digest('base64')}'`;
  });
  const more = { 'script-src': [cdn.origin, ...hashes].join(' '), 'connect-src': cdn.origin };
  const serve = (worker: object) => serveFiles(place, { 'content-security-policy': policy({ ...more, ...worker }) });
  const pooled = (page: Page) =>
    // As text, since vitest writes imports of its own into functions.
    page.evaluate(`import('pixelcnn').then(async ({ loadSamplerPool }) => {
      const pool = await loadSamplerPool('${cdn.origin}/models/mnist-binary.int8.safetensors', { workers: 2 });
      return [...(await pool.sample({ count: 2, seed: 1 })).data];
    })`);
  const look = async (page: Page, complaints: string[]) => {
    const sampler = await page.waitForFunction(() => (globalThis as { sampler?: Sampler }).sampler);
    expect(cdn.asked.length, cdn.asked.join(' ')).toBe(3);
    const wanted = await drawn({ count: 2, seed: 1 });
    expect(await sampler.evaluate((it) => [...it!.sample({ count: 2, seed: 1 }).data])).toEqual(wanted);
    expect(await pooled(page)).toEqual(wanted);
    expect(complaints).toEqual([]);
    const ms = await sampler.evaluate((it) => {
      const before = performance.now();
      it!.sample({ count: 64, seed: 2 });
      return performance.now() - before;
    });
    console.log(`sample({ count: 64 }) held a page of Chromium for ${ms.toFixed(0)} ms`);
  };
  await opened(await serve({ 'worker-src': `blob: ${cdn.origin}` }), look, [cdn]);
  // Without these there are no workers, and the page is told so.
  const refused = async (page: Page) => {
    await page.waitForFunction(() => (globalThis as { sampler?: Sampler }).sampler);
    await expect(pooled(page)).rejects.toThrow(/worker/i);
  };
  await opened(await serve({}), refused, [cdn]);
  cdn.close();
});

it('examples/vite draws by a pool as Vite builds it, under the policy of docs/everywhere.md', async (context) => {
  needChromium(context);
  cpSync(join(root, 'examples/vite'), folder, { recursive: true });
  await build({ root: folder, logLevel: 'warn' });
  const serve = (csp: string) => serveFiles(join(folder, 'dist'), { 'content-security-policy': csp });
  await opened(await serve(policy()), async (page, complaints) => {
    await status(page, /^\d+ workers are ready$/);
    await page.getByRole('button', { name: 'Draw 320' }).click();
    await status(page, /^320 of 320$/);
    expect(await levelsOn(page, 320, 16)).toEqual(await drawn({ count: 320, seed: 1 }));
    await page.getByRole('button', { name: 'Draw 320' }).click();
    await page.getByRole('button', { name: 'Stop' }).click();
    await status(page, /^Stopped after \d+$/);
    expect(complaints).toEqual([]);
  });
  // Without the word that compiling wants, the page says which.
  await opened(await serve(policy().replace(" 'wasm-unsafe-eval'", '')), (page) =>
    status(page, /allow it by script-src 'wasm-unsafe-eval' in the page's Content-Security-Policy/),
  );
});
