/** What the figures were taken on. */

import { cpus, loadavg } from 'node:os';
import { committedPkg, readRecord } from '../scripts/wasm_record.js';

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly platform: string;
  readonly node: string;
  readonly v8: string;
  /** Compiler and flags of the WebAssembly that runs. */
  readonly rustc: string;
  readonly flags: readonly string[];
  /** Processes that wanted a core in the minute before the start: well below `cores` on a quiet machine. */
  readonly load: number;
  readonly date: string;
}

export function describeMachine(): Machine {
  const list = cpus();
  const { tools, flags } = readRecord(committedPkg);
  return {
    cpu: list[0]?.model.trim() ?? 'unknown CPU',
    cores: list.length,
    platform: `${process.platform} ${process.arch}`,
    node: process.versions.node,
    v8: process.versions.v8,
    rustc: tools.rustc,
    flags: flags.rustc,
    load: loadavg()[0] ?? 0,
    date: new Date().toISOString().slice(0, 10),
  };
}

/** One line for people. */
export function machineLine({ cpu, cores, platform, node, v8, load }: Machine): string {
  return `${cpu}, ${cores} cores, ${platform}, Node ${node} (V8 ${v8}), load ${load.toFixed(1)}`;
}

/** The CPU's name as part of a file name. */
export function cpuSlug({ cpu }: Machine): string {
  return cpu
    .toLowerCase()
    .replace(/\((r|tm)\)/g, '')
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
}
