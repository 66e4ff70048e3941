/**
 * Follows a page of docs/ literally: runs the commands of its `sh` blocks, in order, in a folder that looks like a fresh clone, and
 * holds what they print to the block without a language that comes after them: each line with a letter in it must have been
 * printed, but for its numbers. Where that block is the program's error, the last command must fail with exit code 2, in these words.
 *
 *     npx tsx scripts/follow_docs.ts docs/own_data.md [--quick] [--write] [--keep]
 */

import { spawn } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { parseArgs } from 'node:util';
import { clock } from '../ts/cli/progress.js';
import { root, runMain } from './shell.js';

const help = `Usage: npx tsx scripts/follow_docs.ts PAGE [options]

Options:
  --quick    few images, small nets, one epoch: whether the commands work, not what they achieve
  --write    put what was printed into the page, in place of the lines that are there, and pictures beside it
  --keep     leave the folder, and say where it is
  --only X, --without X    blocks with commands in which X occurs, or those without`;

/** Commands, and what the page says that they print. */
interface Step {
  commands: string[];
  shown: string[];
  /** The line of the page in which the first of `shown` stands, from 0. */
  line: number;
}

/** What is changed where only the commands are of interest: images of the generators; of training nets, epochs and updates. */
const quickly: readonly (readonly [what: RegExp, quick: string])[] = [
  [/^(npx tsx examples\/islands\.ts (?!--)\S+)( \d+)?/, '$1 40'],
  [/^npx tsx examples\/digit_folders\.ts \S+$/, '$& 100'],
  [/^python3 examples\/patch_codes\.py encode \S+ \S+$/, '$& 100'],
  [/^npm run train -- (?!.*--resume).*$/, '$& --epochs 1 --device wasm'],
  [/^npm run train -- (?!.*--(resume|from)).*$/, '$& --filters 8 --blocks 1'],
  [/--max-steps \d+(.*)--epochs 1/, '--max-steps 5$1--epochs 2'],
];

/** The blocks of a page. A backslash at the end of a line of commands joins it to the next. */
export function stepsOf(page: string): Step[] {
  const steps: Step[] = [];
  let block: { language: string; lines: string[]; line: number } | undefined;
  for (const [number, line] of page.split('\n').entries()) {
    const fence = /^```(\w*)$/.exec(line);
    if (fence === null) block?.lines.push(line);
    else if (block === undefined) block = { language: fence[1]!, lines: [], line: number + 1 };
    else {
      const { language, lines } = block;
      if (language === 'sh') {
        const commands = lines.join('\n').replaceAll('\\\n', ' ').split('\n');
        const words = commands.map((command) =>
          command
            .replace(/\s+#.*$/, '')
            .replace(/ {2,}/g, ' ')
            .trim(),
        );
        steps.push({ commands: words.filter((command) => command !== ''), shown: [], line: 0 });
      } else if (language === '') {
        const step = steps.at(-1);
        if (step === undefined || step.shown.length > 0)
          throw new Error(`line ${block.line}: expected commands before it`);
        Object.assign(step, { shown: lines, line: block.line });
      }
      block = undefined;
    }
  }
  return steps;
}

/** A line as all lines of its kind are: numbers alike, and rows of maps. */
export const kindOf = (line: string): string =>
  line
    .trimEnd()
    .replace(/[~.^]{3,}/g, '~')
    .replace(/\d[\d.,]*\d|\d/g, '#');

/** What the page shows of what was never printed. */
export function notPrinted(shown: readonly string[], printed: readonly string[], exactly = false): string[] {
  const asIs = (line: string) => line.trimEnd();
  const kind = exactly ? asIs : kindOf;
  const kinds = new Set(printed.map(kind));
  return shown.filter((line) => /[a-z]/i.test(line) && !kinds.has(kind(line)));
}

/** The lines that the page shows, each as it was printed, in order. */
export function asPrinted(shown: readonly string[], printed: readonly string[]): string[] {
  let from = 0;
  return shown.map((line) => {
    const at = printed.findIndex((other, index) => index >= from && kindOf(other) === kindOf(line));
    if (at < 0 || line.trim() === '') return line;
    from = at + 1;
    return printed[at]!.trimEnd();
  });
}

const isError = (line: string): boolean => /^pixelcnn: /.test(line);

/** A folder with all that a clone has, by links, and nothing that was made in this one. */
function freshClone(): string {
  const folder = mkdtempSync(join(tmpdir(), 'pixelcnn-page-'));
  const made = ['.git', 'data', 'out', 'runs', 'samples', 'target'];
  // What is built on the way goes to this clone, and is looked for in that.
  for (const name of new Set([...readdirSync(root), 'dist'])) {
    if (!made.includes(name)) symlinkSync(join(root, name), join(folder, name));
  }
  return folder;
}

/** What became of a command line. */
interface Ran {
  code: number;
  printed: string[];
  /** Of the clock, and of all processors together. */
  seconds: readonly [clock: number, processors: number];
}

function runLine(command: string, cwd: string): Promise<Ran> {
  const began = performance.now();
  const env = { ...process.env, NO_COLOR: '1' };
  // The shell itself tells what its programs took.
  const script = 'eval "$1"; code=$?; times >&3; exit $code';
  const child = spawn('bash', ['-c', script, 'bash', command], { cwd, env, stdio: ['ignore', 'pipe', 'pipe', 'pipe'] });
  let [text, times] = ['', ''];
  const read = (stream: Readable | null, take: (part: string) => void) => stream?.setEncoding('utf8').on('data', take);
  for (const stream of [child.stdout, child.stderr]) read(stream, (part) => (text += part));
  read(child.stdio[3] as Readable, (part) => (times += part));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      const processors = [...times.matchAll(/(\d+)m([\d.]+)s/g)].reduce(
        (sum, [, m, s]) => sum + 60 * Number(m) + Number(s),
        0,
      );
      const seconds = [(performance.now() - began) / 1000, processors] as const;
      resolve({ code: code ?? 1, printed: text.split('\n'), seconds });
    });
  });
}

interface FollowOptions {
  quick: boolean;
  write: boolean;
  keep: boolean;
  only?: string;
  without?: string;
}

async function follow(path: string, { quick, write, keep, only = '', without }: FollowOptions): Promise<void> {
  const page = readFileSync(path, 'utf8');
  const lines = page.split('\n');
  const folder = freshClone();
  const began = performance.now();
  const faults: string[] = [];
  let total = 0;
  try {
    for (const { commands, shown, line } of stepsOf(page)) {
      if (!commands.some((command) => command.includes(only))) continue;
      if (without !== undefined && commands.some((command) => command.includes(without))) continue;
      const fails = shown.some(isError);
      const printed: string[] = [];
      for (const [at, typed] of commands.entries()) {
        const command = quick ? quickly.reduce((text, [what, by]) => text.replace(what, by), typed) : typed;
        console.log(`$ ${command}`);
        const ran = await runLine(command, folder);
        const [spent, processors] = ran.seconds.map(clock);
        const output = ran.printed.map((text) => `  ${text}`.trimEnd()).join('\n');
        console.log(`${output.trimEnd()}\n  [${spent}, ${processors} of processors]\n`);
        total += ran.seconds[1];
        printed.push(...ran.printed);
        const wanted = fails && at === commands.length - 1 ? 2 : 0;
        if (ran.code !== wanted) faults.push(`${typed}: expected exit code ${wanted}, got ${ran.code}`);
      }
      for (const line of notPrinted(shown, printed, fails && !quick)) {
        faults.push(`${commands.at(-1)}: did not print ${line}`);
      }
      if (write) lines.splice(line, shown.length, ...asPrinted(shown, printed));
    }
    if (write && readFileSync(path, 'utf8') === page) {
      writeFileSync(path, lines.join('\n'));
      for (const [, from, to] of page.matchAll(/!\[[^\]]*`([^`\]]+\.png)`[^\]]*\]\(([^)]+)\)/g)) {
        if (existsSync(join(folder, from!))) copyFileSync(join(folder, from!), join(dirname(path), to!));
      }
    } else if (write) {
      faults.push(`${path} was changed meanwhile, and is left as it is`);
    }
  } finally {
    if (keep) console.log(folder);
    else rmSync(folder, { recursive: true });
  }
  const spent = clock((performance.now() - began) / 1000);
  console.log(`${basename(path)}: ${spent} in all, ${clock(total)} of processors`);
  if (faults.length > 0) throw new Error(faults.join('\n'));
}

if (basename(process.argv[1] ?? '') === 'follow_docs.ts') {
  await runMain('follow_docs', async () => {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        help: { type: 'boolean', short: 'h' },
        quick: { type: 'boolean', default: false },
        write: { type: 'boolean', default: false },
        keep: { type: 'boolean', default: false },
        only: { type: 'string' },
        without: { type: 'string' },
      },
    });
    const [path] = positionals;
    if (values.help === true) return console.log(help);
    if (path === undefined || !existsSync(path)) throw new Error(`expected a page, got ${path ?? 'none'}`);
    if (values.quick && values.write) throw new Error('expected --quick or --write, got both');
    await follow(path, values);
  });
}
