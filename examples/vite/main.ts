/**
 * A page of Vite that draws on all cores and stays awake meanwhile: this file and index.html in a folder in which
 * `npm i pixelcnn vite` was run. `npx vite` serves it, `npx vite build` makes files of it. There is nothing to configure.
 */

import { loadSamplerPool, toRgba } from 'pixelcnn';
import { model } from 'pixelcnn/models/mnist-binary.int8';

const count = 320;
const columns = 16;

function find<T extends Element>(selector: string): T {
  return document.querySelector<T>(selector)!;
}

const [draw, stop] = [find<HTMLButtonElement>('#draw'), find<HTMLButtonElement>('#stop')];
const [status, progress] = [find('[role=status]'), find<HTMLProgressElement>('progress')];
const context = find<HTMLCanvasElement>('canvas').getContext('2d')!;

async function main(): Promise<void> {
  const pool = await loadSamplerPool(model); // a worker for each core
  status.textContent = `${pool.workers} workers are ready`;
  draw.disabled = false;

  draw.addEventListener('click', async () => {
    const controller = new AbortController();
    stop.onclick = () => controller.abort();
    [draw.disabled, stop.disabled] = [true, false];
    context.clearRect(0, 0, context.canvas.width, context.canvas.height);
    try {
      const options = { count, seed: 1, signal: controller.signal };
      for await (const part of pool.sampleStream(options)) {
        const { height, width } = pool.config;
        const { data } = toRgba(part, pool.config, { columns: 1 }); // one below the other
        const strip = new ImageData(data, width);
        const [images] = part.shape;
        for (let i = 0; i < images; i++) {
          const [row, column] = [Math.floor((part.startIndex + i) / columns), (part.startIndex + i) % columns];
          context.putImageData(strip, column * width, (row - i) * height, 0, i * height, width, height);
        }
        progress.value = part.startIndex + images; // parts come in order
        status.textContent = `${progress.value} of ${count}`;
      }
    } catch (error) {
      if (!controller.signal.aborted) throw error;
      status.textContent = `Stopped after ${progress.value}`;
    }
    [draw.disabled, stop.disabled] = [false, true];
  });
}

main().catch((error: Error) => {
  status.textContent = error.message;
});
