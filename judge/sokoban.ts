/** Sokoban: what a level is, whether it is well formed, and a bounded search for a way to solve it. */

/** A level: rows of `#` wall, `@` player, `$` box, `.` target and space; `+` and `*` are a player and a box on a target. */
export type Level = readonly string[];

/** A push of a box from one cell to the next; cells are numbered row by row, `row * width + column`. */
export interface Push {
  readonly from: number;
  readonly to: number;
}

export type Outcome =
  | { readonly kind: 'solved'; readonly pushes: readonly Push[]; readonly states: number }
  /** Every position that can be reached was looked at. */
  | { readonly kind: 'unsolvable'; readonly states: number }
  /** The bound was reached first. */
  | { readonly kind: 'gave up'; readonly states: number };

/** How many cells of a level are each of what `of` names. */
export function countOf(level: Level, of: string): number {
  return level.reduce((sum, row) => sum + [...row].filter((cell) => of.includes(cell)).length, 0);
}

/** What a well-formed level has, as Boxoban's have it. */
export const rules = ['one player', 'four boxes', 'four targets', 'closed walls'] as const;

/**
 * Which of {@link rules} a level breaks. Walls are closed where nothing that can be walked on, by whatever is in the level, leads to
 * its rim.
 */
export function broken(level: Level): (typeof rules)[number][] {
  const kept: Record<(typeof rules)[number], boolean> = {
    'one player': countOf(level, '@+') === 1,
    'four boxes': countOf(level, '$*') === 4,
    'four targets': countOf(level, '.+*') === 4,
    'closed walls': isClosed(level),
  };
  return rules.filter((rule) => !kept[rule]);
}

/** Whether all of the rim is wall. */
function isClosed(level: Level): boolean {
  const isWall = (row: string | undefined): boolean => row !== undefined && /^#+$/.test(row);
  return isWall(level[0]) && isWall(level.at(-1)) && level.every((row) => row.startsWith('#') && row.endsWith('#'));
}

/** A level as numbers: the floor's cells alone, each with its four neighbours. */
interface Board {
  /** The cell that each floor is. */
  readonly cells: readonly number[];
  /** Of each floor: the floors above, to the left, below, to the right; -1 for a wall. */
  readonly beside: readonly (readonly number[])[];
  readonly targets: ReadonlySet<number>;
  readonly boxes: readonly number[];
  readonly player: number;
}

const opposite = (direction: number): number => (direction + 2) % 4;

function readBoard(level: Level): Board {
  const width = Math.max(...level.map((row) => row.length));
  const cells: number[] = [];
  const floorOf = new Map<number, number>();
  const [targets, boxes, players] = [new Set<number>(), [] as number[], [] as number[]];
  for (const [y, row] of level.entries()) {
    for (const [x, what] of [...row].entries()) {
      if (!'#@+$*. '.includes(what))
        throw new RangeError(`level: expected "#", "@", "$", "." and space, got "${what}"`);
      if (what === '#') continue;
      const floor = cells.push(y * width + x) - 1;
      floorOf.set(y * width + x, floor);
      if ('.+*'.includes(what)) targets.add(floor);
      if ('$*'.includes(what)) boxes.push(floor);
      if ('@+'.includes(what)) players.push(floor);
    }
  }
  if (players.length !== 1) throw new RangeError(`level: expected one player, got ${players.length}`);
  if (boxes.length > targets.size) {
    throw new RangeError(`level: expected a target for each of ${boxes.length} boxes, got ${targets.size}`);
  }
  const beside = cells.map((cell) => {
    const [y, x] = [Math.floor(cell / width), cell % width];
    const near: [number, number][] = [
      [y - 1, x],
      [y, x - 1],
      [y + 1, x],
      [y, x + 1],
    ];
    return near.map(([row, column]) => {
      if (column < 0 || column >= width) return -1;
      return floorOf.get(row * width + column) ?? -1;
    });
  });
  return { cells, beside, targets, boxes, player: players[0]! };
}

/**
 * For each target, the fewest pushes that bring a box from each floor there, were it alone and the player everywhere;
 * Infinity where none do. Found by pulling the box away from the target.
 */
function pushDistances({ beside, targets }: Board): number[][] {
  return [...targets].map((target) => {
    const distance = new Array<number>(beside.length).fill(Number.POSITIVE_INFINITY);
    distance[target] = 0;
    const queue = [target];
    for (const box of queue) {
      for (let direction = 0; direction < 4; direction++) {
        const pulledTo = beside[box]![direction]!;
        if (pulledTo < 0 || beside[pulledTo]![direction]! < 0) continue; // the player stands one further
        if (distance[pulledTo] !== Number.POSITIVE_INFINITY) continue;
        distance[pulledTo] = distance[box]! + 1;
        queue.push(pulledTo);
      }
    }
    return distance;
  });
}

/** The least sum of distances under which each box has a target of its own: never more pushes than it takes. */
function leastPushes(boxes: readonly number[], distances: readonly (readonly number[])[]): number {
  // best[set]: the first boxes brought to the targets of a set, as many as these.
  const best = new Array<number>(1 << distances.length).fill(Number.POSITIVE_INFINITY);
  best[0] = 0;
  let least = Number.POSITIVE_INFINITY;
  for (let set = 0; set < best.length; set++) {
    if (best[set] === Number.POSITIVE_INFINITY) continue;
    let box = 0;
    for (let rest = set; rest > 0; rest &= rest - 1) box++;
    if (box === boxes.length) {
      least = Math.min(least, best[set]!);
      continue;
    }
    for (let target = 0; target < distances.length; target++) {
      if ((set >> target) & 1) continue;
      const sum = best[set]! + distances[target]![boxes[box]!]!;
      const next = set | (1 << target);
      if (sum < best[next]!) best[next] = sum;
    }
  }
  return least;
}

interface Node {
  /** Floors, ascending. */
  readonly boxes: readonly number[];
  /** Somewhere among the floors that the player can walk to. */
  readonly player: number;
  readonly cost: number;
  readonly before?: Node;
  readonly push?: Push;
}

/**
 * Looks for the fewest pushes that bring a box onto each target, or onto as many targets as there are boxes: A* over pushes, the
 * player being anywhere that it can walk to. What lies behind a box on a floor from which no target can be reached is never looked at.
 *
 * @param most How many states are looked at before it gives up.
 * @throws RangeError for a level without exactly one player, with more boxes than targets, or with another character.
 */
export function solve(level: Level, most = 100_000): Outcome {
  const board = readBoard(level);
  const { beside, cells } = board;
  const distances = pushDistances(board);
  const start: Node = { boxes: board.boxes.toSorted((a, b) => a - b), player: board.player, cost: 0 };
  const seen = new Set<number>();
  const open = new Buckets<Node>();
  const add = (node: Node): void => {
    const rest = leastPushes(node.boxes, distances);
    if (rest !== Number.POSITIVE_INFINITY) open.push(node.cost + rest, node);
  };
  add(start);
  const isBox = new Uint8Array(cells.length);
  const reached = new Uint8Array(cells.length);
  let states = 0;
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    isBox.fill(0);
    for (const box of node.boxes) isBox[box] = 1;
    const first = walk(node.player, isBox, beside, reached);
    const key = node.boxes.reduce((sum, box) => sum * cells.length + box, first);
    if (seen.has(key)) continue;
    seen.add(key);
    if (node.boxes.every((box) => board.targets.has(box))) return { kind: 'solved', pushes: pushesTo(node), states };
    if (states === most) return { kind: 'gave up', states };
    states++;
    for (const [index, box] of node.boxes.entries()) {
      for (let direction = 0; direction < 4; direction++) {
        const to = beside[box]![direction]!;
        const behind = beside[box]![opposite(direction)]!;
        if (to < 0 || isBox[to] === 1 || behind < 0 || reached[behind] === 0) continue;
        const boxes = node.boxes.with(index, to).sort((a, b) => a - b);
        const push = { from: cells[box]!, to: cells[to]! };
        add({ boxes, player: box, cost: node.cost + 1, before: node, push });
      }
    }
  }
  return { kind: 'unsolvable', states };
}

/** Marks where the player can walk; returns the first of these floors, which stands for all of them. */
function walk(from: number, isBox: Uint8Array, beside: Board['beside'], reached: Uint8Array): number {
  reached.fill(0);
  reached[from] = 1;
  const queue = [from];
  let first = from;
  for (const floor of queue) {
    if (floor < first) first = floor;
    for (const next of beside[floor]!) {
      if (next < 0 || isBox[next] === 1 || reached[next] === 1) continue;
      reached[next] = 1;
      queue.push(next);
    }
  }
  return first;
}

function pushesTo(node: Node): Push[] {
  const pushes: Push[] = [];
  for (let at: Node | undefined = node; at?.push !== undefined; at = at.before) pushes.push(at.push);
  return pushes.reverse();
}

/** What waits, by a small whole number: the least first, of these the last that came. */
class Buckets<T> {
  readonly #buckets: T[][] = [];
  #least = 0;

  push(at: number, value: T): void {
    const bucket = this.#buckets[at];
    if (bucket === undefined) this.#buckets[at] = [value];
    else bucket.push(value);
    this.#least = Math.min(this.#least, at);
  }

  pop(): T | undefined {
    while (this.#least < this.#buckets.length) {
      const value = this.#buckets[this.#least]?.pop();
      if (value !== undefined) return value;
      this.#least++;
    }
    return undefined;
  }
}
