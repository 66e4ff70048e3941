// metrics.jsonl: the figures of a run, one JSON object a line.

import { appendFile, stat, truncate } from 'node:fs/promises';
import { dirname } from 'node:path';
import { checkText } from '../../arguments.js';
import { codeOf } from '../../brand.js';
import { PixelCnnError } from '../../error.js';
import { makeFolder, readWholeFile, reasonOf, replaceDurably } from '../../node/files.js';
import type { TrainEvent } from '../train_run.js';
import { type Watcher, writing } from './watcher.js';

/** A line of metrics.jsonl. `step` counts updates over the whole run, from 1; losses are nats a value, as everywhere. */
export type MetricsLine =
  | {
      /** An update. */
      readonly type: 'step';
      /** Which, over the whole run. */
      readonly step: number;
      /** Counted from 1. */
      readonly epoch: number;
      /** Mean over the epoch so far. */
      readonly loss: number;
      /** Of this update's batch alone. */
      readonly batchLoss: number;
      /** Of this update. */
      readonly learningRate: number;
      /** Before it is clipped. */
      readonly gradientNorm: number;
      /** Since the epoch began. */
      readonly seconds: number;
    }
  | {
      /** A finished epoch. */
      readonly type: 'epoch';
      /** Its last update, over the whole run. */
      readonly step: number;
      /** Counted from 1. */
      readonly epoch: number;
      /** Mean over the epoch. */
      readonly loss: number;
      /** null without validation images. */
      readonly valLoss: number | null;
      /** What the epoch took. */
      readonly seconds: number;
    };

/** The line of an event that has figures. */
export function metricsLine(event: TrainEvent): MetricsLine | undefined {
  if (event.type === 'step') {
    const { type, epoch, step, steps, loss, batchLoss, learningRate, gradientNorm, seconds } = event;
    const figures = { loss, batchLoss, learningRate, gradientNorm, seconds };
    return { type, step: (epoch - 1) * steps + step, epoch, ...figures };
  }
  if (event.type === 'epoch') {
    const { type, epoch, steps, loss, valLoss, seconds } = event;
    return { type, step: epoch * steps, epoch, loss, valLoss: Number.isNaN(valLoss) ? null : valLoss, seconds };
  }
  return undefined;
}

/**
 * Appends each step and epoch to a file. A run that goes on from a checkpoint drops what it is about to do again, so that
 * the file is that of the unbroken run; a new run begins a new file.
 */
export function metricsFile(path: string): Watcher {
  checkText('path', path);
  /** Bytes of whole lines; undefined before the file has been opened. */
  let length: number | undefined;
  let whole = true;
  return writing(async (event) => {
    if (event.type === 'start') {
      const { epoch, stepInEpoch, stepsPerEpoch } = event;
      const done = epoch * stepsPerEpoch + stepInEpoch;
      const lines = (await readLines(path)).filter((line) =>
        line.type === 'step' ? line.step <= done : line.epoch <= epoch,
      );
      const text = lines.map(textOf).join('');
      await makeFolder(dirname(path));
      await replaceDurably(path, text);
      [length, whole] = [Buffer.byteLength(text), true];
      return;
    }
    const line = metricsLine(event);
    if (line === undefined || length === undefined) return;
    // The file may have been removed, and a full disk have left part of a line.
    const size = await stat(path).then(
      (file) => file.size,
      () => 0,
    );
    if (size < length) length = size;
    if (!whole && size > length) await truncate(path, length);
    whole = false;
    const text = textOf(line);
    if (size === 0) await makeFolder(dirname(path));
    await appendFile(path, text);
    [length, whole] = [length + Buffer.byteLength(text), true];
  });
}

const textOf = (line: MetricsLine): string => `${JSON.stringify(line)}\n`;

/**
 * The lines of a file; none where there is no file. What a crash cut short is left out.
 *
 * @throws PixelCnnError `INVALID_DATA` where there is something that cannot be read.
 */
export async function readMetrics(path: string): Promise<MetricsLine[]> {
  checkText('path', path);
  return readLines(path).catch((cause: unknown) => {
    throw new PixelCnnError('INVALID_DATA', `metrics: expected to read ${path}, got: ${reasonOf(cause)}`, { cause });
  });
}

async function readLines(path: string): Promise<MetricsLine[]> {
  const text = await readWholeFile(path).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return '';
    throw error;
  });
  return text
    .toString('utf8')
    .split('\n')
    .flatMap((line) => {
      try {
        return line === '' ? [] : [JSON.parse(line) as MetricsLine];
      } catch {
        return [];
      }
    });
}
