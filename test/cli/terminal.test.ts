import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, it } from 'vitest';
import { readCheckpoint } from '../../ts/train/run/checkpoint.js';
import { tinyTraining, writeFrames } from './frames.js';
import { cli, temporaryFolder } from './run.js';

const folder = temporaryFolder();
beforeAll(() => writeFrames(folder.path));

const training = [...tinyTraining, '--epochs', '4000', '--json'];
const linux = process.platform === 'linux';

/** Runs training, ends what it is told to end once it has told of a step, and waits for the end. */
async function stopped(out: string, stop: (child: ReturnType<typeof spawn>) => void, log?: number) {
  const child = spawn(process.execPath, [cli, ...training, '--out', out], {
    cwd: folder.path,
    stdio: ['ignore', log ?? 'pipe', 'pipe'],
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
  it('stops training with a checkpoint and says why where its log cannot be written', async () => {
    const { code, stderr, found } = await stopped('full', () => {}, openSync('/dev/full', 'w'));
    expect(stderr).toContain('pixelcnn: expected to write to standard output, got: the disk is full; go on with `');
    expect(code).toBe(1);
    expect(found?.skipped).toEqual([]);
  });

  it('says that a file did not take all of the output', async () => {
    const shell = `ulimit -f 1; exec "$0" "$1" inspect tiny.safetensors --json > part.json`;
    const child = spawn('sh', ['-c', shell, process.execPath, cli], { cwd: folder.path });
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    const [code] = (await once(child, 'close')) as [number | null];
    expect(stderr).toMatch(/^pixelcnn: expected to write to standard output, got: [^\n]+\n$/);
    expect(code).toBe(1);
    expect((await readFile(join(folder.path, 'part.json'))).length).toBeLessThanOrEqual(1024);
  });
}

it('ends quietly where a reader has what it wanted of a command that loses nothing', async () => {
  const child = spawn(process.execPath, [cli, 'inspect', 'tiny.safetensors'], { cwd: folder.path });
  child.stdout.destroy();
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  expect(await once(child, 'close')).toEqual([0, null]);
  expect(stderr).toBe('');
});

const python = spawnSync('python3', ['-I', '-c', 'import pty']).status === 0;

/** Runs a command at a terminal of its own; `then` says in Python what happens once `word` has been printed. */
function atTerminal(args: readonly string[], word: string, then: string): { code: number; shown: string } {
  const program = `
import os, pty, sys, time
pid, terminal = pty.fork()
if pid == 0: os.execv(sys.argv[1], sys.argv[1:])
shown = b''
def read():
    global shown
    try: part = os.read(terminal, 65536)
    except OSError: return False
    shown += part
    return bool(part)
while ${JSON.stringify(word)}.encode() not in shown and read(): pass
${then}
status = os.waitpid(pid, 0)[1]
sys.stdout.buffer.write(b'%d\\n' % os.waitstatus_to_exitcode(status) + shown)`;
  const output = execFileSync('python3', ['-I', '-c', program, process.execPath, ...args], {
    cwd: folder.path,
    encoding: 'utf8',
  });
  const [code = '', ...shown] = output.split('\n');
  return { code: Number(code), shown: shown.join('\n') };
}

it.skipIf(!python)(
  'writes a checkpoint though its terminal is gone, to which it can say nothing any more',
  async () => {
    const args = [cli, ...tinyTraining, '--epochs', '4000', '--out', 'night'];
    expect(atTerminal(args, 'Epoch 3/', 'os.close(terminal)').code).toBe(129);
    expect((await readCheckpoint(join(folder.path, 'night', 'checkpoints')))?.skipped).toEqual([]);
  },
);

it.skipIf(!python)('ends at once at the second Ctrl-C, and gives the terminal back as it was', () => {
  const from = (name: string) => JSON.stringify(fileURLToPath(new URL(`../../dist/cli/${name}.js`, import.meta.url)));
  const program = `
    import { interruptible } from ${from('interrupt')};
    import { startProgress } from ${from('progress')};
    await startProgress('drawing', 10, 'images');
    await interruptible(() => new Promise(() => setInterval(() => console.log('begun'), 100)));`;
  const keys = "os.write(terminal, b'\\x03'); time.sleep(1); os.write(terminal, b'\\x03')\nwhile read(): pass";
  const { code, shown } = atTerminal(['--input-type=module', '-e', program], 'begun', keys);
  expect(code).toBe(130);
  for (const [hidden, given] of [
    ['\u001b[?25l', '\u001b[?25h'],
    ['\u001b[?7l', '\u001b[?7h'],
  ] as const) {
    expect(shown.lastIndexOf(given)).toBeGreaterThan(shown.lastIndexOf(hidden));
    expect(shown).toContain(hidden);
  }
});
