/** ONNX Runtime, in WebAssembly and native: what a JavaScript user would run a converted model on. */

import { createRequire } from 'node:module';
import { onnxModel, onnxOutput } from './onnx.js';
import { peersFolder, type Start } from './peer.js';

/** As much of its interface as is used here; its own types are there only once it is installed. */
interface OnnxRuntime {
  readonly InferenceSession: { create(model: Uint8Array, options: object): Promise<Session> };
  readonly Tensor: new (type: 'float32', values: Float32Array, shape: readonly number[]) => object;
  readonly env: { readonly wasm: { numThreads?: number }; readonly versions: Readonly<Record<string, string>> };
}

interface Session {
  run(inputs: Readonly<Record<string, object>>): Promise<Readonly<Record<string, { readonly data: Float32Array }>>>;
}

const runtimes = {
  'onnxruntime-web': { provider: 'wasm', version: 'web', native: false },
  'onnxruntime-node': { provider: 'cpu', version: 'node', native: true },
} as const;

export function startOnnxRuntime(name: keyof typeof runtimes): Start {
  const { provider, version, native } = runtimes[name];
  return async (net, weights) => {
    const require = createRequire(`${peersFolder}package.json`);
    try {
      require.resolve(name);
    } catch {
      return `${name}: not installed; npm run bench -- --peers`;
    }
    let runtime: OnnxRuntime;
    try {
      runtime = require(name) as OnnxRuntime;
    } catch (error) {
      return `${name}: does not load here: ${String(error)}`;
    }
    runtime.env.wasm.numThreads = 1;
    const session = await runtime.InferenceSession.create(onnxModel(net, weights), {
      executionProviders: [provider],
      intraOpNumThreads: 1,
      interOpNumThreads: 1,
    });
    const output = onnxOutput(net);
    return {
      name: `${name} ${runtime.env.versions[version]}`,
      native,
      async forward(pixels, count, height, width) {
        const start = performance.now();
        const input = new runtime.Tensor('float32', pixels, [count, net.config.channels, height, width]);
        const logits = (await session.run({ pixels: input }))[output]!.data;
        return { logits, time: performance.now() - start };
      },
    };
  };
}
