/**
 * The page in browsers: what it draws, races, completes, judges, plays and opens is what the package makes in Node. Suites of a
 * browser that is not here, and of models that are not packaged yet, are skipped by name. PIXELCNN_DEMO_MODELS names another folder
 * of models. Screenshots lie in out/demo/.
 */

import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest';
import { unpackBits } from '../../demo/bits.js';
import { percent } from '../../demo/dom.js';
import { begin, flaw, stepsOf } from '../../demo/game.js';
import { solve } from '../../judge/sokoban.js';
import { root } from '../../scripts/shell.js';
import { loadSampler, type Sampler, toText } from '../../ts/index.js';
import { pixelcnn } from '../cli/run.js';
import { browserNames, findBrowser, launch } from './browsers.js';
import { buildPage, type Site, serve, transferred } from './site.js';

const models = process.env.PIXELCNN_DEMO_MODELS ?? join(root, 'models');
const shots = join(root, 'out/demo');
const axe = readFileSync(join(root, 'node_modules/axe-core/axe.min.js'), 'utf8');

/** The file that the page takes of a model: integers where there are any. */
function fileOf(model: string): string | undefined {
  const names = readdirSync(models).filter((name) => name.startsWith(`${model}.`) && name.endsWith('.safetensors'));
  return names.find((name) => name.startsWith(`${model}.int`)) ?? names.find((name) => name === `${model}.safetensors`);
}

async function samplerOf(model: string, context: TestContext): Promise<Sampler> {
  const file = fileOf(model);
  if (file === undefined) context.skip(`no model ${model} is packaged`);
  return loadSampler(join(models, file!));
}

let folder: string;
let site: Site;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pixelcnn-demo-'));
  await buildPage(join(folder, 'site'), models);
  site = await serve(join(folder, 'site'));
  mkdirSync(shots, { recursive: true });
});

afterAll(async () => {
  site.close();
  await rm(folder, { recursive: true, force: true });
});

/** A text of the page, once it is as it should be. */
async function textOf(page: Page, selector: string, like: RegExp): Promise<string> {
  await page.waitForFunction(
    ([selector, source]) => new RegExp(source!).test(document.querySelector(selector!)?.textContent ?? ''),
    [selector, like.source],
    { timeout: 240_000 },
  );
  return (await page.textContent(selector))!;
}

/** What a canvas shows, a pixel after the other, as the index of the nearest of some colours. */
async function levelsOn(
  canvas: Locator,
  { count, columns, height, width }: { count: number; columns: number; height: number; width: number },
  colours: readonly (readonly number[])[],
): Promise<number[]> {
  await canvas.page().waitForTimeout(600); // until what was drawn last has cooled
  return canvas.evaluate(
    (element, { count, columns, height, width, colours }) => {
      const canvas = element as HTMLCanvasElement;
      const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
      const gap = 2;
      const levels: number[] = [];
      for (let image = 0; image < count; image++) {
        for (let i = 0; i < height * width; i++) {
          const x = gap + (image % columns) * (width + gap) + (i % width);
          const y = gap + Math.floor(image / columns) * (height + gap) + Math.floor(i / width);
          const at = 4 * (y * canvas.width + x);
          levels.push(colours.findIndex((colour) => colour.every((part, j) => part === data[at + j])));
        }
      }
      return levels;
    },
    { count, columns, height, width, colours: colours.map((colour) => [...colour]) },
  );
}

/** Paper and ink of the theme that the page has. */
async function inkOf(page: Page): Promise<number[][]> {
  return page.evaluate(() =>
    ['--paper', '--ink'].map((name) => {
      const probe = document.body.appendChild(document.createElement('span'));
      probe.style.color = `var(${name})`;
      const colour = getComputedStyle(probe).color.match(/\d+/g)!.map(Number);
      probe.remove();
      return colour;
    }),
  );
}

async function scrollTo(page: Page, id: string): Promise<void> {
  await page.evaluate((id) => document.getElementById(id)!.scrollIntoView({ behavior: 'instant' }), id);
}

/** A stroke through places of an element, given as shares of its sides. */
async function stroke(
  page: Page,
  element: Locator,
  places: readonly (readonly [x: number, y: number])[],
): Promise<void> {
  await element.scrollIntoViewIfNeeded();
  const box = (await element.boundingBox())!;
  const at = ([x, y]: readonly [number, number]) => [box.x + x * box.width, box.y + y * box.height] as const;
  await page.mouse.move(...at(places[0]!));
  await page.mouse.down();
  for (const place of places) await page.mouse.move(...at(place), { steps: 4 });
  await page.mouse.up();
}

/** Processor time of each task on the main threads of pages, in ms, of a trace of Chromium's. */
function mainThreadTasks(trace: Buffer): number[] {
  interface TraceEvent {
    readonly name: string;
    readonly pid: number;
    readonly tid: number;
    readonly tdur?: number;
    readonly args?: { readonly name?: string };
  }
  const { traceEvents } = JSON.parse(trace.toString()) as { traceEvents: TraceEvent[] };
  const threads = traceEvents
    .filter((event) => event.name === 'thread_name' && event.args?.name === 'CrRendererMain')
    .map(({ pid, tid }) => `${pid}/${tid}`);
  return traceEvents
    .filter(({ name, pid, tid }) => name.endsWith('RunTask') && threads.includes(`${pid}/${tid}`))
    .map(({ tdur = 0 }) => tdur / 1000);
}

describe.each(browserNames)('in %s', (name) => {
  const path = findBrowser(name);
  let browser: Browser;
  let page: Page;
  let faults: string[];
  let requests: string[];

  beforeAll(async () => {
    if (path !== undefined) browser = await launch(name, path);
  });

  afterAll(() => browser?.close());

  /** A page at some address, whose faults and requests are noted. */
  async function open(query: string, context: TestContext): Promise<void> {
    if (path === undefined) context.skip(`found no ${name}`);
    page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
    [faults, requests] = [[], []];
    page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
    page.on('pageerror', (error) => faults.push(error.message));
    page.on('request', (request) => requests.push(request.url()));
    await page.goto(`${site.url}${query}`);
  }

  /** Nothing went wrong, and nobody else was asked for anything. */
  async function expectQuiet(): Promise<void> {
    expect(faults).toEqual([]);
    const others = requests.filter((url) => !url.startsWith(site.url) && !/^(data|blob):/.test(url));
    expect(others).toEqual([]);
    expect(site.missing).toEqual([]);
    await page.close();
  }

  it('draws the pixels that the command line draws, and keeps what is chosen in the address', async (context) => {
    await open('?model=mnist-binary&seed=5&count=1&pace=0', context);
    const sampler = await samplerOf('mnist-binary', context);
    await textOf(page, '#draw .status', /^1 image of seed 5/);
    await page.getByRole('radio', { name: '16', exact: true }).check();
    await textOf(page, '#draw .status', /^16 images of seed 5/);
    expect(new URL(page.url()).searchParams.get('count')).toBe('16');
    const words = (await page.textContent('#draw .command code'))!.split(' ');
    expect(words.slice(0, 3)).toEqual(['npx', 'pixelcnn', 'sample']);
    const args = words.slice(2).map((word) => (word.startsWith('models/') ? join(models, word.slice(7)) : word));
    const { code } = await pixelcnn(folder, [...args, '--npy', 'drawn.npy', '--out', join(folder, 'drawn')]);
    expect(code).toBe(0);
    const { height, width } = sampler.config;
    const npy = readFileSync(join(folder, 'drawn.npy'));
    const drawn = [...npy.subarray(npy.length - 16 * height * width)];
    const grid = { count: 16, columns: 4, height, width };
    expect(await levelsOn(page.locator('#draw canvas.grid'), grid, await inkOf(page))).toEqual(drawn);
    await page.reload();
    await textOf(page, '#draw .status', /^16 images of seed 5/);
    await expectQuiet();
  });

  it('tells of a pixel its probability, by pointer and by keys', async (context) => {
    await open('?model=mnist-binary&seed=5&count=1&pace=0', context);
    const sampler = await samplerOf('mnist-binary', context);
    await textOf(page, '#draw .status', /^1 image of seed 5/);
    const { width } = sampler.config;
    const { data } = sampler.logits(sampler.sample({ seed: 5 }));
    const wanted = (y: number, x: number) => percent(1 / (1 + Math.exp(-data[y * width + x]!)));
    const box = (await page.locator('#draw canvas.grid').boundingBox())!;
    const scale = box.width / (width + 4);
    await page.mouse.move(box.x + (2 + 13.5) * scale, box.y + (2 + 12.5) * scale);
    const read = await textOf(page, '#draw .reading', /^Row 13, column 14:/);
    expect(read).toContain(`p(ink) was ${wanted(12, 13)}.`);
    await page.locator('#draw canvas.grid').focus();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowLeft');
    expect(await textOf(page, '#draw .reading', /^Row 14, column 13:/)).toContain(`p(ink) was ${wanted(13, 12)}.`);
    await expectQuiet();
  });

  it('races, and both sides draw the same pixels', async (context) => {
    await open('?model=mnist-binary&count=1&pace=0', context);
    await samplerOf('mnist-binary', context);
    await scrollTo(page, 'racing');
    await page.getByRole('button', { name: 'Start the race' }).click();
    const verdict = await textOf(page, '#race .status', /times as fast/);
    console.log(`${name}: ${verdict}`);
    expect(verdict).toContain('every pixel of the image is the same');
    expect(await page.textContent('#race .lane:first-child strong')).toBe('784 of 784');
    await expectQuiet();
  });

  it('finishes what the visitor begins, as the package does', async (context) => {
    const id = fileOf('digits') === undefined ? 'mnist-binary' : 'digits';
    await open(`?model=${id}&count=1&pace=0&seed=9&rows=12&as=3`, context);
    const sampler = await samplerOf(id, context);
    const { classes = 0, height, width } = sampler.config;
    await scrollTo(page, 'completing');
    await textOf(page, '#complete .status', /Ten ways/);
    await page.locator('#complete').getByRole('button', { name: 'Clear' }).click();
    await stroke(page, page.locator('#complete .pad'), [
      [0.3, 0.2],
      [0.6, 0.15],
      [0.65, 0.3],
      [0.45, 0.6],
    ]);
    await page.waitForTimeout(500); // until the last of the stroke has been taken up
    await textOf(page, '#complete .status', /Ten ways/);
    const hand = new URL(page.url()).searchParams.get('hand')!;
    const data = unpackBits(hand, height * width);
    expect(data.subarray(12 * width).includes(1)).toBe(false);
    expect(data.filter((level) => level === 1).length).toBeGreaterThan(15);
    const known = new Uint8Array(data.length).fill(1, 0, 12 * width);
    const label = classes > 0 ? { label: 3 } : {};
    const made = sampler.sample({ count: 10, seed: 9, given: { data, known }, ...label });
    const grid = page.locator('#complete canvas.grid');
    const shape = { count: 10, columns: 5, height, width };
    const ink = await inkOf(page);
    await expect.poll(() => levelsOn(grid, shape, ink), { timeout: 120_000 }).toEqual([...made.data]);
    await expectQuiet();
  });

  it('takes a drawing for what the package takes it for', async (context) => {
    const id = fileOf('digits') === undefined ? 'mnist-binary' : 'digits';
    await open(`?model=${id}&count=1&pace=0`, context);
    const sampler = await samplerOf(id, context);
    const { classes = 0, height, width } = sampler.config;
    await scrollTo(page, 'judging');
    await textOf(page, '#judge .status', /nats/);
    const pad = page.locator('#judge .pad');
    await page.locator('#judge').getByRole('button', { name: 'Clear' }).click();
    await stroke(page, pad, [
      [0.55, 0.2],
      [0.5, 0.5],
      [0.45, 0.8],
    ]);
    await pad.focus();
    for (const key of ['ArrowUp', 'ArrowRight', 'Space']) await page.keyboard.press(key);
    const [, ink] = await inkOf(page);
    const levels = await pad.evaluate(
      (element, { height, width, ink }) => {
        const canvas = element as HTMLCanvasElement;
        const context = canvas.getContext('2d')!;
        return Array.from({ length: height * width }, (_, i) => {
          const { data } = context.getImageData((i % width) * 10 + 5, Math.floor(i / width) * 10 + 5, 1, 1);
          return ink.every((part, j) => part === data[j]) ? 1 : 0;
        });
      },
      { height, width, ink: ink! },
    );
    expect(levels.filter((level) => level === 1).length).toBeGreaterThan(15);
    const nats = -sampler.logProb(Uint8Array.from(levels))[0]!;
    const said = await textOf(page, '#judge .status', new RegExp(`costs ${nats.toFixed(1)} nats`));
    if (classes > 0) {
      const { labels, probabilities } = sampler.classify(Uint8Array.from(levels));
      const bars = await page.locator('#judge .bars .value').allTextContents();
      expect(bars).toEqual([...probabilities].map(percent));
      expect(said).toContain(`takes it for ${sampler.classNames?.[labels[0]!] ?? labels[0]}`);
    }
    await expectQuiet();
  });

  it('draws levels, one of which is played to its end', async (context) => {
    const sampler = await samplerOf('boxoban', context);
    let [seed, index] = [0, -1];
    let level: string[] = [];
    while (index < 0) {
      const drawn = toText(sampler.sample({ count: 12, seed: ++seed }), sampler.alphabet).map((map) =>
        map.trimEnd().split('\n'),
      );
      index = drawn.findIndex((one) => flaw(one) === undefined && solve(one).kind === 'solved');
      level = drawn[index] ?? [];
    }
    await open(`?model=mnist-binary&count=1&pace=0&levels=${seed}`, context);
    await scrollTo(page, 'playing');
    await textOf(page, '#levels .shelf .status', /can be solved/);
    await page.locator('.level').nth(index).click();
    expect(new URL(page.url()).searchParams.get('level')).toBe(String(index));
    const found = solve(level);
    const steps = stepsOf(begin(level), found.kind === 'solved' ? found.pushes : []);
    const last = steps.pop()!;
    for (const step of steps) await page.keyboard.press(`Arrow${step[0]!.toUpperCase()}${step.slice(1)}`);
    const status = '#levels .game .status';
    expect(await page.textContent(status)).toContain(`${steps.length} steps`);
    await page.keyboard.press('u');
    expect(await page.textContent(status)).toContain(`${steps.length - 1} steps`);
    await page
      .locator('.game')
      .getByRole('button', { name: steps.at(-1)!, exact: true })
      .click();
    await page.locator('.game').getByRole('button', { name: last, exact: true }).click();
    expect(await page.textContent(status)).toMatch(/^Solved, in /);
    await expectQuiet();
  });

  it('opens a model that is dropped on it, and says what is wrong with another file', async (context) => {
    await open('?model=mnist-binary&count=1&pace=0', context);
    const file = join(root, 'test/golden/nominal.safetensors');
    const drop = async (base64: string, name: string) => {
      const transfer = await page.evaluateHandle(
        ({ base64, name }) => {
          const transfer = new DataTransfer();
          const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
          transfer.items.add(new File([bytes], name));
          return transfer;
        },
        { base64, name },
      );
      await page.dispatchEvent('body', 'drop', { dataTransfer: transfer });
    };
    await drop(readFileSync(file).toString('base64'), 'nominal.safetensors');
    await textOf(page, '#own .studio .status', /^16 images of seed 1/);
    const sampler = await loadSampler(file);
    const { height, width, levels } = sampler.config;
    expect(await page.textContent('#own .status')).toContain(`images of ${height}x${width} in ${levels} kinds`);
    const palette = (await import('../../ts/colours.js')).levelColours(levels, 'nominal');
    const columns = Math.max(1, Math.round(Math.sqrt((16 * height) / width)));
    const shown = await levelsOn(page.locator('#own canvas.grid'), { count: 16, columns, height, width }, palette);
    expect(shown).toEqual([...sampler.sample({ count: 16, seed: 1 }).data]);
    await drop(Buffer.from('no model at all').toString('base64'), 'notes.txt');
    expect(await textOf(page, '#own .status', /could not be opened/)).toMatch(/^notes\.txt could not be opened: .+/);
    await expectQuiet();
  });

  it('has names, roles and contrast that axe finds no fault with, in dark and in light', async (context) => {
    await open('?model=mnist-binary&count=16&pace=0', context);
    await textOf(page, '#draw .status', /^16 images/);
    for (const id of ['racing', 'completing', 'judging', 'playing', 'opening']) {
      await scrollTo(page, id);
      await page.waitForFunction((id) => document.querySelector(`#${id} > div:last-child`)!.children.length > 0, id);
    }
    await textOf(page, '#judge .status', /nats/);
    await page.evaluate(axe);
    for (const theme of ['dark', 'light']) {
      const turn = page.getByRole('button', { name: new RegExp(theme, 'i') });
      if (await turn.isVisible()) await turn.click();
      expect(await page.getAttribute('html', 'data-theme')).toBe(theme === 'light' ? 'light' : 'dark');
      const violations = await page.evaluate(async () => {
        const { axe } = globalThis as unknown as {
          axe: { run(): Promise<{ violations: { id: string; nodes: { html: string; failureSummary: string }[] }[] }> };
        };
        const { violations } = await axe.run();
        return violations.map(({ id, nodes }) => ({
          id,
          where: nodes.map(({ html, failureSummary }) => [html, failureSummary]),
        }));
      });
      expect(violations).toEqual([]);
    }
    await expectQuiet();
  });

  it('keeps the main thread free while 64 are drawn, and prints how free', async (context) => {
    const id = fileOf('digits') === undefined ? 'mnist-binary' : 'digits';
    await open(`?model=${id}&count=1&pace=0`, context);
    if (name !== 'Chromium') context.skip(`${name} does not tell of long tasks`);
    await textOf(page, '#draw .status', /^1 image/);
    await page.evaluate(() => {
      const long: number[] = [];
      (globalThis as { long?: number[] }).long = long;
      new PerformanceObserver((list) => {
        for (const { duration } of list.getEntries()) long.push(duration);
      }).observe({ type: 'longtask' });
    });
    for (const speed of ['at full speed', 'to watch']) {
      await page.getByRole('group', { name: 'Images' }).getByRole('radio', { name: '1', exact: true }).check();
      await page.locator('#draw').getByRole('radio', { name: speed }).check();
      await textOf(page, '#draw .status', /^1 image/);
      await page.evaluate(() => (globalThis as unknown as { long: number[] }).long.splice(0));
      await browser.startTracing(page, { categories: ['toplevel', '__metadata'] });
      await page.locator('#draw').getByRole('radio', { name: '64', exact: true }).check();
      await textOf(page, '#draw .status', /^64 images/);
      await page.waitForTimeout(1000);
      const tasks = mainThreadTasks(await browser.stopTracing());
      const long = await page.evaluate(() => (globalThis as unknown as { long: number[] }).long);
      expect(tasks.length).toBeGreaterThan(100); // it was looked at
      // Printed, not asserted: on a busy machine any task takes long, by the clock at least.
      const over = (times: readonly number[]) =>
        `${times.filter((ms) => ms > 50).length} over 50 ms, the longest ${Math.max(0, ...times).toFixed(1)} ms`;
      console.log(
        `${name}: 64 of ${id} ${speed}: ${tasks.length} tasks on the main thread, by processor time ${over(tasks)}; by the clock ${over(long)}`,
      );
    }
    await expectQuiet();
  });

  it('is small, and looks as it does', async (context) => {
    await open('?count=64&pace=60', context);
    await textOf(page, '#draw .status', /^Drawing/);
    await page.waitForTimeout(5000); // to see the front on its way
    await page.locator('#draw .wall').screenshot({ path: join(shots, `${name.toLowerCase()}-front.png`) });
    faults.length = 0; // in Firefox a picture takes a style of the driver's, which the page's policy refuses
    await textOf(page, '#draw .status', /^64 images/);
    const first = [...new Set(requests)].filter((url) => url.startsWith(site.url));
    const bytes = (urls: readonly string[]) =>
      urls.reduce((sum, url) => sum + transferred(join(folder, 'site'), url), 0);
    const [model, page_] = [/\.safetensors$/, /(?<!\.safetensors)$/].map((kind) =>
      bytes(first.filter((url) => kind.test(url))),
    );
    console.log(
      `${name}: page ${(page_! / 1000).toFixed(1)} kB by brotli, its first model ${(model! / 1000).toFixed(1)} kB`,
    );
    for (const [look, width, height] of [
      ['wide', 1440, 900],
      ['phone', 390, 844],
    ] as const) {
      await page.setViewportSize({ width, height });
      for (const theme of ['dark', 'light'] as const) {
        const turn = page.getByRole('button', { name: new RegExp(theme, 'i') });
        if (await turn.isVisible()) await turn.click();
        await page.waitForTimeout(300);
        expect(faults).toEqual([]);
        await page.screenshot({ path: join(shots, `${name.toLowerCase()}-${look}-${theme}.png`) });
        faults.length = 0;
      }
      const [inner, outer] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
      expect(inner).toBeLessThanOrEqual(outer!); // nothing to scroll sideways for
    }
    expect(existsSync(join(shots, `${name.toLowerCase()}-phone-light.png`))).toBe(true);
    await expectQuiet();
  });

  it('says what it lacks where no model is packaged', async (context) => {
    if (path === undefined) context.skip(`found no ${name}`);
    const [empty, bare] = [join(folder, 'no-models'), join(folder, 'bare')];
    await mkdir(empty, { recursive: true });
    await buildPage(bare, empty);
    const other = await serve(bare);
    page = await browser.newPage();
    faults = [];
    page.on('pageerror', (error) => faults.push(error.message));
    await page.goto(other.url);
    const said = await page.locator('.absent').allTextContents();
    const lacks = (what: string) => `${what} is not packaged with this build, so this part has nothing to show.`;
    expect(said).toEqual([...new Array(4).fill(lacks('A model of digits')), lacks('The model of Sokoban levels')]);
    expect(faults).toEqual([]);
    other.close();
    await page.close();
  });
});
