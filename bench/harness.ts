/** Timing rivals against each other: warmed up, interleaved, medians with their spread. */

export interface Case {
  readonly name: string;
  /** Does the work of one round; all cases of a round are given the same number, so that they may draw the same images. */
  run(round: number): void;
  /** Takes part in every n-th round only, where one run takes long. Default: 1. */
  readonly every?: number;
}

/** Times of one case, milliseconds a run. */
export interface Timing {
  readonly runs: number;
  readonly best: number;
  readonly median: number;
  /** A quarter of the runs are below it. */
  readonly low: number;
  /** A quarter of the runs are above it. */
  readonly high: number;
}

export interface Budget {
  /** Rounds stop after this time, in milliseconds, once there are `fewest`. */
  readonly time: number;
  /** At least so many rounds. */
  readonly fewest: number;
  /** At most so many rounds. */
  readonly most: number;
  /** Called after each round. */
  readonly progress?: (round: number) => void;
}

/** How long a case is run before it counts: by then V8's optimising compiler has replaced the first code. */
const warmUp = 400;

/** Runs all cases in turn, round after round, each round starting with another one; returns the times of each. */
export function interleave(cases: readonly Case[], budget: Budget): Map<string, Timing> {
  for (const { run } of cases) {
    const start = performance.now();
    do run(0);
    while (performance.now() - start < warmUp);
  }
  const times = new Map<string, number[]>(cases.map(({ name }) => [name, []]));
  const start = performance.now();
  for (let round = 0; round < budget.most; round++) {
    if (round >= budget.fewest && performance.now() - start > budget.time) break;
    for (let i = 0; i < cases.length; i++) {
      const { name, run, every = 1 } = cases[(i + round) % cases.length]!;
      if (round % every !== 0) continue;
      const from = performance.now();
      run(round);
      times.get(name)!.push(performance.now() - from);
    }
    budget.progress?.(round + 1);
  }
  return new Map([...times].map(([name, list]) => [name, summary(list)]));
}

/** Median, best and quartiles. */
export function summary(times: readonly number[]): Timing {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share: number): number => {
    const place = share * (sorted.length - 1);
    const [below, above] = [sorted[Math.floor(place)], sorted[Math.ceil(place)]];
    if (below === undefined || above === undefined) return Number.NaN;
    return below + (above - below) * (place - Math.floor(place));
  };
  return { runs: sorted.length, best: at(0), median: at(0.5), low: at(0.25), high: at(0.75) };
}
