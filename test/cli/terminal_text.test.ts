import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { labelled } from '../../ts/cli/format.js';
import { excerpt, visible } from '../../ts/cli/terminal.js';
import { npy } from '../train/data/npy.js';
import { configJson, randomModel } from '../wasm.js';
import { onTerminal } from './pty.js';
import { cli, ended, pixelcnn, temporaryFolder } from './run.js';

const folder = temporaryFolder();

/** What no terminal may be sent, whoever wrote it. */
const hostile = [
  '\x1b[2J\x1b]0;owned\x07',
  '\x9b31m',
  '\x7f\b\r',
  'a\u202egnp.exe\u202c',
  '\u2066\u2067\u2068\u2069\u200e\u200f\u061c',
  '\u200b\u00ad\ufeff\u2060\u{e0041}\u2028',
  '\ud800',
].join('|');

/** Whether a terminal would show all of it as it is. */
const isPlain = (text: string): boolean => !/(?!\n)[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u.test(text.replaceAll('\t', ' '));

it('writes out what is not to be seen, as JSON does, and leaves the rest', () => {
  expect(visible('\x1b[2J \x9b \x7f \u202e \u2067 \u061c \u200b \ufeff \u{e0041} \ud800 \r')).toBe(
    '\\u001b[2J \\u009b \\u007f \\u202e \\u2067 \\u061c \\u200b \\ufeff \\udb40\\udc41 \\ud800 \\u000d',
  );
  const plain = 'two\nlines\tand é, 漢字, العربية, 😀, ┏━┓ █▀▄';
  expect(visible(plain)).toBe(plain);
  expect(visible(visible(hostile))).toBe(visible(hostile));
  expect(isPlain(visible(hostile))).toBe(true);
  expect(JSON.parse(visible(JSON.stringify({ [hostile]: hostile })))).toEqual({ [hostile]: hostile });
});

it('cuts what is longer than anybody reads, and says so', () => {
  expect(excerpt('12345', 5)).toBe('12345');
  expect(excerpt('x'.repeat(1_048_576), 3)).toBe('xxx... (1,048,576 characters in all)');
  expect(excerpt('ab😀cd', 3)).toBe('ab... (6 characters in all)');
  const rows = labelled([
    ['k'.repeat(100_000), 'v'],
    ['lines', 'line\n'.repeat(10_000)],
  ]).split('\n');
  expect(rows[0]).toContain('... (100,000 characters in all)  v');
  expect(rows.at(-1)).toMatch(/^ +\.\.\. \(\d+ lines more\)$/);
  expect(rows.length).toBeLessThan(30);
  expect(labelled(Array.from({ length: 200_000 }, (_, i) => [`k${i}`, 'v'] as const))).toContain('k199999');
});

it('shows metadata of a model that would steer the terminal: keys, values, long ones', async () => {
  const config = configJson({ height: 12, width: 11, filters: 8, blocks: 2 });
  const metadata = {
    [`key ${hostile.replace('\ud800', '')}\nformat`]: hostile.replace('\ud800', ''),
    long: 'x'.repeat(1_000_000),
  };
  await writeFile(join(folder.path, 'hostile.safetensors'), randomModel(config, 7, metadata));
  const text = await pixelcnn(folder.path, ['inspect', 'hostile.safetensors']);
  expect(text).toMatchObject({ code: 0, stderr: '' });
  expect(isPlain(text.stdout)).toBe(true);
  expect(text.stdout).toContain('a\\u202egnp.exe\\u202c');
  expect(text.stdout).toContain('... (1,000,000 characters in all)');
  expect(text.stdout.match(/^format/gm)).toHaveLength(1); // no key makes a line of its own
  expect(text.stdout.length).toBeLessThan(20_000);
  const json = await pixelcnn(folder.path, ['inspect', 'hostile.safetensors', '--json']);
  expect(isPlain(json.stdout)).toBe(true);
  expect(JSON.parse(json.stdout).metadata).toMatchObject(metadata); // whole
});

it('keeps names of classes on the line that tells of them', async () => {
  const classNames = ['a\nwrote      nothing', 'b'.repeat(300), 'c'];
  const config = configJson({ height: 2, width: 2, filters: 4, blocks: 1, classes: 3 });
  await writeFile(join(folder.path, 'classes.st'), randomModel(config, 1, { classNames: JSON.stringify(classNames) }));
  const line = `"a\\nwrote      nothing", ${'b'.repeat(255)}..., c`;
  const inspected = await pixelcnn(folder.path, ['inspect', 'classes.st']);
  expect(inspected.stdout.replace(/ +/g, ' ')).toContain(`\nclasses 3: ${line.replace(/ +/g, ' ')}\n`);
  const drawn = await pixelcnn(folder.path, ['sample', '--model', 'classes.st', '--seed', '1', '--count', '3']);
  expect(drawn.stdout).toContain(`\nclasses    ${line}\n`);
});

it('shows names of files and parse errors that would steer the terminal', async () => {
  const name = `${hostile.replace('\ud800', '')}.json`;
  await writeFile(join(folder.path, name), `{"images": 1, "protocol": \x1b[2J\u202e`);
  await mkdir(join(folder.path, 'data'), { recursive: true });
  await writeFile(join(folder.path, 'data', `${name}.png`), 'no picture');
  const endings = await Promise.all([
    pixelcnn(folder.path, ['inspect', name]),
    pixelcnn(folder.path, ['inspect', `no ${name}`, '--debug']),
    pixelcnn(folder.path, ['eval', 'tiny.safetensors', '--data', 'data', '--against', name]),
    pixelcnn(folder.path, ['eval', 'tiny.safetensors', '--data', 'data']),
    pixelcnn(folder.path, ['sample', `--${hostile}`]),
    pixelcnn(folder.path, [hostile]),
  ]);
  for (const { code, stdout, stderr } of endings) {
    expect(code).not.toBe(0);
    expect(isPlain(stdout + stderr), stderr).toBe(true);
    expect(stderr).toMatch(/^pixelcnn: .*\\u/m);
  }
});

it('shows the words of a protocol that would steer the terminal', async () => {
  const pixels = Uint8Array.from({ length: 30 * 12 * 11 }, (_, i) => ((i * 7) % 13 > 6 ? 255 : 0));
  await writeFile(join(folder.path, 'data.npy'), npy([30, 12, 11], pixels));
  const own = await pixelcnn(folder.path, [
    'eval',
    'tiny.safetensors',
    '--data',
    'data.npy',
    '--split',
    'all',
    '--json',
  ]);
  const evaluation = JSON.parse(own.stdout);
  evaluation.protocol.source = `elsewhere ${hostile}`;
  await writeFile(join(folder.path, 'other.json'), JSON.stringify(evaluation));
  const args = ['eval', 'tiny.safetensors', '--data', 'data.npy', '--split', 'all', '--against', 'other.json'];
  const { stderr, stdout } = await pixelcnn(folder.path, args);
  expect(stderr).toContain('elsewhere \\u001b[2J');
  expect(isPlain(stdout + stderr)).toBe(true);
});

it('refuses arguments that are no text, which would name another file', async () => {
  const before = readdirSync(folder.path);
  const program = `exec "$0" "$1" sample --model tiny.safetensors --count 1 --out "$(printf 'b\\377')"`;
  const { code, stderr } = await ended('sh', ['-c', program, process.execPath, cli], folder.path);
  expect(stderr).toMatch(/^pixelcnn: expected arguments in UTF-8, got "b\ufffd", [^\n]*\n$/);
  expect(code).toBe(2);
  expect(readdirSync(folder.path)).toEqual(before);
});

it.runIf(process.platform === 'linux')("keeps the command line's own colours on a terminal", async () => {
  const { output, code } = await onTerminal(folder.path, [cli, 'doctor']);
  expect(code).toBe(0);
  expect(output).toContain('\x1b[32mok     \x1b[0m  Node');
});

it('has one way to the terminal', () => {
  const ts = fileURLToPath(new URL('../../ts/', import.meta.url));
  // What silences a library's own console says nothing.
  const ways = /console\.\w+\(|process\.std(out|err)\.write|writeSync\(/;
  const files = readdirSync(ts, { recursive: true, encoding: 'utf8' }).filter(
    (name) => name.endsWith('.ts') && !name.startsWith('wasm'),
  );
  const code = (name: string) => readFileSync(join(ts, name), 'utf8').replace(/^ *(\*|\/\/).*$/gm, '');
  // What doctor prints by is in the text of a program whose output it reads.
  const found = files.filter((name) => ways.test(code(name)));
  expect(found.sort()).toEqual([join('cli', 'doctor.ts'), join('cli', 'terminal.ts')]);
});
