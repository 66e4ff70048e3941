/** Reading files, on hosts that have them. */

type FileSystem = typeof import('node:fs/promises');

/**
 * Node's file functions, which Deno and Bun have too; undefined in browsers and at the edge.
 *
 * Asked of the process, not imported, so that no bundler meets the name of a module it does not have.
 */
export function fileSystem(): FileSystem | undefined {
  const { process } = globalThis as { process?: { getBuiltinModule?: (id: string) => unknown } };
  return process?.getBuiltinModule?.('node:fs/promises') as FileSystem | undefined;
}

/** Rejects when `signal` aborts, though `work` goes on for others who wait for it. */
export function abortable<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
