import { loadSampler, loadSamplerPool } from 'pixelcnn';
import { draw } from '../../draw.js';

export const dynamic = 'force-dynamic';

export async function GET() {
  const model = 'node_modules/pixelcnn/models/mnist-binary.int8.safetensors';
  return Response.json(
    await draw(async () => [await loadSampler(model), await loadSamplerPool(model, { workers: 2 })]),
  );
}
