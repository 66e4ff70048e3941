/** What the visitor has chosen, kept in the page's address, so that a link shows the same. */

export interface Settings {
  /** A packaged model's id; empty for the first one. */
  readonly model: string;
  readonly seed: number;
  readonly count: number;
  /** A class, by its number; -1 for all in turn. */
  readonly label: number;
  readonly temperature: number;
  /** Milliseconds a front is shown. */
  readonly pace: number;
  /** Rows that are given to the model to finish. */
  readonly rows: number;
  /** The class that it is finished as; -1 for whatever fits. */
  readonly as: number;
  /** The digit drawn by hand, as {@link packBits} writes it. */
  readonly hand: string;
  /** The seed of the levels, and which of them is played; -1 for the first that can be solved. */
  readonly levels: number;
  readonly level: number;
}

const defaults: Settings = {
  ...{ model: '', seed: 1, count: 64, label: -1, temperature: 1, pace: 14 },
  ...{ rows: 14, as: -1, hand: '', levels: 1, level: -1 },
};

/** The range of each number; what lies outside is taken for not said. */
const ranges: { readonly [K in keyof Settings]?: readonly [min: number, max: number, step: number] } = {
  seed: [0, Number.MAX_SAFE_INTEGER, 1],
  count: [1, 256, 1],
  label: [-1, 1023, 1],
  temperature: [0, 4, 0],
  pace: [0, 1000, 1],
  rows: [1, 512, 1],
  as: [-1, 1023, 1],
  levels: [0, Number.MAX_SAFE_INTEGER, 1],
  level: [-1, 1023, 1],
};

export function parseSettings(query: string): Settings {
  const params = new URLSearchParams(query);
  const made: Record<string, string | number> = { ...defaults };
  for (const [name, initial] of Object.entries(defaults)) {
    const text = params.get(name);
    if (text === null) continue;
    const range = ranges[name as keyof Settings];
    if (range === undefined) {
      made[name] = text;
      continue;
    }
    const [min, max, step] = range;
    const value = text.trim() === '' ? Number.NaN : Number(text);
    const fits = value >= min && value <= max && (step === 0 || Number.isInteger(value));
    made[name] = fits ? value : initial;
  }
  return made as unknown as Settings;
}

/** Only what differs from the defaults. */
export function formatSettings(settings: Settings): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(settings)) {
    if (value !== defaults[name as keyof Settings]) params.set(name, String(value));
  }
  const query = params.toString();
  return query === '' ? '' : `?${query}`;
}
