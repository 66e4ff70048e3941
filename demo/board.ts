/** A level to be played: by arrow keys or W A S D, by buttons, by swipes, and by a tap on where to walk. */

import { button, make } from './dom.js';
import { begin, type Direction, isSolved, type Position, step, walkTo } from './game.js';
import { isDark, onTheme } from './theme.js';
import { paintPosition } from './tiles.js';

const tile = 32;

/** Milliseconds between two steps of a walk or a shown solution. */
const stride = 90;

const keys: Readonly<Record<string, Direction>> = {
  ...{ arrowup: 'up', arrowleft: 'left', arrowdown: 'down', arrowright: 'right' },
  ...{ w: 'up', a: 'left', s: 'down', d: 'right' },
};

const arrows: Readonly<Record<Direction, string>> = { up: '↑', left: '←', down: '↓', right: '→' };

export class Board {
  readonly element: HTMLElement;
  readonly #canvas = make('canvas', {
    ...{ class: 'board', tabindex: 0, role: 'application', 'aria-roledescription': 'Sokoban level' },
    'aria-label': 'The level. Arrow keys walk and push, U takes a step back, R begins again.',
  });
  readonly #status = make('p', { class: 'status', role: 'status' });
  #position: Position | undefined;
  #before: Position[] = [];
  #steps = 0;
  #pushes = 0;
  #walking: ReturnType<typeof setInterval> | undefined;

  constructor() {
    const pads = (['up', 'left', 'down', 'right'] as const).map((direction) =>
      button(arrows[direction], () => this.#act(direction), { class: `arrow ${direction}`, 'aria-label': direction }),
    );
    this.element = make(
      'div',
      { class: 'game' },
      this.#canvas,
      make(
        'div',
        { class: 'gamepad' },
        make('div', { class: 'arrows' }, ...pads),
        make(
          'div',
          { class: 'actions' },
          button('Undo', () => this.undo()),
          button('Begin again', () => this.restart()),
        ),
        this.#status,
      ),
    );
    this.#listen();
    onTheme(() => this.#paint());
  }

  play(level: readonly string[]): void {
    this.#stop();
    this.#position = begin(level);
    this.#before = [];
    [this.#steps, this.#pushes] = [0, 0];
    this.#canvas.width = this.#position.width * tile;
    this.#canvas.height = this.#position.height * tile;
    this.#changed();
  }

  focus(): void {
    this.#canvas.focus();
  }

  /** Walks steps one after the other, until anything else is done. */
  follow(steps: readonly Direction[]): void {
    this.#stop();
    const rest = [...steps];
    this.#walking = setInterval(() => {
      const direction = rest.shift();
      if (direction === undefined) this.#stop();
      else this.#go(direction);
    }, stride);
  }

  undo(): void {
    this.#stop();
    const before = this.#before.pop();
    if (before === undefined) return;
    if (before.boxes !== this.#position!.boxes) this.#pushes--;
    this.#steps--;
    this.#position = before;
    this.#changed();
  }

  /** The level as it began. */
  restart(): void {
    this.#stop();
    const [first] = this.#before;
    if (first === undefined) return;
    this.#position = first;
    this.#before = [];
    [this.#steps, this.#pushes] = [0, 0];
    this.#changed();
  }

  /** A step that the visitor asked for. */
  #act(direction: Direction): void {
    this.#stop();
    this.#go(direction);
  }

  #go(direction: Direction): void {
    const position = this.#position;
    if (position === undefined || isSolved(position)) return;
    const next = step(position, direction);
    if (next.player !== position.player) {
      this.#before.push(position);
      this.#steps++;
      if (next.boxes !== position.boxes) this.#pushes++;
    }
    this.#position = next;
    this.#changed();
  }

  #stop(): void {
    clearInterval(this.#walking);
    this.#walking = undefined;
  }

  #changed(): void {
    const position = this.#position!;
    const home = [...position.boxes].filter((box) => position.targets[box]).length;
    const counts = `${this.#steps} steps, ${this.#pushes} pushes`;
    const isWon = isSolved(position);
    this.#status.textContent = isWon
      ? `Solved, in ${counts}!`
      : `${home} of ${position.boxes.size} boxes home; ${counts}.`;
    this.element.classList.toggle('won', isWon);
    this.#paint();
  }

  #paint(): void {
    if (this.#position === undefined) return;
    paintPosition(this.#canvas.getContext('2d')!, this.#position, tile, isDark());
  }

  #listen(): void {
    const canvas = this.#canvas;
    canvas.addEventListener('keydown', (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const key = event.key.toLowerCase();
      if (keys[key] !== undefined) this.#act(keys[key]);
      else if (key === 'u' || key === 'backspace') this.undo();
      else if (key === 'r') this.restart();
      else return;
      event.preventDefault();
    });
    let down: { x: number; y: number } | undefined;
    canvas.addEventListener('pointerdown', ({ clientX, clientY }) => {
      down = { x: clientX, y: clientY };
    });
    canvas.addEventListener('pointerup', (event) => {
      if (down === undefined) return;
      const [dx, dy] = [event.clientX - down.x, event.clientY - down.y];
      down = undefined;
      if (Math.hypot(dx, dy) > 18) {
        if (Math.abs(dx) > Math.abs(dy)) this.#act(dx > 0 ? 'right' : 'left');
        else this.#act(dy > 0 ? 'down' : 'up');
      } else this.#tap(event);
    });
  }

  /** Walks to where the visitor points; pushes where that is a box next to the player. */
  #tap({ clientX, clientY }: PointerEvent): void {
    const position = this.#position;
    if (position === undefined) return;
    const box = this.#canvas.getBoundingClientRect();
    const x = Math.floor(((clientX - box.left) / box.width) * position.width);
    const y = Math.floor(((clientY - box.top) / box.height) * position.height);
    const [playerX, playerY] = [position.player % position.width, Math.floor(position.player / position.width)];
    const [dx, dy] = [x - playerX, y - playerY];
    if (Math.abs(dx) + Math.abs(dy) === 1) {
      this.#act(dx === 1 ? 'right' : dx === -1 ? 'left' : dy === 1 ? 'down' : 'up');
      return;
    }
    const cell = y * position.width + x;
    if (position.walls[cell] || position.boxes.has(cell)) return;
    const walk = walkTo(position, cell);
    if (walk !== undefined) this.follow(walk);
  }
}
