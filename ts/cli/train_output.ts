/** What `pixelcnn train` prints: lines for people, or JSON for programs. */

import type { TrainEvent } from '../train/train_run.js';
import { thousands } from './format.js';
import { clock, type Progress, startProgress } from './progress.js';
import { summary } from './summary.js';
import { print, printJson, tell } from './terminal.js';

export interface Printer {
  print(event: TrainEvent): Promise<void>;
  /** Something that went wrong beside the training, a line. */
  warn(line: string): void;
  stop(): void;
}

/** One JSON object a line; steps at most once a second. */
export class JsonPrinter implements Printer {
  #lastStep = Number.NEGATIVE_INFINITY;

  async print(event: TrainEvent): Promise<void> {
    switch (event.type) {
      case 'backend': {
        const { tf: _tf, ops: _ops, microBatch: _size, ...backend } = event.backend;
        const { pixels: _pixels, greys: _greys, labels: _labels, wholes: _wholes, ...data } = event.data;
        return this.#line({ type: event.type, backend, data });
      }
      case 'start': {
        const { net, ...rest } = event;
        const { config, parameters, nonZeroParameters } = net;
        return this.#line({ ...rest, config, parameters, nonZeroParameters });
      }
      case 'step':
        if (performance.now() - this.#lastStep < 1000) return;
        this.#lastStep = performance.now();
        return this.#line(event);
      case 'epoch': {
        const { model: _model, signal: _signal, ...figures } = event;
        return this.#line(figures);
      }
      case 'checkpoint':
      case 'pause':
        return this.#line(event);
      case 'model':
        return this.#line({ type: event.type, path: event.path, bytes: event.bytes.length });
      case 'warning':
        return this.warn(event.message);
      case 'validate':
        return;
    }
  }

  warn(line: string): void {
    this.#line({ type: 'warning', message: line });
  }

  #line(value: object): void {
    printJson(value);
  }

  stop(): void {}
}

/** What Keras prints, with a bar within each epoch. */
export class LinePrinter implements Printer {
  #bar: Progress | undefined;
  #title = '';
  #firstStep: { step: number; seconds: number } | undefined;
  #estimated = false;
  #epochs = 0;
  /** The last epoch whose title was printed. */
  #titled = 0;
  readonly #watched: string;
  readonly #goOn: string;

  /** `goOn` says how to go on after a stop, `watched` where to look while it runs. */
  constructor(goOn: string, watched: string) {
    this.#goOn = goOn;
    this.#watched = watched;
  }

  async print(event: TrainEvent): Promise<void> {
    const [{ trainingBinarisation }, { validated }, { likelihood }, { epochLine, epochTitle }] = await Promise.all([
      import('../train/data/binarisation.js'),
      import('../train/run/record.js'),
      import('../train/score/protocol.js'),
      import('../train/watch/log.js'),
    ]);
    switch (event.type) {
      case 'backend': {
        const { name, version, device, gpu, tf32 } = event.backend;
        const { count, source, split } = event.data;
        const where = `${device.toUpperCase()}${gpu === undefined ? '' : ` (${gpu.name})`}`;
        print(`Backend: ${name} ${version} on the ${where}${tf32 ? ', TF32 products' : ''}`);
        const part = split === 'all' ? '' : `${split} of `;
        print(`Data: ${counted(count, 'image')}, ${part}${source}; ${trainingBinarisation(event.data)}`);
        return;
      }
      case 'start': {
        const { net, seed, epochs, trainImages, validationImages, warnings } = event;
        for (const warning of warnings) tell(`warning: ${warning}`);
        print(summary(net, event.recipe.batchSize));
        print(
          `Training on ${counted(trainImages, 'image')}, validating on ${thousands(validationImages)}, seed ${seed}`,
        );
        print(`Watch ${this.#watched}`);
        if (event.epoch > 0 || event.stepInEpoch > 0) {
          const place = [counted(event.epoch, 'epoch'), counted(event.stepInEpoch, 'step')].filter(Boolean);
          print(`Resuming after ${place.join(' and ')}`);
        }
        this.#epochs = epochs;
        this.#titled = event.epoch;
        if (event.epoch > 0) return; // one that goes on may be at its end, by patience
        this.#titled = 1;
        return print(epochTitle(1, epochs));
      }
      case 'step':
        // With its first step and not before, since the run may end or be stopped between them.
        if (event.epoch > this.#titled) {
          this.#titled = event.epoch;
          print(epochTitle(event.epoch, this.#epochs));
        }
        // A resumed epoch is not the faster for what was done before.
        await this.#showBar(`epoch ${event.epoch}/${this.#epochs}`, event.steps, 'steps', event.step);
        this.#bar?.update(event.step, `loss: ${event.loss.toFixed(4)}`);
        this.#estimate(event);
        return;
      case 'validate':
        await this.#showBar('validating', event.total, 'images', event.done);
        this.#bar?.update(event.done);
        return;
      case 'epoch':
        this.stop();
        print(epochLine(event));
        return;
      case 'model': {
        this.stop();
        const { history, epoch } = event.result;
        const { height, width, channels } = event.result.net.config;
        const { valLoss } = validated(event.result) ?? {};
        if (epoch < history.length) print(`No lower val_loss came after epoch ${epoch}: its weights are the model`);
        if (valLoss === undefined) return print(`Wrote ${event.path}`); // of other weights, or of none
        const { natsPerImage, bitsPerDim } = likelihood(valLoss, height * width * channels);
        const figures = `${natsPerImage.toFixed(2)} nats an image, ${bitsPerDim.toFixed(4)} bits/dim on validation`;
        return print(`Wrote ${event.path}: ${figures}`);
      }
      case 'pause': {
        this.stop();
        const reached = { maxSteps: '--max-steps', maxMinutes: '--max-minutes' }[event.limit];
        const place =
          event.stepInEpoch === 0
            ? `after epoch ${event.epoch}`
            : `in epoch ${event.epoch + 1}, after ${counted(event.stepInEpoch, 'step')}`;
        print(`Stopped by ${reached} ${place}, with a checkpoint; ${this.#goOn}`);
        return;
      }
      case 'warning':
        return this.warn(event.message);
      case 'checkpoint':
        return;
    }
  }

  /** Takes the place of a bar of another title. */
  async #showBar(title: string, total: number, unit: string, from: number): Promise<void> {
    if (this.#bar !== undefined && this.#title === title) return;
    this.stop();
    this.#title = title;
    this.#bar = await startProgress(title, total, unit, { from });
  }

  /**
   * Says once how long an epoch and the rest will take, where that is long: from the third step on and after ten seconds,
   * since the first ones warm up.
   */
  #estimate({ epoch, step, steps, seconds }: { epoch: number; step: number; steps: number; seconds: number }): void {
    this.#firstStep ??= { step, seconds };
    const took = seconds - this.#firstStep.seconds;
    if (this.#estimated || step < this.#firstStep.step + 2 || took < 10) return;
    this.#estimated = true;
    const whole = (steps * took) / (step - this.#firstStep.step);
    if (whole < 600) return;
    this.stop();
    const duration = whole < 5400 ? `${Math.round(whole / 60)} minutes` : `${(whole / 3600).toFixed(1)} hours`;
    tell(
      `An epoch will take about ${duration}, all that is left ${clock(whole * (this.#epochs - epoch + 1 - step / steps))}`,
    );
  }

  warn(line: string): void {
    this.stop();
    tell(`warning: ${line}`);
  }

  stop(): void {
    this.#bar?.stop();
    this.#bar = undefined;
  }
}

/** `1 epoch`, `2 epochs`; nothing for none. */
function counted(count: number, unit: string): string {
  return count === 0 ? '' : `${thousands(count)} ${unit}${count === 1 ? '' : 's'}`;
}
