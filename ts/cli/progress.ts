/** A progress bar on stderr, drawn only where a person sees it. */

import type { SingleBar } from 'cli-progress';
import { visible } from './terminal.js';

export interface Progress {
  /** Units done so far. `note` stands at the end of the line. */
  update(done: number, note?: string): void;
  /** Takes the bar off the screen, so that what is printed next stands alone. */
  stop(): void;
}

const silent: Progress = { update: () => {}, stop: () => {} };

export interface ProgressOptions {
  /** How many of what is counted make one of what is shown. Default: 1. */
  unitSize?: number;
  /** Done before, which says nothing about the rate. Default: 0. */
  from?: number;
}

/**
 * A bar from 0 to `total`, shown in units of `unitSize`, with their rate and the time left; nothing at all where stderr is no
 * terminal, or one that takes no commands.
 */
export async function startProgress(
  title: string,
  total: number,
  unit: string,
  { unitSize = 1, from = 0 }: ProgressOptions = {},
): Promise<Progress> {
  if (!process.stderr.isTTY || process.env.TERM === 'dumb') return silent; // a dumb terminal prints what should move its cursor
  const { default: cliProgress } = await import('cli-progress');
  const started = performance.now();
  const bar: SingleBar = new cliProgress.SingleBar({
    stream: process.stderr,
    hideCursor: true,
    clearOnComplete: true,
    gracefulExit: false, // interrupt.ts sees to Ctrl-C
    format: (_options, { progress, value, total: all }, { note }: { note?: string }) => {
      const seconds = (performance.now() - started) / 1000;
      const counts = { done: value / unitSize, total: all / unitSize, from: from / unitSize };
      const state = { title, unit, progress, ...counts, seconds };
      return visible(progressLine(note === undefined ? state : { ...state, note }));
    },
  });
  bar.start(total, from, {});
  const restore = (): void => bar.stop(); // the cursor too, where a second Ctrl-C ends the process
  process.once('exit', restore);
  return {
    update: (done, note) => bar.update(done, note === undefined ? {} : { note }),
    stop: () => {
      process.off('exit', restore);
      bar.stop();
    },
  };
}

export interface ProgressState {
  title: string;
  unit: string;
  /** Part done, 0 to 1. */
  progress: number;
  done: number;
  total: number;
  /** Done before the seconds began. */
  from?: number;
  seconds: number;
  note?: string;
}

const barWidth = 24;

/** `sampling ██████░░ 25%  4/16 images  51.3 images/s  0:12 left` */
export function progressLine({ title, unit, progress, done, total, from = 0, seconds, note }: ProgressState): string {
  const filled = Math.round(barWidth * progress);
  const bar = '█'.repeat(filled) + '░'.repeat(barWidth - filled);
  const parts = [`${title} ${bar} ${Math.floor(100 * progress)}%`, `${Math.floor(done)}/${Math.ceil(total)} ${unit}`];
  const perSecond = (done - from) / seconds;
  if (perSecond > 0 && seconds > 0) {
    parts.push(rate(perSecond, unit), `${clock((total - done) / perSecond)} left`);
  }
  if (note !== undefined) parts.push(note);
  return parts.join('  ');
}

/** `51.3 images/s`, or `2.4 s/image` where a unit takes longer than a second. */
export function rate(perSecond: number, unit: string): string {
  if (perSecond >= 1) return `${perSecond.toFixed(perSecond < 100 ? 1 : 0)} ${unit}/s`;
  return `${(1 / perSecond).toFixed(1)} s/${unit.replace(/s$/, '')}`;
}

/** `0:07`, `12:03`, `1:02:03`. */
export function clock(seconds: number): string {
  const whole = Math.round(seconds);
  const two = (n: number) => String(n).padStart(2, '0');
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}
