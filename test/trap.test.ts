import { expect, it, vi } from 'vitest';
import { createSampler, loadSampler, type PixelCnnError } from '../ts/index.js';
import { enter } from '../ts/instance.js';
import { configJson, randomModel } from './wasm.js';

const model = randomModel(configJson({ height: 2, width: 2, filters: 2, blocks: 0 }), 1);

function thrownBy(call: () => unknown): PixelCnnError {
  try {
    call();
  } catch (error) {
    return error as PixelCnnError;
  }
  return expect.unreachable();
}

it('lets no call back into WebAssembly after a trap', async () => {
  const sampler = await loadSampler(model);
  const open = sampler.sampleSteps({ count: 1 });
  open.next();

  const first = thrownBy(() => enter((core) => core.run_finish(0x7ffffff0))); // no such run: a real trap
  expect(first).toMatchObject({ name: 'PixelCnnError', code: 'INTERNAL' });
  expect(first.cause).toBeInstanceOf(WebAssembly.RuntimeError);
  const module = await WebAssembly.compile(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
  const later = [
    thrownBy(() => sampler.sample()),
    thrownBy(() => open.next()),
    thrownBy(() => sampler.describe()),
    thrownBy(() => sampler.logits(new Uint8Array(4))),
    thrownBy(() => createSampler({ module, model })),
    await loadSampler(model).catch((error) => error),
  ];
  for (const error of later) expect(error).toMatchObject({ code: 'INTERNAL', cause: first.cause });
  sampler.dispose(); // nothing to free any more, and no complaint
  const call = vi.fn(() => 0);
  expect(thrownBy(() => enter(call))).toMatchObject({ code: 'INTERNAL' });
  expect(call).not.toHaveBeenCalled();
});
