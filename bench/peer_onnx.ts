/** ONNX Runtime, in WebAssembly and native: what a JavaScript user would run a converted model on. */

import { createRequire } from 'node:module';
import { onnxModel } from './onnx.js';
import { peersFolder, type Start } from './peer.js';

/** As much of its interface as is used here; its own types are there only once it is installed. */
interface OnnxRuntime {
  readonly InferenceSession: { create(model: Uint8Array, options: object): Promise<Session> };
  readonly Tensor: new (type: string, values: Float32Array | Int32Array, shape: readonly number[]) => object;
  readonly env: { readonly wasm: { numThreads?: number }; readonly versions: Readonly<Record<string, string>> };
}

interface Session {
  readonly outputNames: readonly string[];
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
    const { Tensor } = runtime;
    const { input, channels } = net.config;
    return {
      name: `${name} ${runtime.env.versions[version]}`,
      native,
      async forward(pixels, count, height, width, labels) {
        const start = performance.now();
        const inputs = {
          pixels:
            input === 'nominal'
              ? new Tensor('int32', Int32Array.from(pixels), [count, height, width])
              : new Tensor('float32', pixels, [count, channels, height, width]),
          ...(labels && { labels: new Tensor('int32', Int32Array.from(labels), [count]) }),
        };
        const { data } = (await session.run(inputs))[session.outputNames[0]!]!;
        const time = performance.now() - start;
        return { logits: channelsLast(data, count, height * width), time };
      },
    };
  };
}

/** `[count, channels, places]` as `[count, places, channels]`. */
function channelsLast(values: Float32Array, count: number, places: number): Float32Array {
  const channels = values.length / (count * places);
  return values.map((_, i) => {
    const [image, place, channel] = [
      Math.floor(i / (places * channels)),
      Math.floor(i / channels) % places,
      i % channels,
    ];
    return values[(image * channels + channel) * places + place]!;
  });
}
