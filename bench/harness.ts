/** Timing rivals against each other: warmed up, interleaved, medians with their spread. */

/** Milliseconds, or nothing where the call itself is to be timed. */
type Elapsed = number | undefined;

export interface Case {
  readonly name: string;
  /**
   * Does the work of one round; all cases of a round are given the same number, so that they may draw the same images.
   * Returns its time in milliseconds where that is not the time of the call: where another process does the work.
   */
  run(round: number): Elapsed | Promise<Elapsed>;
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
export async function interleave(cases: readonly Case[], budget: Budget): Promise<Map<string, Timing>> {
  for (const each of cases) {
    const start = performance.now();
    do await once(each, 0);
    while (performance.now() - start < warmUp);
  }
  const times = new Map<string, number[]>(cases.map(({ name }) => [name, []]));
  const start = performance.now();
  for (let round = 0; round < budget.most; round++) {
    if (round >= budget.fewest && performance.now() - start > budget.time) break;
    for (let i = 0; i < cases.length; i++) {
      const each = cases[(i + round) % cases.length]!;
      if (round % (each.every ?? 1) === 0) times.get(each.name)!.push(await once(each, round));
    }
    budget.progress?.(round + 1);
  }
  return new Map([...times].map(([name, list]) => [name, summary(list)]));
}

/** Runs a case once; returns its time in milliseconds. */
async function once(each: Case, round: number): Promise<number> {
  const start = performance.now();
  const made = each.run(round);
  const own = made instanceof Promise ? await made : made;
  return own ?? performance.now() - start;
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
