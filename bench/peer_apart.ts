/**
 * Peers of native code, each in a process of its own (peer_apart_child.ts), which computes when it is asked and tells its own
 * time. In one process they would meet: all copies of TensorFlow.js share an engine, which has one backend at a time; and
 * onnxruntime-node, loaded after onnxruntime-web, computes with that one's WebAssembly.
 */

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Answer, Peer, Start } from './peer.js';

/** What a child is sent first. It answers with the peer's name, or with a sentence where it is not here. */
export interface Opening {
  readonly peer: 'tfjs-node' | 'onnxruntime-node';
  readonly net: Parameters<Start>[0];
  readonly weights: Float32Array;
}

export type Opened = Pick<Peer, 'name' | 'native'> | string;

/** What a child is sent then, again and again. It answers with an `Answer`. */
export interface Question {
  readonly pixels: Float32Array;
  readonly count: number;
  readonly height: number;
  readonly width: number;
  readonly labels: Uint16Array | undefined;
}

export function startApart(peer: Opening['peer']): Start {
  return async (net, weights) => {
    const child = fork(fileURLToPath(new URL('peer_apart_child.ts', import.meta.url)), {
      serialization: 'advanced',
      execArgv: ['--import', pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href],
      // TensorFlow reads these when it is loaded.
      env: { ...process.env, TF_NUM_INTRAOP_THREADS: '1', TF_NUM_INTEROP_THREADS: '1', OMP_NUM_THREADS: '1' },
    });
    const ended = once(child, 'exit').then(([status]) => {
      throw new Error(`${peer} ended with status ${status} before it answered; its own words are above`);
    });
    ended.catch(() => undefined); // whoever waits for an answer hears of it
    const ask = async <T>(request: Opening | Question): Promise<T> => {
      child.channel?.ref();
      child.send(request);
      const answered = once(child, 'message') as Promise<[T]>;
      const [made] = await Promise.race([answered, ended]);
      child.channel?.unref();
      return made;
    };
    child.unref(); // a bench that fails must not wait for it
    const opened = await ask<Opened>({ peer, net, weights } satisfies Opening);
    if (typeof opened === 'string') {
      child.disconnect();
      return opened;
    }
    return {
      ...opened,
      forward: (pixels, count, height, width, labels) =>
        ask<Answer>({ pixels, count, height, width, labels } satisfies Question),
      end: () => child.disconnect(),
    };
  };
}
