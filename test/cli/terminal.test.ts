import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { readCheckpoint } from '../../ts/train/run/checkpoint.js';
import { tinyTraining, writeFrames } from './frames.js';
import { cli, temporaryFolder } from './run.js';

const folder = temporaryFolder();
beforeAll(() => writeFrames(folder.path));

const training = [...tinyTraining, '--epochs', '4000', '--json'];
const linux = process.platform === 'linux';

/** Runs training, ends what it is told to end once it has told of a step, and waits for the end. */
async function stopped(out: string, stop: (child: ReturnType<typeof spawn>) => void) {
  const child = spawn(process.execPath, [cli, ...training, '--out', out], {
    cwd: folder.path,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  let done = false;
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    if (done || !stdout.includes('"type":"epoch"')) return;
    done = true;
    stop(child);
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stderr, found: await readCheckpoint(join(folder.path, out, 'checkpoints')) };
}

const stops: [string, string, number, (child: ReturnType<typeof spawn>) => void][] = [
  ['a closed pipe', 'standard output was closed', 141, ({ stdout }) => stdout?.destroy()],
  ['SIGHUP, twice', 'stopped by SIGHUP, as when a terminal closes', 129, twice('SIGHUP')],
  ['SIGTERM, twice', 'stopped by SIGTERM', 143, twice('SIGTERM')],
  ['Ctrl-C, which npm passes on once more', 'interrupted', 130, twice('SIGINT')],
];

function twice(signal: NodeJS.Signals) {
  return (child: ReturnType<typeof spawn>) => {
    child.kill(signal);
    child.kill(signal);
  };
}

it.concurrent.each(stops)(
  'stops training by %s with a checkpoint, a sentence and an exit code of its own',
  async (name, words, exitCode, stop) => {
    const out = name.replace(/\W+/g, '-');
    const { code, stderr, found } = await stopped(out, stop);
    expect(stderr.trim().split('\n').at(-1)).toBe(
      `pixelcnn: ${words}; go on with \`pixelcnn train --out ${out} --resume\`, or make a model of it with \`pixelcnn export ${out}\``,
    );
    expect(code).toBe(exitCode);
    expect(found?.skipped).toEqual([]);
  },
);

it('stops with a checkpoint though nobody takes a word of either output', async () => {
  const { code, found } = await stopped('deaf', ({ stdout, stderr }) => {
    stdout?.destroy();
    stderr?.destroy();
  });
  expect(code).toBe(141);
  expect(found?.skipped).toEqual([]);
});

it('goes on though nobody takes its warnings', async () => {
  const args = [cli, ...training, '--out', 'mute', '--max-steps', '2'];
  const child = spawn(process.execPath, args, { cwd: folder.path });
  child.stderr.destroy(); // it warns that the files are not MNIST's
  child.stdout.resume();
  expect(await once(child, 'close')).toEqual([0, null]);
});

if (linux) {
  it('stops training, says why and how to go on where its log cannot be written', async () => {
    const args = [cli, ...training, '--out', 'full', '--max-steps', '1'];
    await once(spawn(process.execPath, args, { cwd: folder.path, stdio: 'ignore' }), 'close');
    const log = openSync('/dev/full', 'w');
    const again = spawn(process.execPath, [cli, 'train', '--out', 'full', '--resume'], {
      cwd: folder.path,
      stdio: ['ignore', log, 'pipe'],
    });
    let stderr = '';
    again.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    expect(await once(again, 'close')).toEqual([1, null]);
    closeSync(log);
    expect(stderr).toContain('pixelcnn: expected to write to standard output, got: the disk is full; go on with `');
    expect((await readCheckpoint(join(folder.path, 'full', 'checkpoints')))?.skipped).toEqual([]);
  });
}

const python = spawnSync('python3', ['-I', '-c', 'import pty']).status === 0;

/** Starts a program on a terminal of its own, closes that once it has shown a word, and exits as the program does. */
const closing = `
import os, pty, sys
pid, terminal = pty.fork()
if pid == 0: os.execv(sys.argv[2], sys.argv[2:])
shown = b''
while sys.argv[1].encode() not in shown: shown += os.read(terminal, 65536)
os.close(terminal)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) % 256)`;

it.skipIf(!python)(
  'writes a checkpoint though its terminal is gone, to which it can say nothing any more',
  async () => {
    const args = [process.execPath, cli, ...tinyTraining, '--epochs', '4000', '--out', 'night'];
    const child = spawn('python3', ['-I', '-c', closing, 'Epoch 3/', ...args], { cwd: folder.path });
    expect(await once(child, 'close')).toEqual([129, null]);
    expect((await readCheckpoint(join(folder.path, 'night', 'checkpoints')))?.skipped).toEqual([]);
  },
);

it('stands in no script behind tsx, which kills at Ctrl-C what does not answer within milliseconds, as an update', async () => {
  const { scripts } = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8')) as {
    scripts: Readonly<Record<string, string>>;
  };
  const ours = Object.values(scripts).filter((script) => script.includes('cli/main'));
  expect(ours.length).toBeGreaterThan(7);
  for (const script of ours) expect(script).toMatch(/(^|&& )node [^&]*cli\/main\.[jt]s \w+$/);
});
