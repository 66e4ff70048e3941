/** `npm run bench -- profile [MODEL]`: where an image's time goes, layer by layer, in the sampler as it is, skipping included. */

import { writeFileSync } from 'node:fs';
import { inTurn } from '../ts/sample_options.js';
import {
  bothBeside,
  type Contender,
  integerElement,
  contenders as openContenders,
  type Precision,
  precisions,
  reopened,
  seed,
} from './core.js';
import { aligned, short } from './format.js';
import { summary } from './harness.js';
import { describeMachine, machineLine } from './machine.js';
import { findRoof } from './roof.js';

const skippings = ['none', 'all'] as const;
type Profiled = (typeof skippings)[number];

/** A layer's part of an image. */
export interface LayerFigures {
  readonly name: string;
  /** Multiply-adds of a dense image. */
  readonly macs: number;
  /** Multiply-adds issued, over these: 8 for the logits of a dense image, whose one output takes a tile's eight. */
  readonly executed: number;
  /** Milliseconds an image, the median over the passes. */
  readonly time: number;
  /** Share of the roof, of the multiply-adds issued; NaN without a roof. */
  readonly roofShare: number;
  /** Rows of an image that were looked up: there already, computed and kept, computed and not kept. All 0 where none are looked up. */
  readonly rows: { readonly met: number; readonly kept: number; readonly apart: number };
}

export interface Profile {
  readonly precision: Precision;
  readonly skipping: Profiled;
  readonly layers: readonly LayerFigures[];
  /** Milliseconds an image to draw values and note them: what is no layer's. */
  readonly rest: number;
  /** Milliseconds an image, watched as here and not watched. */
  readonly watched: number;
  readonly unwatched: number;
  /** Megabytes that rows take at most which are remembered. */
  readonly megabytes: number;
}

/**
 * Draws `count` digits one by one in `passes` passes, after one that warms up, and reads the clock after each layer of each
 * front. `roofs` are in GMAC/s.
 */
export function profile(
  contenders: Record<Precision, Contender>,
  count: number,
  passes: number,
  roofs: Readonly<Record<Precision, number>>,
): Profile[] {
  const variants = precisions.flatMap((precision) =>
    skippings.map((skipping) => {
      const { net } = contenders[precision];
      const each = net.layers.map((): number[] => []); // by layer, then by pass
      const sampler = reopened(contenders[precision]);
      const [rest, watched, unwatched]: [number[], number[], number[]] = [[], [], []];
      const [macs, rows] = [net.layers.map(() => 0), net.layers.map(() => [0, 0, 0])];
      return { precision, skipping, net, sampler, each, macs, rows, bytes: [0], rest, watched, unwatched };
    }),
  );
  for (let pass = 0; pass <= passes; pass++) {
    for (const { skipping, net, sampler, each, macs, rows, bytes, rest, watched, unwatched } of variants) {
      const times = each.map(() => 0);
      macs.fill(0);
      for (const counts of rows) counts.fill(0);
      let before = 0;
      const after = (layer: number) => {
        const now = performance.now();
        times[layer]! += now - before;
        before = now;
      };
      const start = performance.now();
      for (let digit = 0; digit < count; digit++) {
        const run = sampler.sample(1, seed, digit, 1, 'wavefront', skipping, inTurn(digit, 1, net));
        do before = performance.now();
        while (run.step_layers(after) > 0);
        run.layer_macs().forEach((more, layer) => {
          macs[layer]! += more;
        });
        run.layer_rows().forEach((more, at) => {
          rows[Math.floor(at / 3)]![at % 3]! += more;
        });
        bytes[0] = run.state_bytes()[1]!;
        run.free();
      }
      const middle = performance.now();
      for (let digit = 0; digit < count; digit++) {
        const run = sampler.sample(1, seed, digit, 1, 'wavefront', skipping, inTurn(digit, 1, net));
        run.finish();
        run.free();
      }
      if (pass === 0) continue;
      watched.push((middle - start) / count);
      rest.push((middle - start - times.reduce((a, b) => a + b)) / count);
      unwatched.push((performance.now() - middle) / count);
      times.forEach((time, layer) => {
        each[layer]!.push(time / count);
      });
    }
  }
  return variants.map(({ precision, skipping, net, sampler, each, macs, rows, bytes, rest, watched, unwatched }) => {
    sampler.free();
    const pixels = net.config.height * net.config.width;
    const layers = net.layers.map((layer, index): LayerFigures => {
      const issued = macs[index]! / count;
      const time = summary(each[index]!).median;
      const dense = layer.macs * pixels;
      const [met = 0, kept = 0, apart = 0] = rows[index]!.map((all) => all / count);
      return {
        name: layer.name,
        macs: dense,
        executed: issued / dense,
        time,
        roofShare: issued / time / 1e6 / roofs[precision],
        rows: { met, kept, apart },
      };
    });
    const median = (times: number[]) => summary(times).median;
    return {
      precision,
      skipping,
      layers,
      rest: median(rest),
      watched: median(watched),
      unwatched: median(unwatched),
      megabytes: bytes[0]! / 1e6,
    };
  });
}

/** The table of a precision: nothing skipped and everything side by side. */
export function profileTable(profiles: readonly Profile[], precision: Precision): string[][] {
  const [none, all] = skippings.map(
    (skipping) => profiles.find((p) => p.precision === precision && p.skipping === skipping)!,
  ) as [Profile, Profile];
  const sum = ({ layers }: Profile, of: (layer: LayerFigures) => number) =>
    layers.reduce((total, l) => total + of(l), 0);
  const macs = (profile: Profile) => sum(profile, ({ macs }) => macs);
  const part = (time: number, { watched }: Profile) => `${((100 * time) / watched).toFixed(1)} %`;
  return [
    [precision, 'MMAC', 'executed', 'ms', 'of time', 'of roof', 'executed', 'ms', 'of time', 'of roof', 'met', 'new'],
    ...none.layers.map((dense, index) => {
      const cells = (profile: Profile) => {
        const { executed, time, roofShare } = profile.layers[index]!;
        return [executed.toFixed(3), time.toFixed(3), part(time, profile), roofShare.toFixed(2)];
      };
      const { met, kept, apart } = all.layers[index]!.rows;
      const rows = met + kept + apart > 0 ? [met.toFixed(0), (kept + apart).toFixed(0)] : ['', ''];
      return [dense.name, short(dense.macs / 1e6), ...cells(none), ...cells(all), ...rows];
    }),
    ['drawing values', '', ...[none, all].flatMap((p) => ['', p.rest.toFixed(3), part(p.rest, p), '']), '', ''],
    [
      'all',
      short(macs(none) / 1e6),
      ...[none, all].flatMap((p) => {
        const executed = sum(p, ({ macs, executed }) => macs * executed) / macs(p);
        return [executed.toFixed(3), p.watched.toFixed(3), '100 %', ''];
      }),
      sum(all, ({ rows }) => rows.met).toFixed(0),
      sum(all, ({ rows }) => rows.kept + rows.apart).toFixed(0),
    ],
  ];
}

/** `npm run bench -- profile`. `path`: a model of f32 in place of the packaged one; `json`: where to write the figures for programs. */
export function benchProfile(path?: string, json?: string): void {
  const machine = describeMachine();
  const contenders = path === undefined ? openContenders() : bothBeside(path);
  const roofs = { f32: findRoof('f32').peak().rate, int8: findRoof(integerElement).peak().rate };
  const [count, passes] = [16, 9];
  const profiles = profile(contenders, count, passes, roofs);
  console.log(machineLine(machine));
  console.log(
    `${count} digits one by one, medians of ${passes} passes; ms of an image; left nothing skipped, right all, with rows met and new; ` +
      `roofs ${roofs.f32.toFixed(1)} (f32) and ${roofs.int8.toFixed(1)} GMAC/s (int8)`,
  );
  for (const precision of precisions) {
    console.log(`\n${aligned(profileTable(profiles, precision)).join('\n')}`);
    for (const p of profiles.filter((p) => p.precision === precision)) {
      const cost = (100 * (p.watched / p.unwatched - 1)).toFixed(1);
      console.log(
        `skipping ${p.skipping}: ${p.unwatched.toFixed(3)} ms when nobody reads the clock, which costs ${cost} %; ` +
          `rows that are remembered take ${p.megabytes.toFixed(1)} MB at most`,
      );
    }
  }
  if (json !== undefined) writeFileSync(json, `${JSON.stringify({ machine, roofs, profiles }, null, 2)}\n`);
}
