import { describe, expect, it } from 'vitest';
import { bounds } from '../../bench/bounds.js';
import { chartSvg, shown } from '../../bench/chart.js';
import { formatJson, formatMarkdown, formatTable } from '../../bench/format.js';
import { summary } from '../../bench/harness.js';
import { figures, type Report } from '../../bench/report.js';
import type { Row } from '../../bench/rows.js';
import { machine, roof } from './machine.js';

const dense = 285_100_032;

function row(name: string, ms: number, changes: Partial<Row> = {}): Row {
  const common = {
    precision: 'f32',
    batch: 1,
    threads: 1,
    kind: 'ours',
    imagesPerRun: 1,
    macsPerImage: dense,
    ink: 107,
  } as const;
  return { ...common, name, timing: summary([ms, ms + 2, ms - 2]), ...changes };
}

const forward = { imagesPerRun: 1 / 784, macsPerImage: dense * 776, ink: null } as const;
const peer = { ...forward, macsPerImage: dense * 1144, kind: 'wasm' } as const;

function report(changes: Partial<Report> = {}): Report {
  return {
    machine,
    models: { f32: 'models/f32', int8: 'models/int8' },
    pixels: 784,
    macsPerImage: dense,
    roof,
    rows: [
      row('f32 wavefront', 20),
      row('f32 skipping all', 12, { macsPerImage: dense / 2 }),
      row('f32 naive', 20, forward),
      row('int8 wavefront', 10, { precision: 'int8' }),
      row('int8 naive', 12, { ...forward, precision: 'int8' }),
      row('int8 skipping all, 1 worker', 4000, { precision: 'int8', batch: 256, imagesPerRun: 256 }),
      row('int8 skipping all, 2 workers', 2400, { precision: 'int8', batch: 256, imagesPerRun: 256, threads: 2 }),
      row('a peer, naive', 40, peer),
      row('a native peer, naive', 10, { ...peer, kind: 'native' }),
      row('a native peer, exact clipped crop', 700, { ...peer, kind: 'native', imagesPerRun: 1 }),
    ],
    ownNaive: { f32: 'f32 naive', int8: 'int8 naive' },
    peerNaive: 'a peer, naive',
    fastestPeer: 'a native peer, naive',
    cropped: 'a native peer, exact clipped crop',
    missing: [],
    digits: {
      count: 16,
      passes: 2,
      ink: 107,
      single: [
        { precision: 'f32', skipping: 'none', mean: 20, worst: 21, executed: 1 },
        { precision: 'f32', skipping: 'rows', mean: 11, worst: 15, executed: 0.5 },
        { precision: 'f32', skipping: 'all', mean: 10.5, worst: 14, executed: 0.45 },
        { precision: 'int8', skipping: 'none', mean: 10, worst: 11, executed: 1 },
        { precision: 'int8', skipping: 'rows', mean: 6, worst: 7, executed: 0.5 },
        { precision: 'int8', skipping: 'all', mean: 5, worst: 6, executed: 0.45 },
      ],
      together: [
        { precision: 'f32', time: 11 },
        { precision: 'int8', time: 4 },
      ],
    },
    sizes: [
      { precision: 'f32', side: 28, usPerPixel: 20, toSmallest: 1, stateBytes: 150_000 },
      { precision: 'f32', side: 256, usPerPixel: 23, toSmallest: 1.15, stateBytes: 1_300_000 },
    ],
    first: [
      { precision: 'f32', skipping: 'none', load: summary([40]), image: summary([100]), rowBytes: 0 },
      { precision: 'f32', skipping: 'all', load: summary([40]), image: summary([104]), rowBytes: 730_000 },
    ],
    grids: {
      times: [{ name: 'gated: a peer, 64 forward passes, batch 1', batch: 1, time: summary([300]), toOurs: 12 }],
      missing: ['another peer: not installed'],
    },
    probes: { alone: summary([10]), together: summary([12]) },
    ...changes,
  };
}

describe('a row', () => {
  it('is derived from its median, and extrapolated where a forward pass was timed', () => {
    const [wavefront, , naive] = report().rows;
    expect(figures(wavefront!, report())).toMatchObject({
      msPerImage: 20,
      low: 19,
      high: 21,
      executedShare: 1,
      toOwnNaive: expect.closeTo(784),
    });
    expect(figures(wavefront!, report()).toPeerNaive).toBeCloseTo(1568);
    expect(figures(wavefront!, report()).roofShare).toBeCloseTo(dense / 20e6 / 26);
    expect(figures(naive!, report()).msPerImage).toBeCloseTo(20 * 784);
  });

  it('has the roof of its precision and its threads, and none where it is native', () => {
    const by = (name: string) => figures(report().rows.find((r) => r.name === name)!, report()).roofShare;
    expect(by('int8 wavefront')).toBeCloseTo(dense / 10e6 / 44);
    expect(by('int8 skipping all, 2 workers')).toBeCloseTo((dense * 256) / 2400e6 / 88);
    expect(by('a native peer, naive')).toBeNull();
  });

  it('of ours must not beat the roof', () => {
    expect(() => figures(row('f32 wavefront', 11, { timing: summary([10]) }), report())).toThrow(
      /faster than the roof/,
    );
  });
});

it('the bounds tell what holds and what does not', () => {
  const list = bounds(report());
  const of = (part: string) => list.filter(({ name }) => name.includes(part));
  expect(of('executed share')[0]).toMatchObject({ value: 1.1, atMost: 1.1, holds: true });
  expect(of('trailing zeros').map(({ holds }) => holds)).toEqual([false, true]);
  expect(of('int8 dense: times as fast as f32')[0]).toMatchObject({ value: 2, holds: true });
  expect(of('f32 dense: times as fast as a peer')[0]).toMatchObject({ value: expect.closeTo(1568), holds: true });
  expect(of('exact clipped crop')[0]).toMatchObject({ value: expect.closeTo(140), holds: null });
  expect(of('at once').map(({ value }) => value)).toEqual([11 / 10.5, 0.8]);
  expect(of('2 workers')[0]!.value).toBeCloseTo(1 / 1.2 / (10 / 12));
  expect(of('MB kept').map(({ value, holds }) => [value, holds])).toEqual([
    [0.15, true],
    [1.3, true],
  ]);
  expect(of('a pixel at 256 x 256')[0]).toMatchObject({ value: 1.15, holds: false });
  expect(of('first image')[0]).toMatchObject({ value: 1.04, holds: true });
});

it('what was not run is left out of the bounds', () => {
  const { digits, probes, fastestPeer, cropped, ...rest } = report({ sizes: [], first: [] });
  const list = bounds({ ...rest, rows: rest.rows.filter(({ kind }) => kind === 'ours') });
  expect(list.every(({ value }) => Number.isFinite(value))).toBe(true);
  expect(list).toEqual([]);
});

it('every line of the table has a cell for each column, in both forms', () => {
  const markdown = formatMarkdown(report(), 'chart.png').split('\n');
  expect(markdown.find((line) => line.startsWith('!['))).toContain('(chart.png)');
  let columns = 0;
  for (const line of markdown) {
    const cells = line.split(' | ').length;
    if (!line.startsWith('|')) columns = 0;
    else if (columns === 0) columns = cells;
    else expect(cells, line).toBe(columns);
  }
  const text = formatTable(report({ missing: ['onnxruntime-node: not installed; npm run bench -- --peers'] }));
  expect(text).toContain('not installed; npm run bench -- --peers');
  expect(text).toContain('multiply by the number of pixels');
  expect(text).toMatch(/f32 wavefront +20\.0 +19\.0 - 21\.0 +50\.0 +25\.5 +107 +1\.00/);
  expect(text).toMatch(/f32 naive +15,680 +14,896 - 16,464 +0\.064 /);
  expect(text).toMatch(
    /Grids of codes\. .* another peer: not installed\n.*\n(gated: a peer, 64 forward passes, batch 1) +300 /,
  );
  expect(text).not.toContain('NaN');
});

it('JSON has the figures of every row, and no number that is none', () => {
  const parsed = JSON.parse(formatJson(report())) as { machine: object; roof: object; rows: Record<string, unknown>[] };
  expect(parsed.machine).toMatchObject({ cpu: 'A CPU' });
  expect(parsed.roof).toMatchObject({ f32: { rate: 26 } });
  expect(JSON.parse(formatJson(report()))).toHaveProperty('grids.times.0.toOurs', 12);
  expect(parsed.rows).toHaveLength(report().rows.length);
  const types = {
    name: 'string',
    precision: 'string',
    batch: 'number',
    threads: 'number',
    ms_per_image: 'number',
    executed_share: 'number',
    roof_share: 'number',
    ratio_to_own_naive: 'number',
    ratio_to_tfjs_wasm: 'number',
  };
  for (const each of parsed.rows) {
    for (const [key, type] of Object.entries(types)) {
      if (key === 'roof_share' && String(each.name).startsWith('a native')) expect(each[key]).toBeNull();
      else expect(typeof each[key], `${key} of ${String(each.name)}`).toBe(type);
    }
  }
});

it('the chart has the slowest peer at its top and our fastest way at its foot', async () => {
  const ms = (row: Row) => figures(row, report()).msPerImage;
  expect(shown(report().rows, ms).map(({ name }) => name)).toEqual([
    'a peer, naive',
    'a native peer, naive',
    'a native peer, exact clipped crop',
    'f32 naive',
    'f32 wavefront',
    'f32 skipping all',
    'int8 wavefront',
    'int8 skipping all, 2 workers',
  ]);
  const svg = await chartSvg(report());
  for (const text of ['a peer, naive', '31.4 s', 'ours, int8 wavefront', '9.38 ms'])
    expect(svg).toContain(`>${text}</text>`);
});
