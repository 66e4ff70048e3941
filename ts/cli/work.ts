/** `pixelcnn work`: draws shards that come as lines of JSON, for queues that keep a process warm. */

import { createInterface } from 'node:readline';
import { checkInteger, checkNumber, show } from '../arguments.js';
import { sha256 } from '../node/files.js';
import { workersRange } from '../pool/pool.js';
import { maxSeed } from '../sample_options.js';
import type { Sampler } from '../sampler.js';
import { createCommand } from './command.js';
import { errorCodeOf, exitCodeOf, exitCodes, Failure, Interrupted, sentenceOf, UsageError } from './failure.js';
import { interruptible } from './interrupt.js';
import { labelOf } from './label_option.js';
import { openModel } from './open_model.js';
import { integer } from './option.js';
import { openOutputFolder } from './output_folder.js';
import { packagedModel } from './packaged_model.js';
import { drawPart, jobCountRange, type OpenModel, type ShardRequest } from './shards/draw_part.js';
import { partFigures } from './shards/run_part.js';
import { parseShard } from './shards/shard.js';
import { printJson } from './terminal.js';

interface WorkCommandOptions {
  model?: string;
  workers: number;
  out: string;
}

export const command = createCommand('work', 'draw shards that come as lines of JSON, answering each with a line', [
  ['--out parts < jobs.jsonl', 'of lines such as {"shard":"3/16","count":10000,"seed":1}'],
  ['--model my.safetensors --out parts', 'until standard input ends'],
])
  .option('--model <file>', 'model file (default: the packaged MNIST model)')
  .option(
    '--workers <n>',
    `threads, 1 to ${workersRange.max}; one process a core is simpler`,
    integer('--workers', workersRange),
    1,
  )
  .option('--out <folder>', 'where the parts go', 'parts')
  .addHelpText(
    'after',
    `
A line may hold: shard, count, seed; startIndex, temperature, label; model, the sha256 that the worker's model must have;
id, which the answer repeats. Answers: {"id","shard","state":"drawn" or "whole","first","count","manifest","files"}, or
{"id","type":"error","error":{"code","message","exitCode"}}. A line that fails ends nothing; the exit code is 1 where one did.`,
  )
  // Whoever hands out the work must hear what became of it.
  .action((options: WorkCommandOptions) => interruptible((signal) => run(options, signal), { stopsWithOutput: true }));

async function run({ model = packagedModel(), workers, out }: WorkCommandOptions, signal: AbortSignal): Promise<void> {
  const { bytes, sampler } = await openModel(model, signal);
  await openOutputFolder(out, '--out');
  const open = { bytes, sampler, sha256: sha256(bytes) };
  let [done, failed] = [0, 0];
  try {
    for await (const line of linesOf(signal)) {
      if (line.trim() === '') continue;
      let id: unknown;
      try {
        const fields = fieldsOf(line);
        id = fields.id;
        const request = requestOf(fields, open);
        const { state, manifest, ms } = await drawPart(open, { ...request, workers }, out, signal);
        printJson({ ...(id !== undefined && { id }), ...partFigures(out, state, manifest), ms });
      } catch (error) {
        signal.throwIfAborted();
        failed++;
        const told = { code: errorCodeOf(error), message: sentenceOf(error), exitCode: exitCodeOf(error) };
        printJson({ ...(id !== undefined && { id }), type: 'error', error: told }); // as of every command with --json
      }
      done++;
    }
    signal.throwIfAborted();
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    throw new Interrupted(`${error.message}; ${done} jobs were answered`, { cause: error });
  }
  if (failed > 0)
    throw new Failure(`${failed} of ${done} jobs failed, as their answers say`, { exitCode: exitCodes.failure });
}

/** Lines of standard input, until it ends or the signal aborts. */
async function* linesOf(signal: AbortSignal): AsyncGenerator<string> {
  const input = createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY });
  const stop = () => {
    input.close();
    process.stdin.destroy();
  };
  signal.addEventListener('abort', stop, { once: true });
  try {
    yield* input;
  } finally {
    signal.removeEventListener('abort', stop);
    stop();
  }
}

const names = ['id', 'shard', 'count', 'seed', 'startIndex', 'temperature', 'label', 'model'] as const;
type Fields = Partial<Record<(typeof names)[number], unknown>>;

/** The fields of a job. */
function fieldsOf(line: string): Fields {
  let fields: unknown;
  try {
    fields = JSON.parse(line);
  } catch {
    fields = undefined;
  }
  if (typeof fields === 'object' && fields !== null && !Array.isArray(fields)) return fields as Fields;
  throw new UsageError(`expected a line with a job such as {"shard":"3/16","count":10000,"seed":1}, got ${show(line)}`);
}

function requestOf(fields: Fields, open: OpenModel): ShardRequest {
  const odd = Object.keys(fields).find((name) => !names.some((known) => known === name));
  if (odd !== undefined) throw new UsageError(`expected fields among ${names.join(', ')}, got ${show(odd)}`);
  const { shard, count, seed, startIndex = 0, temperature = 1, label, model } = fields;
  if (model !== undefined && model !== open.sha256) {
    throw new UsageError(`model: expected the sha256 of the worker's model, ${open.sha256}, got ${show(model)}`);
  }
  if (typeof shard !== 'string') throw new UsageError(`shard: expected a text such as 3/16, got ${show(shard)}`);
  return {
    shard: parseShard('shard', shard),
    count: checkInteger('count', count, jobCountRange),
    seed: checkInteger('seed', seed, { min: 0, max: maxSeed }),
    startIndex: checkInteger('startIndex', startIndex, { min: 0, max: maxSeed }),
    temperature: checkNumber('temperature', temperature, { min: 0 }),
    ...(label !== undefined && { classes: [classOf(label, open.sampler)] }),
  };
}

function classOf(label: unknown, sampler: Sampler): number {
  if (typeof label === 'string' || typeof label === 'number') return labelOf('label', String(label), sampler);
  throw new UsageError(`label: expected a class by number or name, got ${show(label)}`);
}
