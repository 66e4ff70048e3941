/** Controls that more than one section has. */

import { button, labelled, make } from './dom.js';

/** A seed to type, and a die beside it. */
export function seedControl(seed: number, choose: (seed: number) => void): HTMLElement {
  const input = make('input', { type: 'number', min: 0, max: Number.MAX_SAFE_INTEGER, step: 1, value: seed });
  input.addEventListener('change', () => {
    if (input.checkValidity() && input.value !== '') choose(input.valueAsNumber);
    else input.reportValidity();
  });
  const another = button(
    'Another',
    () => {
      const drawn = Math.floor(Math.random() * 1_000_000);
      input.value = String(drawn);
      choose(drawn);
    },
    { class: 'quiet', 'aria-label': 'Another seed' },
  );
  const field = labelled('Seed', input);
  field.append(make('div', { class: 'beside' }, input, another));
  return field;
}

/** A number on a line, with its value beside it. */
export function slider(
  name: string,
  { min, max, step, value }: { min: number; max: number; step: number; value: number },
  say: (value: number) => string,
  choose: (value: number) => void,
): HTMLElement {
  const input = make('input', { type: 'range', min, max, step, value });
  const output = make('output', {}, say(value));
  input.addEventListener('input', () => {
    output.textContent = say(input.valueAsNumber);
    input.setAttribute('aria-valuetext', say(input.valueAsNumber));
  });
  input.addEventListener('change', () => choose(input.valueAsNumber));
  const field = labelled(name, input);
  output.htmlFor.add(input.id);
  field.querySelector('label')!.append(' ', output);
  return field;
}

/** One of a list that may be long. */
export function select<T extends string | number>(
  name: string,
  options: readonly { readonly value: T; readonly text: string }[],
  chosen: T,
  choose: (value: T) => void,
): HTMLElement {
  const control = make('select', {}, ...options.map(({ value, text }) => make('option', { value }, text)));
  control.value = String(chosen);
  control.addEventListener('change', () => choose(options[control.selectedIndex]!.value));
  return labelled(name, control);
}

/** Bars with names and shares, such as of classes. */
export function bars(rows: readonly { readonly name: string; readonly share: number; readonly text: string }[]): Node {
  const most = Math.max(...rows.map(({ share }) => share));
  const items = rows.map(({ name, share, text }) => {
    const bar = make('span', { class: 'bar' });
    bar.style.setProperty('--share', String(share));
    return make(
      'li',
      { class: share === most ? 'likeliest' : undefined },
      make('span', { class: 'name' }, name),
      bar,
      make('span', { class: 'value' }, text),
    );
  });
  return make('ol', { class: 'bars' }, ...items);
}
