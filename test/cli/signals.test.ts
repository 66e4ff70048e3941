import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { npy } from '../train/data/npy.js';
import { configJson, randomModel } from '../wasm.js';
import { onTerminal } from './pty.js';
import { cli, type Ended, temporaryFolder } from './run.js';

const folder = temporaryFolder();
const size = 128;

beforeAll(async () => {
  // What is asked of the core below takes it minutes: longer than a test may.
  const config = configJson({ height: size, width: size, filters: 128, blocks: 8 });
  await writeFile(join(folder.path, 'slow.safetensors'), randomModel(config, 7));
  const pixels = Uint8Array.from({ length: 400 * size * size }, (_, i) => ((i * 7) % 13 > 6 ? 255 : 0));
  await writeFile(join(folder.path, 'slow.npy'), npy([400, size, size], pixels));
});

/** Runs `pixelcnn` and sends it a signal once it has computed for a while: it starts in less, so it is in the core by then. */
async function stopped(args: readonly string[], signal: NodeJS.Signals): Promise<Ended> {
  const child = spawn(process.execPath, [cli, ...args], { cwd: folder.path });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const closed = once(child, 'close');
  while (child.exitCode === null && processorSeconds(child.pid!) < 1.5)
    await new Promise((done) => setTimeout(done, 50));
  child.kill(signal);
  const [code] = (await closed) as [number | null];
  return { code, stdout, stderr };
}

/** Of all threads, as Linux counts them: in hundredths. */
function processorSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

const data = ['--data', 'slow.npy', '--split', 'all'];
const calibrated = ['slow.safetensors', '--calibrate', 'slow.npy', '--images', '400', '--out', 'new.safetensors'];

describe.runIf(process.platform === 'linux')('while the core works', () => {
  const cases: [args: string[], signal: NodeJS.Signals, code: number, said: RegExp][] = [
    [['quantize', ...calibrated], 'SIGINT', 130, /^pixelcnn: interrupted\n$/m],
    [['optimize', ...calibrated], 'SIGTERM', 143, /^pixelcnn: stopped by SIGTERM\n$/m],
    [['quantize', 'slow.safetensors', '--out', 'new.safetensors'], 'SIGTERM', 143, /^pixelcnn: stopped by SIGTERM\n$/m],
    [
      ['eval', 'slow.safetensors', ...data],
      'SIGHUP',
      129,
      /^pixelcnn: stopped by SIGHUP.*; \d+ of 400 images were scored\n$/m,
    ],
    [
      ['sample', '--model', 'slow.safetensors', '--method', 'reference', '--workers', '1'],
      'SIGINT',
      130,
      /^pixelcnn: interrupted; no image was written\n$/m,
    ],
  ];

  it.each(cases)(
    '`pixelcnn %j` answers %s',
    async (args, signal, code, said) => {
      const before = readdirSync(folder.path);
      const ended = await stopped(args, signal);
      // Told before, where data are read.
      expect(ended.stderr.replace(/^Values: .*\n/, '')).toMatch(said);
      expect(ended).toMatchObject({ code, stdout: '' });
      const left = readdirSync(folder.path, { recursive: true, encoding: 'utf8' });
      expect(left.filter((name) => !before.includes(name) && name !== 'samples')).toEqual([]);
    },
    180_000,
  );
});

/** What a terminal is sent so that the cursor goes and lines are cut, and so that both are as before. */
const [hidden, shown] = ['\x1b[?25l', '\x1b[?25h'];
const [cut, wrapped] = ['\x1b[?7l', '\x1b[?7h'];

function expectRestored(output: string): void {
  expect(output).toContain(hidden);
  expect(output.lastIndexOf(shown)).toBeGreaterThan(output.lastIndexOf(hidden));
  expect(output.lastIndexOf(wrapped)).toBeGreaterThan(output.lastIndexOf(cut));
}

describe.runIf(process.platform === 'linux')('on a terminal', () => {
  it('shows a bar, and at Ctrl-C says how far it is and restores the terminal', async () => {
    const { output, code } = await onTerminal(
      folder.path,
      [cli, 'sample', '--model', 'tiny.safetensors', '--count', '1000000', '--workers', '1'],
      [{ key: '\x03', after: '/1000000 images' }],
    );
    expect(code).toBe(130);
    expect(output).toMatch(/pixelcnn: interrupted; (no image was written|\d+ of 1000000 images are in samples)\r\n$/);
    expectRestored(output);
    expect(readdirSync(join(folder.path, 'samples')).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('draws no bar on a terminal that takes no commands', async () => {
    const args = [cli, 'sample', '--model', 'tiny.safetensors', '--count', '40', '--workers', '1', '--out', 'dumb'];
    const { output, code } = await onTerminal(folder.path, args, [], { TERM: 'dumb' });
    expect(code).toBe(0);
    expect(output).toContain('images 0 to 39 of seed');
    expect(output).not.toContain('\x1b');
  });

  it.each([
    ['a second Ctrl-C ends it', 'process.exit(130)', 130],
    ['an error that nobody foresaw does', "setImmediate(() => { throw new Error('no') })", 1],
  ])('restores the terminal where %s beside a bar', async (_, end, code) => {
    const progress = fileURLToPath(new URL('../../dist/cli/progress.js', import.meta.url));
    const program = `
import { startProgress } from ${JSON.stringify(progress)};
const bar = await startProgress('working', 10, 'things');
bar.update(3);
${end};`;
    const ended = await onTerminal(folder.path, ['--input-type=module', '-e', program]);
    expect(ended.code).toBe(code);
    expectRestored(ended.output);
  });

  it('ends a command that does not end by itself at a second Ctrl-C', async () => {
    const interrupt = fileURLToPath(new URL('../../dist/cli/interrupt.js', import.meta.url));
    const program = `
import { interruptible } from ${JSON.stringify(interrupt)};
await interruptible((signal) => {
  signal.addEventListener('abort', () => console.log('told'));
  console.log('deaf');
  return new Promise(() => setInterval(() => {}, 1000));
});`;
    const { output, code } = await onTerminal(
      folder.path,
      ['--input-type=module', '-e', program],
      [
        { key: '\x03', after: 'deaf' },
        { key: '\x03', after: 'told', pause: 1 }, // npm sends it on at once, which counts as the same
      ],
    );
    expect(output).toContain('told');
    expect(code).toBe(130);
  });
});
