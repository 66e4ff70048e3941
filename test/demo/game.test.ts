import { expect, it } from 'vitest';
import { begin, flaw, isSolved, step, stepsOf, walkTo } from '../../demo/game.js';
import { solve } from '../../judge/sokoban.js';

const level = ['######', '#@ $.#', '#  ###', '# $. #', '######'];

it('walks, pushes, and stops at walls and at boxes that cannot move', () => {
  let position = begin(level);
  expect(step(position, 'up').player).toBe(position.player);
  for (const direction of ['right', 'right'] as const) position = step(position, direction);
  expect([...position.boxes]).toContain(10); // the box is on its target
  expect(position.player).toBe(9);
  expect(step(position, 'right')).toMatchObject({ player: 9, facing: 'right' });
  expect(isSolved(position)).toBe(false);
});

it('pushes no two boxes at once', () => {
  const position = begin(['#######', '#@$$ .#', '#    .#', '#######']);
  expect(step(position, 'right').boxes).toEqual(position.boxes);
});

it('walks around boxes, and nowhere where they are in the way', () => {
  const position = begin(['#####', '#@$ #', '#   #', '#####']);
  expect(walkTo(position, 8)).toHaveLength(4);
  expect(walkTo(begin(['#####', '#@$ #', '#####']), 8)).toBeUndefined();
  expect(walkTo(position, position.player)).toEqual([]);
});

it('plays a solution of the search to its end', () => {
  const found = solve(level);
  if (found.kind !== 'solved') throw new Error(`expected a solution, got ${found.kind}`);
  let position = begin(level);
  for (const direction of stepsOf(position, found.pushes)) {
    expect(isSolved(position)).toBe(false);
    position = step(position, direction);
  }
  expect(isSolved(position)).toBe(true);
});

it('says why a level cannot be played', () => {
  expect(flaw(level)).toBeUndefined();
  expect(flaw(['#$.#'])).toBe('no player');
  expect(flaw(['#@@$.#'])).toBe('2 players');
  expect(flaw(['#@.#'])).toBe('no box');
  expect(flaw(['#@$$.#'])).toBe('2 boxes, 1 targets');
});
