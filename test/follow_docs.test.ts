import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it, type TestContext, vi } from 'vitest';
import { asPrinted, kindOf, notPrinted, stepsOf } from '../scripts/follow_docs.js';
import { tensorboardPath } from '../scripts/setup_tensorboard.js';
import { ended } from './cli/run.js';

vi.setConfig({ testTimeout: 1_200_000 }); // dozens of programs, some of which train

const root = fileURLToPath(new URL('..', import.meta.url));
const env = { PYTHONPATH: tensorboardPath, PYTHONDONTWRITEBYTECODE: '1' };

/** Follows a page, with few images. */
async function follow(page: string, ...options: string[]): Promise<void> {
  const args = ['--import', 'tsx', 'scripts/follow_docs.ts', `docs/${page}`, '--quick', ...options];
  const { code, stdout, stderr } = await ended(process.execPath, args, root, env);
  expect({ code, stderr }, stdout).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/\.md: \d+:\d\d in all, \d+:\d\d of processors\n$/);
}

it('the commands of docs/own_data.md do what it says, of maps and of grey images', () =>
  follow('own_data.md', '--without', 'code'));

it('the commands of docs/own_data.md do what it says, of codes', async (context: TestContext) => {
  const hasNumPy = spawnSync('python3', ['-c', 'import numpy'], { env: { ...process.env, ...env } }).status === 0;
  if (!hasNumPy) context.skip('Python has no NumPy; run npx tsx scripts/setup_tensorboard.ts, which brings one');
  await follow('own_data.md', '--only', 'code');
});

it('the commands of docs/import.md do what it says', () => follow('import.md'));

it('a page is taken apart into commands, and what they print', () => {
  const page = [
    '# A',
    '```sh',
    'ls  a   # the files',
    'echo \\',
    '  b',
    '```',
    'is',
    '```',
    'a',
    'b',
    '```',
    '```ts',
    'x',
    '```',
  ];
  expect(stepsOf(page.join('\n'))).toEqual([{ commands: ['ls a', 'echo b'], shown: ['a', 'b'], line: 8 }]);
  expect(() => stepsOf('```\na\n```')).toThrow('line 1: expected commands before it');
});

it('what is shown must have been printed, but for numbers, maps and lines without a letter', () => {
  expect(kindOf('images 0 to 79 of seed 1, in 1,204.5 s')).toBe(kindOf('images 0 to 2 of seed 7, in 3 s'));
  expect(kindOf('~~.^^  ~..~')).toBe(kindOf('~.^^^^^^.  ~~~'));
  expect(notPrinted(['loss 0.25', '~~~', '...', 'wrote a.png'], ['loss 17', 'wrote b.png'])).toEqual(['wrote a.png']);
  expect(notPrinted(['got 3'], ['got 4'])).toEqual([]);
  expect(notPrinted(['got 3'], ['got 4'], true)).toEqual(['got 3']);
  expect(asPrinted(['epoch 1', 'epoch 2', '~~~', 'gone'], ['x', 'epoch 7', '.~^', 'epoch 8', '^^^'])).toEqual([
    ...['epoch 7', 'epoch 8', '^^^', 'gone'],
  ]);
});
