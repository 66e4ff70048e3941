/** The page: opens the packaged models and gives each section what it needs. */

import { change, settings } from './address.js';
import { completion } from './completion.js';
import { select } from './controls.js';
import { button, find, make } from './dom.js';
import { Engine } from './engine.js';
import { judgement } from './judgement.js';
import { levels } from './levels.js';
import { bytesOf, models, type PackagedModel } from './models.js';
import { own } from './own.js';
import { race } from './race.js';
import { Studio } from './studio.js';
import { themeSwitch } from './theme.js';

/** Sections that wait to be seen. */
const watching = new Map<string, IntersectionObserver>();

const digits = models.filter(({ kind }) => kind === 'digits');
const [boxoban] = models.filter(({ kind }) => kind === 'levels');

find('tools').append(shareButton(), themeSwitch());
find('own').append(own(document.body));
if (digits[0] === undefined) for (const id of ['draw', 'race', 'complete', 'judge']) absent(id, 'A model of digits');
else showDigits(digits.find(({ id }) => id === settings().model) ?? digits[0]);
if (boxoban === undefined) absent('levels', 'The model of Sokoban levels');
else whenNear('levels', async () => levels(await Engine.open(await bytesOf(boxoban))));

/** All sections that draw digits, of one model. */
function showDigits(model: PackagedModel): void {
  const engines: Engine[] = [];
  const open = async () => {
    const engine = await Engine.open(await bytesOf(model));
    engines.push(engine);
    return engine;
  };
  const choose = (id: string) => {
    for (const engine of engines) engine.dispose();
    change({ model: id, label: -1, as: -1 });
    showDigits(digits.find((one) => one.id === id)!);
  };
  const choices = digits.map(({ id, title }) => ({ value: id, text: title }));
  fill('draw', async () => {
    const engine = await open();
    const studio = new Studio({
      ...{ engine, file: `models/${model.file}`, settings: settings(), onChange: change },
      before: digits.length > 1 ? [select('Model', choices, model.id, choose)] : [],
    });
    void studio.draw();
    return studio.element;
  });
  whenNear('race', async () => race(open, () => settings().seed));
  let [hand, examples]: [Promise<Engine> | undefined, number] = [undefined, 0];
  const byHand = () => {
    hand ??= open();
    return hand;
  };
  /** Another image of the seed each time. */
  const example = async () => {
    const { seed } = settings();
    const { data } = await (await byHand()).run('draw', { seed, count: 1, startIndex: 100 + examples++ });
    return Uint8Array.from(data);
  };
  whenNear('complete', async () => completion(await byHand(), example));
  whenNear('judge', async () => judgement(await byHand(), example));
}

/** Puts into a section what it takes a while to make. */
async function fill(id: string, build: () => Promise<HTMLElement>): Promise<void> {
  const place = find(id);
  place.setAttribute('aria-busy', 'true');
  place.replaceChildren(make('p', { class: 'status' }, 'Loading the model …'));
  try {
    place.replaceChildren(await build());
  } catch (error) {
    place.replaceChildren(
      make('p', { class: 'absent', role: 'alert' }, `This part could not start: ${(error as Error).message}`),
    );
  } finally {
    place.removeAttribute('aria-busy');
  }
}

/** The same, when the section is about to be seen: a phone has no time for what is far below. */
function whenNear(id: string, build: () => Promise<HTMLElement>): void {
  watching.get(id)?.disconnect();
  const observer = new IntersectionObserver(
    (entries) => {
      if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
      observer.disconnect();
      void fill(id, build);
    },
    { rootMargin: '400px' },
  );
  watching.set(id, observer);
  observer.observe(find(id));
}

function absent(id: string, what: string): void {
  find(id).replaceChildren(
    make('p', { class: 'absent' }, `${what} is not packaged with this build, so this part has nothing to show.`),
  );
}

function shareButton(): HTMLElement {
  const copy = button('Copy link', async () => {
    try {
      await navigator.clipboard.writeText(location.href);
      copy.textContent = 'Copied';
    } catch {
      copy.textContent = 'It is in the address bar';
    }
    setTimeout(() => {
      copy.textContent = 'Copy link';
    }, 2000);
  });
  copy.className = 'quiet';
  return copy;
}
