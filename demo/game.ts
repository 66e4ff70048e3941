/** The game of Sokoban: a player, who pushes boxes one at a time, until each target has one. */

import { countOf, type Level, type Push } from '../judge/sokoban.js';

export type Direction = 'up' | 'left' | 'down' | 'right';

export const directions: readonly Direction[] = ['up', 'left', 'down', 'right'];

export interface Position {
  readonly height: number;
  readonly width: number;
  /** Of each cell, row by row. */
  readonly walls: readonly boolean[];
  readonly targets: readonly boolean[];
  readonly boxes: ReadonlySet<number>;
  readonly player: number;
  /** Where the player looks. */
  readonly facing: Direction;
}

/** Why a level cannot be played; undefined where it can. */
export function flaw(level: Level): string | undefined {
  const [players, boxes, targets] = [countOf(level, '@+'), countOf(level, '$*'), countOf(level, '.+*')];
  if (players !== 1) return players === 0 ? 'no player' : `${players} players`;
  if (boxes === 0) return 'no box';
  if (boxes !== targets) return `${boxes} boxes, ${targets} targets`;
  return undefined;
}

/** The position that a level begins with. Outside it all is wall. */
export function begin(level: Level): Position {
  const cells = level.flatMap((row) => [...row]);
  return {
    height: level.length,
    width: level[0]!.length,
    walls: cells.map((cell) => cell === '#'),
    targets: cells.map((cell) => '.+*'.includes(cell)),
    boxes: new Set(cells.flatMap((cell, at) => ('$*'.includes(cell) ? [at] : []))),
    player: cells.findIndex((cell) => '@+'.includes(cell)),
    facing: 'down',
  };
}

export function isSolved({ boxes, targets }: Position): boolean {
  return [...boxes].every((box) => targets[box]);
}

/** The position after a step; the same one, but for where the player looks, where there is no way. */
export function step(position: Position, facing: Direction): Position {
  const to = beside(position, position.player, facing);
  if (to === undefined) return { ...position, facing };
  if (!position.boxes.has(to)) return { ...position, player: to, facing };
  const beyond = beside(position, to, facing);
  if (beyond === undefined || position.boxes.has(beyond)) return { ...position, facing };
  const boxes = new Set(position.boxes);
  boxes.delete(to);
  boxes.add(beyond);
  return { ...position, boxes, player: to, facing };
}

/** The cell next to one; undefined for a wall and outside. */
function beside({ height, width, walls }: Position, cell: number, direction: Direction): number | undefined {
  const [y, x] = [Math.floor(cell / width), cell % width];
  const [dy, dx] = { up: [-1, 0], left: [0, -1], down: [1, 0], right: [0, 1] }[direction] as [number, number];
  const [row, column] = [y + dy, x + dx];
  if (row < 0 || row >= height || column < 0 || column >= width) return undefined;
  const at = row * width + column;
  return walls[at] ? undefined : at;
}

/** The shortest walk to a cell without pushing; undefined where there is none. */
export function walkTo(position: Position, target: number): Direction[] | undefined {
  const came = new Map<number, { from: number; by: Direction }>();
  const queue = [position.player];
  for (const cell of queue) {
    if (cell === target) break;
    for (const direction of directions) {
      const next = beside(position, cell, direction);
      if (next === undefined || position.boxes.has(next) || next === position.player || came.has(next)) continue;
      came.set(next, { from: cell, by: direction });
      queue.push(next);
    }
  }
  if (target !== position.player && !came.has(target)) return undefined;
  const walk: Direction[] = [];
  for (let cell = target; cell !== position.player; cell = came.get(cell)!.from) walk.push(came.get(cell)!.by);
  return walk.reverse();
}

/** Every step of a solution, the walks between its pushes included. */
export function stepsOf(start: Position, pushes: readonly Push[]): Direction[] {
  let position = start;
  return pushes.flatMap(({ from, to }) => {
    const direction = directions.find((one) => beside(position, from, one) === to)!;
    const behind = from - (to - from);
    const steps = [...walkTo(position, behind)!, direction];
    for (const one of steps) position = step(position, one);
    return steps;
  });
}
