#!/usr/bin/env node
/** The command line. Commands load what they need when they run, so that each starts as fast as it can. */

import { inspect } from 'node:util';
import type { Command } from 'commander';
import { show } from '../arguments.js';
import { createCommand } from './command.js';
import { command as doctorCommand } from './doctor.js';
import { command as evalCommand } from './eval.js';
import { command as exportCommand } from './export.js';
import { errorCodeOf, exitCodeOf, exitCodes, Failure, sentenceOf, UsageError } from './failure.js';
import { command as importCommand } from './import.js';
import { command as inspectCommand } from './inspect.js';
import { watchOutput } from './interrupt.js';
import { command as mergeCommand } from './merge.js';
import { command as optimizeCommand } from './optimize.js';
import { command as quantizeCommand } from './quantize.js';
import { command as sampleCommand } from './sample.js';
import { command as setupCommand } from './setup.js';
import { printJson, tell } from './terminal.js';
import { command as trainCommand } from './train.js';
import { version } from './version.js';
import { command as workCommand } from './work.js';

const program = createCommand('pixelcnn', 'Train a PixelCNN with TensorFlow.js; draw images from it on any CPU.', [
  ['sample', 'draw digits'],
  ['train', 'train a model on MNIST'],
  ['sample --help', 'what sample can do'],
])
  .version(version, '-V, --version', 'show the version')
  .helpCommand(false)
  .addCommand(sampleCommand)
  .addCommand(trainCommand)
  .addCommand(exportCommand)
  .addCommand(importCommand)
  .addCommand(evalCommand)
  .addCommand(inspectCommand)
  .addCommand(optimizeCommand)
  .addCommand(quantizeCommand)
  .addCommand(mergeCommand)
  .addCommand(workCommand)
  .addCommand(doctorCommand)
  .addCommand(setupCommand);

/** The command that was asked for, once it runs. */
let running: Command | undefined;
program.hook('preAction', (_program, command) => {
  running = command;
  checkCurrentFolder();
});

/** Runs the command line; returns the exit code. */
async function main(argv: readonly string[]): Promise<number> {
  if (argv.length === 0) {
    program.outputHelp();
    return exitCodes.usage;
  }
  try {
    checkText(argv);
    await program.parseAsync(argv, { from: 'user' });
    return exitCodes.ok;
  } catch (error) {
    return report(error, argv);
  }
}

/** Says what went wrong; returns its exit code. */
function report(error: unknown, argv: readonly string[]): number {
  const code = exitCodeOf(error);
  if (code === exitCodes.ok) return code; // such as --help
  const message = sentenceOf(error, running);
  tell(`pixelcnn: ${message}`);
  if (argv.includes('--debug')) tell(inspect(error));
  const isPrinted = error instanceof Failure && error.isPrinted;
  if (argv.includes('--json') && !isPrinted) {
    printJson({ type: 'error', error: { code: errorCodeOf(error), message, exitCode: code } });
  }
  return code;
}

/** Node has put U+FFFD for bytes that are no text, so that a name with such bytes would be another one in silence. */
function checkText(argv: readonly string[]): void {
  const broken = argv.find((argument) => argument.includes('\ufffd'));
  if (broken === undefined) return;
  throw new UsageError(`expected arguments in UTF-8, got ${show(broken)}, in which U+FFFD stands for other bytes`);
}

/** What Node says of a current folder that was removed is of its insides, and comes from wherever it is first asked for. */
function checkCurrentFolder(): void {
  try {
    process.cwd();
  } catch (cause) {
    throw new Failure('expected a current folder, got one that was removed; change into another', { cause });
  }
}

watchOutput();
// What is thrown outside of what is awaited is a bug; it is told in one form with all else.
process.on('uncaughtException', (error) => process.exit(report(error, process.argv.slice(2))));
process.exitCode = await main(process.argv.slice(2));
