/** Light and dark: the system's choice, until the visitor says otherwise. */

import { button, make } from './dom.js';

const system = matchMedia('(prefers-color-scheme: dark)');
const listeners = new Set<() => void>();

export type Rgb = readonly [red: number, green: number, blue: number];

/** The colours that canvases are painted in: those of the style sheet. */
export interface Ink {
  readonly paper: Rgb;
  readonly ink: Rgb;
  readonly glow: Rgb;
  /** Where nothing has been drawn yet. */
  readonly unknown: Rgb;
}

let inks: Ink | undefined;

export function ink(): Ink {
  if (inks !== undefined) return inks;
  // The property itself holds both schemes' colours; an element's is the one of this.
  const probe = make('span', {});
  document.body.append(probe);
  const colour = (name: string): Rgb => {
    probe.style.color = `var(${name})`;
    const [red = 0, green = 0, blue = 0] = getComputedStyle(probe).color.match(/\d+/g)!.map(Number);
    return [red, green, blue];
  };
  inks = { paper: colour('--paper'), ink: colour('--ink'), glow: colour('--glow'), unknown: colour('--unknown') };
  probe.remove();
  return inks;
}

/** Calls back whenever colours have changed. */
export function onTheme(listener: () => void): void {
  listeners.add(listener);
}

export function isDark(): boolean {
  const { theme } = document.documentElement.dataset;
  return theme === undefined ? system.matches : theme === 'dark';
}

function tell(): void {
  inks = undefined;
  for (const listener of listeners) listener();
}

/** A button that turns light to dark and back. What it says is what it does. */
export function themeSwitch(): HTMLButtonElement {
  const turn = button('', () => {
    document.documentElement.dataset.theme = isDark() ? 'light' : 'dark';
    tell();
  });
  turn.className = 'quiet';
  const show = () => {
    turn.textContent = isDark() ? '☀ Light' : '☾ Dark';
  };
  onTheme(show);
  system.addEventListener('change', tell);
  show();
  return turn;
}

/** Whether the visitor's system asks for less that moves. */
export function isCalm(): boolean {
  return matchMedia('(prefers-reduced-motion: reduce)').matches;
}
