import { PNG } from 'pngjs';
import { expect, it, vi } from 'vitest';
import { pngOfSvg, renderChart } from '../../ts/node/chart.js';

const size = { width: 300, height: 200 };
const option = {
  xAxis: { name: 'epoch' },
  yAxis: {},
  series: [
    {
      type: 'line' as const,
      data: [
        [1, 3],
        [2, 1],
      ],
    },
  ],
};

it('draws data as SVG, the same text each time', async () => {
  const svg = await renderChart(option, size);
  expect(svg).toMatch(/^<svg width="300" height="200"/);
  expect(svg).toContain('>epoch</text>');
  expect(await renderChart(option, size)).toBe(svg);
});

it('makes a picture with letters in it, whatever fonts the machine has', async () => {
  const dark = async (name: string): Promise<number> => {
    const svg = await renderChart({ title: { text: name } }, size);
    const png = PNG.sync.read(Buffer.from(await pngOfSvg(svg, 3)));
    expect([png.width, png.height]).toEqual([900, 600]);
    let count = 0;
    for (let i = 0; i < png.data.length; i += 4) if (png.data[i]! < 128) count++;
    return count;
  };
  const twice = PNG.sync.read(Buffer.from(await pngOfSvg(await renderChart(option, size))));
  expect([twice.width, twice.height]).toEqual([600, 400]);
  expect(await dark('')).toBe(0);
  expect(await dark('Loss of each epoch')).toBeGreaterThan(500);
});

it('says what to install where nothing can make pictures of charts', async () => {
  vi.doMock('@resvg/resvg-js', () => {
    throw new Error('Cannot find package');
  });
  await expect(pngOfSvg(await renderChart(option, size))).rejects.toMatchObject({
    code: 'MISSING_PACKAGE',
    message:
      'charts: expected the packages that draw them, found one missing; npm i echarts @resvg/resvg-js dejavu-fonts-ttf',
  });
  vi.doUnmock('@resvg/resvg-js');
});
