/** Levels as colours: amounts as greys, kinds of things as colours that can be told apart. */

export type Colour = readonly [red: number, green: number, blue: number];

/**
 * The colour of each level, 2 to 512 of them.
 *
 * @param input `ordinal`: 0 is black, the highest white, in even steps. `nominal`: of any two numbers of levels, the colours
 *   that both have are the same.
 */
export function levelColours(levels: number, input = 'ordinal'): readonly Colour[] {
  if (input === 'nominal') return farApart().slice(0, levels);
  return Array.from({ length: levels }, (_, level) => {
    const grey = Math.round((255 * level) / (levels - 1));
    return [grey, grey, grey];
  });
}

/** Steps of red, green and blue: together as many colours as there can be levels. */
const steps = 8;

let order: readonly Colour[] | undefined;

/**
 * All colours of the steps, each as far as can be from those before it (ties to the darkest): black, white, and so on. Distances are
 * Euclidean, weighted by how well eyes tell red, green and blue apart.
 */
function farApart(): readonly Colour[] {
  if (order !== undefined) return order;
  const all = Array.from({ length: steps ** 3 }, (_, i): Colour => {
    const part = (place: number) => Math.round((255 * (Math.floor(i / place) % steps)) / (steps - 1));
    return [part(steps ** 2), part(steps), part(1)];
  });
  const nearest = new Array<number>(all.length).fill(Number.POSITIVE_INFINITY);
  order = all.map(() => {
    const next = nearest.indexOf(Math.max(...nearest));
    const [red, green, blue] = all[next]!;
    all.forEach(([r, g, b], i) => {
      const distance = 2 * (r - red) ** 2 + 4 * (g - green) ** 2 + 3 * (b - blue) ** 2;
      nearest[i] = Math.min(nearest[i]!, distance);
    });
    return all[next]!;
  });
  return order;
}
