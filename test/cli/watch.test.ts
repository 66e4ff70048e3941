/** `pixelcnn sample --watch`: images in the terminal while they are drawn. */

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { picture } from '../../ts/cli/picture.js';
import { loadSampler } from '../../ts/index.js';
import { folderOfNets } from './nets.js';
import { onTerminal } from './pty.js';
import { cli, pixelcnn } from './run.js';

const folder = folderOfNets();
const load = (name: string) => loadSampler(join(folder.path, `${name}.safetensors`));
const sample = (name: string, ...args: string[]) => [
  ...['sample', '--model', `${name}.safetensors`, '--seed', '1', '--out', `watched-${name}`],
  ...args,
];

const [begin, end] = ['\x1b[?1049h\x1b[?25l\x1b[?7l', '\x1b[?7h\x1b[?25h\x1b[?1049l'];

/** What was shown one after the other, without the terminal's commands but for colours; and what stands there in the end. */
function shown(output: string): { frames: string[]; after: string } {
  expect(output.split(begin)).toHaveLength(2);
  expect(output.split(end)).toHaveLength(2);
  const [sheet = '', after = ''] = output.slice(output.indexOf(begin) + begin.length).split(end);
  const frames = sheet.replace('^C', '').split('\x1b[H').slice(1); // the terminal itself shows the key
  for (const frame of frames) expect(frame.endsWith('\x1b[K\x1b[J')).toBe(true);
  return { frames: frames.map((frame) => frame.replaceAll('\x1b[K', '').replace('\x1b[J', '')), after };
}

describe.runIf(process.platform === 'linux')('on a terminal', () => {
  it('shows images screen by screen, as far as each is drawn, then what it shows without', async () => {
    const args = sample('tiny', '--watch', '--count', '10');
    const { output, code } = await onTerminal(folder.path, [cli, ...args], [], {}, [16, 40]);
    expect(code).toBe(0);
    const { frames, after } = shown(output);
    const lines = frames.map((frame) => frame.split('\r\n'));
    for (const all of lines) {
      expect(all.length).toBeLessThanOrEqual(16);
      // 40 columns have room for three images of 11, 16 rows for two of 6 lines.
      for (const line of all.slice(0, -1)) expect(line.length).toBeLessThanOrEqual(37);
    }
    const told = [...new Set(lines.map((all) => all.at(-1)!.replace(/: .*/, '')))];
    expect(told).toEqual(['images 0 to 5, of 10, seed 1, wavefront', 'images 6 to 9, of 10, seed 1, wavefront']);
    expect(frames[0]).toContain('░');
    const partly = frames.some((frame) => frame.includes('░') && /[█▀▄]/.test(frame));
    expect(partly).toBe(true);
    const whole = frames.filter((frame) => /: (\S+) of \1 pixels$/.test(frame));
    const { data, shape } = (await load('tiny')).sample({ count: 10, seed: 1 });
    const look = { levels: 2, colourBits: 1, columns: 40, rows: 2 };
    const [first, second] = [[0, 6] as const, [6, 10] as const].map(([from, to]) => {
      const own = picture(data.slice(132 * from, 132 * to), [to - from, ...shape.slice(1)] as never, look);
      return own.parts.join('').replaceAll('\n', '\r\n');
    });
    expect(whole.map((frame) => frame.slice(0, frame.lastIndexOf('\r\n') + 2))).toEqual([first, second]);
    expect(after).toContain('images 0 to 9 of seed 1, 12x11, in ');
    expect(after).toMatch(/[█▀▄]/);
  });

  it.each([
    ['maps', {}, /[#.@]/],
    ['grey', {}, /\[38;[25];/],
    ['grey', { NO_COLOR: '1' }, /[░▒▓█]/],
    ['tiles', { NO_COLOR: '1' }, /[01234]/],
  ])('shows levels of %s with %j, and no colour that was not asked for', async (name, env, sign) => {
    const args = sample(name, '--watch', '--count', '3');
    const { output, code } = await onTerminal(folder.path, [cli, ...args], [], env, [24, 80]);
    expect(code).toBe(0);
    const { frames } = shown(output);
    expect(frames.at(-1)).toMatch(sign);
    if ('NO_COLOR' in env || name === 'maps') expect(frames.map(stripVTControlCharacters)).toEqual(frames);
  });

  it('at Ctrl-C takes the pictures away, restores the terminal and leaves whole files alone', async () => {
    const args = sample('tiny', '--watch', '--count', '1000');
    const presses = [{ key: '\x03', after: 'images 6 to 11' }];
    const { output, code } = await onTerminal(folder.path, [cli, ...args], presses, {}, [16, 40]);
    expect(code).toBe(130);
    expect(shown(output).after).toMatch(/^pixelcnn: interrupted; \d+ of 1000 images are in watched-tiny\r\n$/);
    const files = readdirSync(join(folder.path, 'watched-tiny'));
    expect(files.filter((name) => !/^(\d{6}|grid)\.png$/.test(name))).toEqual([]);
  });

  it.each<[string, string, readonly [number, number], NodeJS.ProcessEnv, string]>([
    ['is too narrow', 'tiny', [24, 10], {}, 'a terminal of at least 11 columns and 7 rows, got one of 10 and 24'],
    ['is too low', 'tiny', [6, 80], {}, 'a terminal of at least 11 columns and 7 rows, got one of 80 and 6'],
    ['takes no commands', 'tiny', [24, 80], { TERM: 'dumb' }, 'a terminal, got one that takes no commands'],
    [
      'has no colours',
      'codes',
      [24, 80],
      { NO_COLOR: '1' },
      'a terminal with colours for 300 kinds of levels, got one',
    ],
  ])('says so, and draws all the same, where it %s', async (_, name, size, env, words) => {
    const { output, code } = await onTerminal(folder.path, [cli, ...sample(name, '--watch')], [], env, size);
    expect(code).toBe(0);
    expect(output).toContain(`--watch: expected ${words}`);
    expect(output).not.toContain(begin);
    expect(output).toContain('images 0 to 15 of seed 1');
  });
});

it('says so where there is no terminal, and draws what it draws without', async () => {
  const plain = await pixelcnn(folder.path, sample('tiny', '--npy', 'plain.npy'));
  const watched = await pixelcnn(folder.path, sample('tiny', '--watch', '--npy', 'plain.npy'));
  expect(watched.code).toBe(0);
  expect(watched.stderr).toBe('--watch: expected a terminal, got none; the images are drawn all the same\n');
  const withoutTime = (text: string) => text.replace(/ in \S+ s \([^)]*\)/, '');
  expect(withoutTime(watched.stdout)).toBe(withoutTime(plain.stdout));
});

it.each(['--json', '--workers 2'])('is not for programs or threads: not beside %s', async (other) => {
  const { code, stderr } = await pixelcnn(folder.path, sample('tiny', '--watch', ...other.split(' ')));
  expect(stderr).toBe(`pixelcnn: expected --watch or ${other.split(' ')[0]}, got both\n`);
  expect(code).toBe(2);
});
