/** workerd, which Cloudflare's workers run on, and what it is told to run. */

/** By npm's name and exact version. */
export const workerd = { workerd: '1.20261117.1' } as const;

/** A module of a worker: the name that it is imported by, what it is, and its file, relative to the config. */
export type WorkerModule = readonly [name: string, kind: 'esModule' | 'wasm' | 'data', file: string];

/**
 * A config of one worker, whose entry is the first module.
 *
 * @param options.address Where it answers HTTP, such as `*:8000`; nowhere, as for `workerd test`, by default.
 * @param options.date Its `compatibility_date`.
 */
export function workerdConfig(
  modules: readonly WorkerModule[],
  { address, date = '2026-01-01' }: { address?: string; date?: string } = {},
): string {
  const socket = `(name = "http", address = "${address}", http = (), service = "main")`;
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .main)],
  sockets = [${address === undefined ? '' : socket}],
);
const main :Workerd.Worker = (
  modules = [
    ${modules.map(([name, kind, file]) => `(name = "${name}", ${kind} = embed "${file}"),`).join('\n    ')}
  ],
  compatibilityDate = "${date}",
);
`;
}
