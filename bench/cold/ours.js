// One image from nothing: what `npm run bench -- cold` runs in each fresh process and page.

/** `read` gives the bytes of a file; `entry` is the module of the package. Times are milliseconds. */
export async function ours(entry, wasm, model, read) {
  const times = [performance.now()];
  const { createSampler } = await import(entry);
  times.push(performance.now());
  const module = await WebAssembly.compile(await read(wasm));
  times.push(performance.now());
  const sampler = createSampler({ module, model: await read(model) });
  times.push(performance.now());
  const { data } = sampler.sample({ count: 1, seed: 1 });
  times.push(performance.now());
  return { times: times.slice(1).map((time, i) => time - times[i]), made: Array.from(data) };
}

/** The like by ONNX Runtime: one forward pass of a blank image, of which an image takes as many as it has pixels. */
export async function onnx(load, model, read) {
  const times = [performance.now()];
  const runtime = await load();
  times.push(performance.now());
  runtime.env.wasm.numThreads = 1;
  const options = { executionProviders: ['wasm'], intraOpNumThreads: 1, interOpNumThreads: 1 };
  const session = await runtime.InferenceSession.create(await read(model), options);
  times.push(performance.now());
  const pixels = new runtime.Tensor('float32', new Float32Array(784), [1, 1, 28, 28]);
  const { data } = (await session.run({ pixels }))[session.outputNames[0]];
  times.push(performance.now());
  return { times: times.slice(1).map((time, i) => time - times[i]), made: Array.from(data) };
}
