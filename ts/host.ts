/** What some hosts have and others lack: files, threads, a count of cores. */

interface Builtins {
  'node:fs/promises': typeof import('node:fs/promises');
  'node:os': typeof import('node:os');
  'node:path': typeof import('node:path');
  'node:worker_threads': typeof import('node:worker_threads');
}

/**
 * A module of Node's, which Deno and Bun have too; undefined in browsers and at the edge.
 *
 * Asked of the process, not imported, so that no bundler meets the name of a module it does not have.
 */
export function builtin<Name extends keyof Builtins>(name: Name): Builtins[Name] | undefined {
  const { process } = globalThis as { process?: { getBuiltinModule?: (id: string) => unknown } };
  return process?.getBuiltinModule?.(name) as Builtins[Name] | undefined;
}

/**
 * Whether this is an edge runtime, Cloudflare's workerd or that of Next and Vercel: they compile no WebAssembly and start no threads,
 * though workerd has Node's module of them in name.
 */
export function isEdge(): boolean {
  return globalThis.navigator?.userAgent === 'Cloudflare-Workers' || 'EdgeRuntime' in globalThis;
}

/** Threads that can run at once. Node has no `navigator` before version 21; Deno's `node:os` would ask for a permission. */
export function coreCount(): number {
  return globalThis.navigator?.hardwareConcurrency ?? builtin('node:os')?.availableParallelism() ?? 1;
}

export type NodeWorker = InstanceType<typeof import('node:worker_threads')['Worker']>;

/** Starts a thread of Node's; undefined where there are none. */
export function nodeWorker(script: string | URL, options?: { eval: boolean }): NodeWorker | undefined {
  const threads = builtin('node:worker_threads');
  if (threads === undefined) return undefined;
  // Threads take the process's flags over and refuse this one: it speaks of the text after `node --eval`.
  const { process } = globalThis; // not named alone, for which bundlers would bring one along
  const flags = process.execArgv.some((flag) => flag.startsWith('--input-type')) ? { execArgv: [] } : {};
  return new threads.Worker(script, { ...flags, ...options });
}
