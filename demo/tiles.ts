/** Sokoban's tiles, painted as shapes: bricks, floor, targets, boxes and the player. */

import type { Direction, Position } from './game.js';

interface Tints {
  readonly floor: string;
  readonly grain: string;
  readonly wall: string;
  readonly lit: string;
  readonly shade: string;
  readonly target: string;
  readonly box: string;
  readonly boxEdge: string;
  readonly home: string;
  readonly homeEdge: string;
  readonly player: string;
  readonly eye: string;
}

const light: Tints = {
  ...{ floor: '#efe8da', grain: '#e6dcc9', wall: '#8c8378', lit: '#a59b8e', shade: '#6f675d', target: '#c2410c' },
  ...{ box: '#d9a55b', boxEdge: '#94672a', home: '#8fae5d', homeEdge: '#55732a', player: '#27507a', eye: '#ffffff' },
};

const dark: Tints = {
  ...{ floor: '#26272c', grain: '#2d2e34', wall: '#565a66', lit: '#6c7180', shade: '#3d404a', target: '#ff8a4c' },
  ...{ box: '#c98f45', boxEdge: '#6d4a1b', home: '#86a554', homeEdge: '#415a1f', player: '#79b2e8', eye: '#101114' },
};

/** The tiles of a position, each `size` wide, from the canvas's upper left. */
export function paintPosition(
  context: CanvasRenderingContext2D,
  position: Position,
  size: number,
  isDark: boolean,
): void {
  const tints = isDark ? dark : light;
  for (let cell = 0; cell < position.walls.length; cell++) {
    const [x, y] = [(cell % position.width) * size, Math.floor(cell / position.width) * size];
    context.save();
    context.translate(x, y);
    context.scale(size / 16, size / 16);
    if (position.walls[cell]) paintWall(context, tints, cell);
    else paintFloor(context, tints, cell);
    if (position.targets[cell]) paintTarget(context, tints);
    if (position.boxes.has(cell)) paintBox(context, tints, position.targets[cell]!);
    if (position.player === cell) paintPlayer(context, tints, position.facing);
    context.restore();
  }
}

/** One character of a level alone, as while it is drawn; undefined for a cell that is not there yet. */
export function paintCharacter(
  context: CanvasRenderingContext2D,
  character: string | undefined,
  [x, y, size]: readonly [number, number, number],
  isDark: boolean,
): void {
  const tints = isDark ? dark : light;
  context.save();
  context.translate(x, y);
  context.scale(size / 16, size / 16);
  if (character === '#') paintWall(context, tints, 0);
  else if (character !== undefined) paintFloor(context, tints, 0);
  if (character === '.') paintTarget(context, tints);
  if (character === '$') paintBox(context, tints, false);
  if (character === '@') paintPlayer(context, tints, 'down');
  context.restore();
}

function paintFloor(context: CanvasRenderingContext2D, { floor, grain }: Tints, cell: number): void {
  context.fillStyle = floor;
  context.fillRect(0, 0, 16, 16);
  context.fillStyle = grain;
  context.fillRect((cell * 5) % 11, (cell * 7) % 13, 2, 1);
  context.fillRect((cell * 3 + 6) % 13, (cell * 11 + 4) % 14, 1, 1);
}

function paintWall(context: CanvasRenderingContext2D, { wall, lit, shade }: Tints, cell: number): void {
  context.fillStyle = shade;
  context.fillRect(0, 0, 16, 16);
  const bricks = [
    [0, 0, 9, 4],
    [10, 0, 6, 4],
    [0, 5, 4, 5],
    [5, 5, 11, 5],
    [0, 11, 9, 5],
    [10, 11, 6, 5],
  ] as const;
  bricks.forEach(([x, y, width, height], brick) => {
    context.fillStyle = (cell * 7 + brick * 3) % 5 === 0 ? lit : wall;
    context.fillRect(x, y, width, height);
    context.fillStyle = lit;
    context.fillRect(x, y, width, 1);
  });
}

function paintTarget(context: CanvasRenderingContext2D, { target }: Tints): void {
  context.strokeStyle = context.fillStyle = target;
  context.lineWidth = 1.5;
  context.beginPath();
  context.arc(8, 8, 4.6, 0, 2 * Math.PI);
  context.stroke();
  context.beginPath();
  context.arc(8, 8, 1.7, 0, 2 * Math.PI);
  context.fill();
}

function paintBox(context: CanvasRenderingContext2D, { box, boxEdge, home, homeEdge }: Tints, isHome: boolean): void {
  context.fillStyle = isHome ? homeEdge : boxEdge;
  context.beginPath();
  context.roundRect(1.5, 1.5, 13, 13, 2);
  context.fill();
  context.fillStyle = isHome ? home : box;
  context.fillRect(3, 3, 10, 10);
  context.strokeStyle = isHome ? homeEdge : boxEdge;
  context.lineWidth = 1.4;
  context.beginPath();
  if (isHome) {
    context.moveTo(5, 8.2);
    context.lineTo(7.2, 10.6);
    context.lineTo(11.2, 5.4);
  } else {
    context.moveTo(3.5, 3.5);
    context.lineTo(12.5, 12.5);
    context.moveTo(12.5, 3.5);
    context.lineTo(3.5, 12.5);
  }
  context.stroke();
}

function paintPlayer(context: CanvasRenderingContext2D, { player, eye }: Tints, facing: Direction): void {
  context.fillStyle = player;
  context.beginPath();
  context.arc(8, 6.2, 4, 0, 2 * Math.PI);
  context.fill();
  context.beginPath();
  context.roundRect(3.6, 8.8, 8.8, 5.6, 2.6);
  context.fill();
  if (facing === 'up') return;
  context.fillStyle = eye;
  const eyes = { left: [5.6], right: [10.4], down: [6.5, 9.5] }[facing];
  for (const x of eyes) {
    context.beginPath();
    context.arc(x, 6, 0.9, 0, 2 * Math.PI);
    context.fill();
  }
}
