/** What arguments of the API are called on the command line. */

import type { Command } from 'commander';
import { argumentOf } from '../arguments.js';

/** Options that become an argument of another name, in the commands that have them. Any other becomes one of its own name. */
const optionOf: Readonly<Record<string, string>> = {
  architecture: 'net',
  checkpointFolder: 'out',
  data: 'calibrate',
  images: 'calibrate',
};

/** The flag of a command that became an argument of the API; undefined where it has none. */
export function flagOf(command: Command, argument: string): string | undefined {
  const name = argument.replace(/^config\./, '');
  for (const attribute of [optionOf[name], name]) {
    const option = command.options.find((candidate) => candidate.attributeName() === attribute);
    if (option?.long !== undefined) return option.long;
  }
  return undefined;
}

/** The message of an error, with the flag that the user typed in the place of the argument's name. */
export function messageOf(error: unknown, command?: Command): string {
  const message = error instanceof Error ? error.message : String(error);
  const argument = argumentOf(error);
  const flag = argument === undefined || command === undefined ? undefined : flagOf(command, argument);
  if (flag === undefined || !message.startsWith(`${argument}: `)) return message;
  return flag + message.slice(argument!.length);
}
