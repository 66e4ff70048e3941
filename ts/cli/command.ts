/** What every command of the command line shares. */

import { Command, type CommanderError } from 'commander';
import { exitCodesHelp, usageErrorOf } from './failure.js';
import { helpWidth } from './format.js';
import { print } from './terminal.js';

/** A command with this project's help, options and errors. `examples` are `[arguments, what they do]`. */
export function createCommand(
  name: string,
  summary: string,
  examples: readonly (readonly [string, string])[],
): Command {
  const full = name === 'pixelcnn' ? name : `pixelcnn ${name}`;
  const lines = exampleLines(full, examples);
  const fail = (error: CommanderError) => {
    throw usageErrorOf(error, full);
  };
  return new Command(name)
    .description(summary)
    .helpOption('-h, --help', 'show this help')
    .option('--debug', 'show the stack of an error')
    .addHelpText('after', `\nExamples:\n${lines.join('\n')}\n${exitCodesHelp}`)
    .configureOutput({
      writeOut: (text) => print(text.trimEnd()),
      outputError: () => {}, // main.ts prints errors, in one form for all
    })
    .exitOverride(fail);
}

/** Examples with what they do beside them; above them where a line would be too long for both. */
function exampleLines(command: string, examples: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...examples.map(([line]) => line.length));
  const beside = examples.map(([line, what]) => `  ${command} ${line.padEnd(width)}  # ${what}`);
  if (beside.every((line) => line.length <= helpWidth())) return beside;
  return examples.flatMap(([line, what]) => [`  # ${what}`, `  ${command} ${line}`.trimEnd()]);
}
