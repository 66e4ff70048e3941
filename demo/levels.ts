/** Draws Sokoban levels, tells which of them can be solved, and lets them be played. */

import type { Outcome } from '../judge/sokoban.js';
import { change, settings } from './address.js';
import { Board } from './board.js';
import { seedControl } from './controls.js';
import { button, make } from './dom.js';
import { type Engine, isSuperseded, Newest } from './engine.js';
import { begin, flaw, stepsOf } from './game.js';
import { isCalm, isDark, onTheme } from './theme.js';
import { paintCharacter } from './tiles.js';

/** Levels drawn at once. */
const count = 12;

/** Canvas pixels of a tile of a small level. */
const tile = 12;

interface Card {
  readonly canvas: HTMLCanvasElement;
  readonly pick: HTMLButtonElement;
  readonly note: HTMLElement;
  /** Row by row; undefined where it is not drawn yet. */
  readonly cells: (string | undefined)[];
  outcome?: Outcome;
}

export function levels(engine: Engine): HTMLElement {
  const { config, alphabet } = engine.model;
  if (alphabet === undefined || !['#', '@', '$', '.', ' '].every((one) => alphabet.includes(one))) {
    return make('p', { class: 'absent' }, 'The model that is here draws no levels of Sokoban.');
  }
  const { height, width } = config;
  const board = new Board();
  const newest = new Newest();
  const status = make('p', { class: 'status', role: 'status' });
  const cards = Array.from({ length: count }, (_, index) => makeCard(index));
  const showSolution = button('Show how it is solved', () => solve(), { disabled: true });
  let played = -1;

  function makeCard(index: number): Card {
    const canvas = make('canvas', { width: width * tile, height: height * tile, 'aria-hidden': 'true' });
    const note = make('span', { class: 'note' });
    const pick = button('', () => {
      change({ level: index });
      play(index);
      board.focus();
    });
    pick.append(canvas, note);
    pick.className = 'level';
    pick.setAttribute('aria-label', `Level ${index + 1}`);
    return { canvas, pick, note, cells: [] };
  }

  function rowsOf({ cells }: Card): string[] {
    return Array.from({ length: height }, (_, y) => cells.slice(y * width, (y + 1) * width).join(''));
  }

  function paint({ canvas, cells }: Card, only?: readonly number[]): void {
    const context = canvas.getContext('2d')!;
    const dark = isDark();
    for (const cell of only ?? Array.from({ length: height * width }, (_, i) => i)) {
      const [x, y] = [(cell % width) * tile, Math.floor(cell / width) * tile];
      context.clearRect(x, y, tile, tile);
      paintCharacter(context, cells[cell], [x, y, tile], dark);
    }
  }

  function play(index: number): void {
    played = index;
    const card = cards[index]!;
    cards.forEach(({ pick }, i) => {
      pick.setAttribute('aria-pressed', String(i === index));
    });
    showSolution.disabled = card.outcome?.kind !== 'solved';
    board.play(rowsOf(card));
  }

  function solve(): void {
    const { outcome } = cards[played]!;
    if (outcome?.kind !== 'solved') return;
    const level = rowsOf(cards[played]!);
    board.play(level);
    board.follow(stepsOf(begin(level), outcome.pushes));
  }

  async function draw(): Promise<void> {
    const signal = newest.next();
    for (const card of cards) {
      card.cells.length = 0;
      card.cells.length = height * width;
      delete card.outcome;
      card.note.textContent = '';
      card.pick.disabled = true;
      paint(card);
    }
    status.textContent = 'Drawing …';
    try {
      const asked = { seed: settings().levels, count, pace: isCalm() ? 0 : 14 };
      await engine.run('draw', asked, { signal, onDrawing: ({ pixels }) => show(pixels) });
      status.textContent = 'Looking for solutions …';
      await judge(signal);
    } catch (error) {
      if (!isSuperseded(error)) status.textContent = `The levels could not be drawn: ${(error as Error).message}`;
    }
  }

  function show(pixels: Uint32Array): void {
    const changed = cards.map((): number[] => []);
    for (let i = 0; i < pixels.length; i += 3) {
      cards[pixels[i]!]!.cells[pixels[i + 1]!] = alphabet![pixels[i + 2]!];
      changed[pixels[i]!]!.push(pixels[i + 1]!);
    }
    cards.forEach((card, i) => {
      paint(card, changed[i]);
    });
  }

  /** Asks of each level whether it can be solved; begins with the one that the address names, or with the first that can. */
  async function judge(signal: AbortSignal): Promise<void> {
    const { level: asked } = settings();
    let [solved, isChosen] = [0, false];
    for (const [index, card] of cards.entries()) {
      const level = rowsOf(card);
      const fault = flaw(level);
      if (fault === undefined) card.outcome = await engine.run('solve', { level }, { signal });
      const { outcome } = card;
      const note = {
        solved: () => `${(outcome as Extract<Outcome, { kind: 'solved' }>).pushes.length} pushes`,
        unsolvable: () => 'cannot be solved',
        'gave up': () => 'who knows?',
        none: () => fault!,
      }[outcome?.kind ?? 'none']();
      card.note.textContent = note;
      card.pick.disabled = fault !== undefined;
      card.pick.setAttribute('aria-label', `Level ${index + 1}: ${note}`);
      card.pick.classList.toggle('solvable', outcome?.kind === 'solved');
      if (outcome?.kind === 'solved') solved++;
      if (fault === undefined && !isChosen && (asked === index || (asked < 0 && outcome?.kind === 'solved'))) {
        isChosen = true;
        play(index);
      }
    }
    status.textContent = `${solved} of ${count} levels can be solved. Choose one to play it.`;
  }

  onTheme(() => {
    for (const card of cards) paint(card);
  });
  const element = make(
    'div',
    { class: 'levels' },
    make(
      'div',
      { class: 'shelf' },
      make(
        'div',
        { class: 'controls' },
        seedControl(settings().levels, (seed) => {
          change({ levels: seed, level: -1 });
          void draw();
        }),
      ),
      make('div', { class: 'cards' }, ...cards.map(({ pick }) => pick)),
      status,
    ),
    make('div', { class: 'play' }, board.element, showSolution),
  );
  void draw();
  return element;
}
