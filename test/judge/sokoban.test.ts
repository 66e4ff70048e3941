import { expect, it } from 'vitest';
import { broken, type Level, type Push, solve } from '../../judge/sokoban.js';

const level = (text: string): Level => text.split('\n').filter((row) => row !== '');

/** The level after some pushes, each of which the player must be able to walk to; by plain loops that share nothing with the solver. */
function played(rows: Level, pushes: readonly Push[]): string[][] {
  const cells = rows.map((row) => [...row]);
  const width = Math.max(...rows.map((row) => row.length));
  const place = (cell: number): [number, number] => [Math.floor(cell / width), cell % width];
  const at = ([y, x]: [number, number]): string => cells[y]?.[x] ?? '#';
  const set = ([y, x]: [number, number], what: string): void => {
    cells[y]![x] = what;
  };
  const leave = (cell: [number, number]): void => set(cell, '+*'.includes(at(cell)) ? '.' : ' ');
  const enter = (cell: [number, number], what: '$' | '@'): void =>
    set(cell, at(cell) === '.' ? { $: '*', '@': '+' }[what] : what);
  for (const { from, to } of pushes) {
    const [[y, x], [toY, toX]] = [place(from), place(to)];
    expect(Math.abs(toY - y) + Math.abs(toX - x)).toBe(1);
    expect('$*').toContain(at([y, x]));
    expect(' .@+').toContain(at([toY, toX])); // the player has walked away by then
    const behind: [number, number] = [2 * y - toY, 2 * x - toX];
    const startY = cells.findIndex((row) => row.some((what) => '@+'.includes(what)));
    const start: [number, number] = [startY, cells[startY]!.findIndex((what) => '@+'.includes(what))];
    const seen = new Set([String(start)]);
    const queue = [start];
    for (const [row, column] of queue) {
      for (const next of [
        [row - 1, column],
        [row + 1, column],
        [row, column - 1],
        [row, column + 1],
      ] as [number, number][]) {
        if (seen.has(String(next)) || !' .'.includes(at(next))) continue;
        seen.add(String(next));
        queue.push(next);
      }
    }
    expect(seen.has(String(behind)), `the player cannot walk to ${behind}`).toBe(true);
    leave(start);
    leave([y, x]);
    enter([y, x], '@');
    enter([toY, toX], '$');
  }
  return cells;
}

const solvable: Readonly<Record<string, readonly [text: string, pushes: number]>> = {
  'a box beside its target': ['#####\n#@$.#\n#####', 1],
  'nothing to do': ['#####\n#@* #\n#####', 0],
  'a way around the box': ['#######\n#  .  #\n#  $  #\n#  @  #\n#######', 1],
  'a target of another box on the way': ['########\n#@$ $..#\n#      #\n########', 5],
  'a level of Boxoban': [
    `
##########
# .. #####
# $$ #####
# .$ #####
## $@#####
##   #####
###. #####
### #  ###
###      #
##########`,
    5,
  ],
};

it.each(Object.entries(solvable))('solves %s by the fewest pushes, which the rules allow', (_, [text, pushes]) => {
  const rows = level(text);
  const found = solve(rows);
  expect(found.kind).toBe('solved');
  if (found.kind !== 'solved') return;
  expect(played(rows, found.pushes).flat()).not.toContain('$');
  expect(found.pushes).toHaveLength(pushes);
});

it.each([
  ['a box in a corner', '#####\n#$  #\n# @.#\n#####'],
  ['a box along a wall without a target', '######\n# $  #\n# @ .#\n######'],
  ['a player behind walls', '#######\n#@#$ .#\n#######'],
  ['two boxes side by side at a wall', '######\n# $$ #\n#@ ..#\n#    #\n######'],
])('says of %s that there is no way', (_, text) => {
  expect(solve(level(text)).kind).toBe('unsolvable');
});

it('finds what plain breadth-first search over moves finds, on small levels at random', () => {
  let [state, solved] = [7, 0];
  const random = (below: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  for (let round = 0; round < 900; round++) {
    const inside: string[] = Array.from({ length: 16 }, () => (random(6) === 0 ? '#' : ' '));
    const put = (what: string): void => {
      let cell = random(16);
      while (inside[cell] !== ' ') cell = random(16);
      inside[cell] = what;
    };
    if (inside.filter((what) => what === ' ').length < 5) continue;
    for (const what of '@$$..') put(what);
    const rows = ['######', ...[0, 4, 8, 12].map((at) => `#${inside.slice(at, at + 4).join('')}#`), '######'];
    const [found, plain] = [solve(rows), fewestPushes(rows)];
    expect(found.kind === 'solved' ? found.pushes.length : undefined, rows.join('\n')).toBe(plain);
    if (found.kind === 'solved') {
      expect(played(rows, found.pushes).flat()).not.toContain('$');
      solved++;
    }
  }
  expect(solved).toBeGreaterThan(50);
});

/** The fewest pushes, by trying every move of the player: distances grow by pushes, moves being free (0-1 breadth-first search). */
function fewestPushes(rows: Level): number | undefined {
  const width = rows[0]!.length;
  const cells = [...rows.join('')];
  const where = (of: string): number[] => cells.flatMap((what, cell) => (of.includes(what) ? [cell] : []));
  const targets = where('.');
  const start = { player: where('@')[0]!, boxes: where('$') };
  const key = ({ player, boxes }: typeof start): string => `${player} ${boxes.toSorted((a, b) => a - b)}`;
  let now = [start];
  const seen = new Set<string>();
  for (let pushes = 0; now.length > 0; pushes++) {
    const next: (typeof start)[] = [];
    for (const state of now) {
      if (seen.has(key(state))) continue;
      seen.add(key(state));
      if (targets.every((target) => state.boxes.includes(target))) return pushes;
      for (const step of [-width, -1, 1, width]) {
        const player = state.player + step;
        if (cells[player] === '#') continue;
        const box = state.boxes.indexOf(player);
        if (box < 0) {
          now.push({ ...state, player });
          continue;
        }
        const to = player + step;
        if (cells[to] === '#' || state.boxes.includes(to)) continue;
        next.push({ player, boxes: state.boxes.with(box, to) });
      }
    }
    now = next;
  }
  return undefined;
}

it('gives up at its bound, and tells so', () => {
  const rows = level('########\n#@$ $..#\n#      #\n########');
  expect(solve(rows, 1)).toEqual({ kind: 'gave up', states: 1 });
});

it('refuses what is no level', () => {
  expect(() => solve(level('####\n#$.#\n####'))).toThrow('level: expected one player, got 0');
  expect(() => solve(level('####\n#@x#\n####'))).toThrow('level: expected "#", "@", "$", "." and space, got "x"');
  expect(() => solve(level('#####\n#@$ #\n#####'))).toThrow('level: expected a target for each of 1 boxes, got 0');
});

it('tells which rules a level breaks', () => {
  const whole = level(solvable['a level of Boxoban']![0]);
  expect(broken(whole)).toEqual([]);
  const changed = (from: string, to: string): Level => level(whole.join('\n').replace(from, to));
  expect(broken(changed('@', ' '))).toEqual(['one player']);
  expect(broken(changed('@', '$'))).toEqual(['one player', 'four boxes']);
  expect(broken(changed('.', '@'))).toEqual(['one player', 'four targets']);
  expect(broken(changed('#', ' '))).toEqual(['closed walls']);
  expect(broken(level(whole.join('\n').replace(/#$/, ' ')))).toEqual(['closed walls']);
});
