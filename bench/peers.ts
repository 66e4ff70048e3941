/** Whom we race: other runtimes, given the same net with the same weights. */

import { run } from '../scripts/shell.js';
import type { Description } from '../ts/config.js';
import { type Peer, peersFolder, type Start } from './peer.js';
import { startApart } from './peer_apart.js';
import { startOnnxRuntime } from './peer_onnx.js';
import { startTfjsWasm } from './peer_tfjs.js';

const starts: readonly Start[] = [
  startTfjsWasm,
  startApart('tfjs-node'),
  startOnnxRuntime('onnxruntime-web'),
  startApart('onnxruntime-node'),
];

export interface Field {
  readonly peers: readonly Peer[];
  /** Why the others are missing, a sentence each. */
  readonly missing: readonly string[];
}

/** Starts all peers that are installed. `weights` are all tensors in the order of `net.tensors`. */
export async function startPeers(net: Description, weights: Float32Array): Promise<Field> {
  const peers: Peer[] = [];
  const missing: string[] = [];
  for (const start of starts) {
    const started = await start(net, weights);
    if (typeof started === 'string') missing.push(started);
    else peers.push(started);
  }
  return { peers, missing };
}

/** `npm run bench -- --peers`. Without scripts: one of them would download parts for GPUs; the CPU's are in the package. */
export function installPeers(): void {
  run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: peersFolder });
}
