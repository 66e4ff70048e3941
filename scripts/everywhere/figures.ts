/** The figure that every host and bundle is held to, and the table that shows it. */

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findCargo } from '../rust_toolchain.js';
import { root } from '../shell.js';

/** The models that are drawn from: 32-bit floating point, and integers. */
export const models = ['mnist-binary', 'mnist-binary.int8'] as const;
export type ModelName = (typeof models)[number];

/** sha256 of what test/everywhere/draw.js draws, one thread and a pool; `none` where a host has no threads. */
export interface Drawn {
  readonly sync: string;
  readonly pool?: string;
}

/** What this process draws by itself, by each model: what the others are compared with. */
export async function ownFigures(): Promise<Record<ModelName, string>> {
  const { loadSampler } = (await import(join(root, 'dist/index.js'))) as typeof import('../../ts/index.js');
  const { draw } = (await import(join(root, 'test/everywhere/draw.js'))) as {
    draw(load: () => Promise<unknown[]>): Promise<Drawn>;
  };
  const figures = {} as Record<ModelName, string>;
  for (const name of models) {
    const load = async () => [await loadSampler(join(root, `models/${name}.safetensors`))];
    figures[name] = (await draw(load)).sync;
  }
  return figures;
}

/** The same by native code; undefined where there is no cargo. */
export function nativeFigure(name: ModelName): string | undefined {
  const cargo = findCargo();
  if (cargo === undefined) return undefined;
  const args = ['run', '--quiet', '--release', '--locked', '--example', 'draw_bits', '--'];
  const ran = spawnSync('cargo', [...args, join(root, `models/${name}.safetensors`)], { cwd: root, env: cargo });
  if (ran.status !== 0) throw new Error(`draw_bits failed: ${ran.stderr}`);
  return createHash('sha256').update(ran.stdout).digest('hex');
}

/** Puts lines between two marks of a page of docs/, so that what it says is what ran. */
export function writeBetween(page: string, name: string, lines: readonly string[]): void {
  const path = join(root, 'docs', page);
  const [begin, end] = [`<!-- ${name}: begin -->`, `<!-- ${name}: end -->`];
  const text = readFileSync(path, 'utf8');
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`expected ${begin} and ${end} in docs/${page}`);
  writeFileSync(path, `${text.slice(0, from + begin.length)}\n${lines.join('\n')}\n${text.slice(to)}`);
}

/** Rows as a table of Markdown. */
export function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)];
}
