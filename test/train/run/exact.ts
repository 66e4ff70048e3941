/**
 * Whether the reference's net at batch 128 trains to the same bits twice, and through a stop: `npx tsx test/train/run/exact.ts`.
 *
 * Three processes train on the first digits by the fast recipe, so that shuffling, warm-up, cosine, clipping and the moving
 * average are at work, in epochs of 4 updates: two do 20, one stops after 3, goes on for 3 more and is held against what the
 * first had after 6. A script, because 46 such updates take minutes; tests do the same with a small net.
 */

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { buildTsIfStale } from '../../../scripts/build_ts.js';
import { runMain } from '../../../scripts/shell.js';
import { runCommand } from '../../../ts/node/command.js';

const cli = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url));
const images = 568; // of which 512 train

interface Saved {
  readonly state: { readonly lossSum: number; readonly environment: object; readonly history: readonly Loss[] };
  readonly files: Readonly<Record<string, { readonly sha256: string }>>;
}
interface Loss {
  readonly loss: number;
  readonly valLoss: number;
}

await runMain('exact', async () => {
  const { values } = parseArgs({ options: { device: { type: 'string', default: 'cpu' } } });
  buildTsIfStale();
  const folder = mkdtempSync(join(tmpdir(), 'pixelcnn-exact-'));
  const train = async (out: string, ...more: string[]): Promise<void> => {
    const recipe = `--preset fast --batch-size 128 --epochs 5 --seed 1 --limit ${images} --checkpoint-every 6 --keep-checkpoints 9`;
    const rest = ['--device', values.device, '--deterministic', '--json', '--out', join(folder, out), ...more];
    const { status, output } = await runCommand(process.execPath, [cli, 'train', ...recipe.split(' '), ...rest]);
    if (status !== 0) throw new Error(`expected ${out} to train, got: ${output}`);
  };
  const after = (out: string, updates: number): Saved => {
    const path = join(folder, out, 'checkpoints', `step-${String(updates).padStart(8, '0')}`, 'checkpoint.json');
    return JSON.parse(readFileSync(path, 'utf8')) as Saved;
  };
  const compare = (title: string, a: Saved, b: Saved): boolean => {
    const of = ({ state, files }: Saved): Record<string, string> => ({
      ...Object.fromEntries(Object.entries(files).map(([name, { sha256 }]) => [name, sha256])),
      loss: String(state.lossSum),
      epochs: state.history.map(({ loss, valLoss }) => `${loss} ${valLoss}`).join(', '),
    });
    const [left, right] = [of(a), of(b)];
    const differing = Object.keys({ ...left, ...right }).filter((name) => left[name] !== right[name]);
    const hash = `sha256 of the weights ${left.parameters?.slice(0, 16)}`;
    console.log(`${title}: ${differing.length === 0 ? `equal, ${hash}` : `DIFFERENT in ${differing.join(', ')}`}`);
    return differing.length === 0;
  };
  try {
    await train('first');
    console.log(JSON.stringify(after('first', 20).state.environment));
    await train('parts', '--max-steps', '3');
    await train('parts', '--max-steps', '3', '--resume');
    const resumed = compare('6 updates and 3 + 3, across an epoch', after('first', 6), after('parts', 6));
    await train('second');
    const repeated = compare('20 updates in two processes', after('first', 20), after('second', 20));
    if (!resumed || !repeated) throw new Error('expected equal bits, got others');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
