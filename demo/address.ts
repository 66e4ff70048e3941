/** The page's address as a store: what the visitor has chosen, read once and written back as it changes. */

import { formatSettings, parseSettings, type Settings } from './settings.js';

let current = parseSettings(location.search);

export function settings(): Settings {
  return current;
}

export function change(patch: Partial<Settings>): void {
  current = { ...current, ...patch };
  history.replaceState(null, '', `${location.pathname}${formatSettings(current)}${location.hash}`);
}
