/** `pixelcnn setup`: native TensorFlow, ahead of the first training. */

import { Option } from 'commander';
import { cacheFolder } from '../node/cache.js';
import { createCommand } from './command.js';
import { interruptible } from './interrupt.js';
import { type Progress, startProgress } from './progress.js';
import { print, printJson, tell } from './terminal.js';

interface SetupCommandOptions {
  cuda?: boolean;
  cpu?: boolean;
  clean?: boolean;
  offline?: boolean;
  json?: boolean;
}

export const command = createCommand('setup', 'set native TensorFlow up, as the first training would by itself', [
  ['', 'for the GPU where there is an NVIDIA driver, else for the CPU'],
  ['--cuda', 'for a GPU in any case, as to prepare a disk for another machine'],
  ['--clean', 'remove everything that was set up'],
])
  .addOption(new Option('--cuda', 'with the CUDA libraries for an NVIDIA GPU: 3.0 GB to fetch').conflicts('cpu'))
  .option('--cpu', 'for the CPU alone, even beside a GPU: 0.3 GB to fetch')
  // A set-up that is asked for beside it would be removed, or never be made.
  .addOption(new Option('--clean', 'remove what earlier set-ups made').conflicts(['cuda', 'cpu', 'offline']))
  .option('--offline', 'never fetch: tell whether it is there')
  .option('--json', 'print one JSON object and nothing else')
  .action((options: SetupCommandOptions) => interruptible((signal) => run(options, signal)));

async function run({ cuda, cpu, clean, offline, json }: SetupCommandOptions, signal: AbortSignal): Promise<void> {
  const { cleanTensorflow, setUpTensorflow } = await import('../train/tensorflow/setup.js');
  if (clean) {
    const removed = await cleanTensorflow();
    if (json) printJson({ removed });
    else print(removed.length > 0 ? `removed ${removed.join(', ')}` : `nothing to remove in ${cacheFolder()}`);
    return;
  }
  const download = new DownloadBar();
  try {
    const { packageName, from, variant } = await setUpTensorflow({
      ...(cuda && { variant: 'cuda' }),
      ...(cpu && { variant: 'cpu' }),
      ...{ offline, signal },
      say: (line) => download.say(line),
      progress: (done, total) => download.update(done, total),
    });
    download.stop();
    if (json) printJson({ packageName, variant, from });
    else print(`native TensorFlow is ready: ${packageName}, built for ${variant}, found from ${from}`);
  } finally {
    download.stop();
  }
}

/** A bar for what a set-up downloads, which starts when its size is known and steps aside for each line of text. */
export class DownloadBar {
  #bar: Promise<Progress> | undefined;

  update(done: number, total: number): void {
    this.#bar ??= startProgress('fetching', total, 'MB', { unitSize: 1e6 });
    void this.#bar.then((bar) => bar.update(done));
  }

  say(line: string): void {
    this.stop();
    tell(line);
  }

  stop(): void {
    void this.#bar?.then((bar) => bar.stop());
    this.#bar = undefined;
  }
}
