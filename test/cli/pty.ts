import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** A key that is pressed once the terminal has shown a text, and what it shows counts from the press before on. */
export interface Press {
  /** As the terminal sends it: `\x03` for Ctrl-C. */
  key: string;
  after: string;
  /** Seconds to wait then. */
  pause?: number;
}

/** As if nobody had said that there are no colours: a CI's own variables say so. */
const aTerminal = {
  TERM: 'xterm-256color',
  NO_COLOR: undefined,
  NODE_DISABLE_COLORS: undefined,
  CI: undefined,
  TF_BUILD: undefined,
};

/** Runs Node in a folder on a terminal; what the terminal was sent. */
export async function onTerminal(
  cwd: string,
  args: readonly string[],
  presses: readonly Press[] = [],
  env: NodeJS.ProcessEnv = {},
  size: readonly [rows: number, columns: number] = [40, 100],
): Promise<{ output: string; code: number | null }> {
  const program = fileURLToPath(new URL('pty.py', import.meta.url));
  const child = spawn('python3', ['-I', program, JSON.stringify([presses, size]), process.execPath, ...args], {
    cwd,
    env: { ...process.env, ...aTerminal, ...env },
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  let failure = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    failure += text;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  if (failure !== '') throw new Error(failure);
  return { output, code };
}
