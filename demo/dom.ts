/** Elements made in one line each. */

type Child = Node | string;

interface Properties {
  readonly class?: string;
  readonly on?: { readonly [event: string]: (event: Event) => void };
  readonly [attribute: string]: unknown;
}

/** An element with attributes (`true` for empty ones, `false` and undefined for none), listeners and children. */
export function make<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  { on = {}, ...attributes }: Properties = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Name] {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) element.setAttribute(key, value === true ? '' : String(value));
  }
  for (const [event, listener] of Object.entries(on)) element.addEventListener(event, listener);
  element.append(...children);
  return element;
}

/** An element of the page itself. */
export function find(id: string): HTMLElement {
  return document.getElementById(id)!;
}

/** A button that does something. */
export function button(text: string, act: () => void, attributes: Properties = {}): HTMLButtonElement {
  return make('button', { type: 'button', ...attributes, on: { click: act } }, text);
}

let lastId = 0;

/** A control with its name above it. */
export function labelled(text: string, control: HTMLElement, ...more: readonly Child[]): HTMLElement {
  control.id ||= `control-${++lastId}`;
  return make('div', { class: 'field' }, make('label', { for: control.id }, text), control, ...more);
}

/** One of several, as radio buttons that look like a row of buttons. */
export function choice<T extends string | number>(
  name: string,
  options: readonly { readonly value: T; readonly text: string }[],
  chosen: T,
  choose: (value: T) => void,
): HTMLFieldSetElement {
  const group = `group-${++lastId}`;
  const radios = options.map(({ value, text }) => {
    const radio = make('input', { type: 'radio', name: group, value, on: { change: () => choose(value) } });
    radio.checked = value === chosen;
    return make('label', { class: 'chip' }, radio, make('span', {}, text));
  });
  return make(
    'fieldset',
    { class: 'field choice' },
    make('legend', {}, name),
    make('div', { class: 'chips' }, ...radios),
  );
}

export function integer(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

/** Milliseconds as people say them. */
export function duration(ms: number): string {
  if (ms >= 10_000) return `${(ms / 1000).toFixed(1)} s`;
  return ms >= 100 ? `${integer(ms)} ms` : `${ms.toFixed(1)} ms`;
}

export function percent(share: number): string {
  if (share > 0 && share < 0.001) return '< 0.1 %';
  return `${(100 * share).toFixed(1)} %`;
}
