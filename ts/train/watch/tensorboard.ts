// TensorBoard's event files, through tfjs-node: it takes native TensorFlow to write them. metrics.jsonl has the same figures
// on every backend.

import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { checkText, ownOptions } from '../../arguments.js';
import { PixelCnnError } from '../../error.js';
import { makeFolder } from '../../node/files.js';
import type { Backend } from '../tensorflow/backend.js';
import { type MetricsLine, metricsLine, readMetrics } from './metrics.js';
import { type Watcher, writing } from './watcher.js';

/** What tfjs-node offers beyond tfjs. */
interface SummaryFileWriter {
  scalar(name: string, value: number, step: number): void;
  flush(): void;
}

/** Options of `tensorBoard`. */
export interface TensorBoardOptions {
  /**
   * The run's metrics.jsonl, whose watcher comes before this one. A resumed run then writes its event files anew from it, since
   * TensorBoard would show twice what was done twice. Default: none, old event files stay.
   */
  readonly metrics?: string;
}

/**
 * Writes the scalars `batch_loss`, `learning_rate` and `gradient_norm` of each update, `loss` and `val_loss` of each epoch, into event files in
 * `folder`; the step is the update, counted over the whole run. Throws PixelCnnError `BACKEND_UNAVAILABLE`.
 */
export function tensorBoard(folder: string, options: TensorBoardOptions = {}): Watcher {
  checkText('folder', folder);
  const { metrics } = ownOptions('options', options, ['metrics']);
  if (metrics !== undefined) checkText('metrics', metrics);
  let writer: SummaryFileWriter | undefined;
  let backend: Backend | undefined;
  return writing(async (event) => {
    if (event.type === 'backend') backend = event.backend;
    if (event.type === 'start' && backend !== undefined) {
      if (metrics !== undefined) await removeEventFiles(folder);
      writer = await openWriter(backend, folder);
      if (metrics !== undefined) for (const line of await readMetrics(metrics)) write(writer, line);
    }
    const line = metricsLine(event);
    if (writer === undefined || line === undefined) return;
    write(writer, line);
    if (line.type === 'epoch') writer.flush();
  });
}

function write(writer: SummaryFileWriter, line: MetricsLine): void {
  const { step } = line;
  if (line.type === 'step') {
    writer.scalar('batch_loss', line.batchLoss, step);
    writer.scalar('learning_rate', line.learningRate, step);
    writer.scalar('gradient_norm', line.gradientNorm, step);
  } else {
    writer.scalar('loss', line.loss, step);
    if (line.valLoss !== null) writer.scalar('val_loss', line.valLoss, step);
  }
}

/** How often each folder was opened. */
const opened = new Map<string, number>();

async function openWriter({ name, tf }: Backend, folder: string): Promise<SummaryFileWriter> {
  const node = (tf as { node?: { summaryFileWriter?: (folder: string) => SummaryFileWriter } }).node;
  if (node?.summaryFileWriter === undefined) {
    throw new PixelCnnError(
      'BACKEND_UNAVAILABLE',
      `TensorBoard: expected native TensorFlow, which writes its event files, got the backend ${name}; ` +
        'metrics.jsonl has the same figures',
    );
  }
  await makeFolder(folder);
  // tfjs-node has one writer for each text of a path, which a second run in this process would share: its file may be gone.
  const nth = opened.get(folder) ?? 0;
  opened.set(folder, nth + 1);
  return node.summaryFileWriter(folder + '/'.repeat(nth));
}

async function removeEventFiles(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names) if (name.startsWith('events.out.tfevents.')) await rm(join(folder, name));
}
