/** Opens a model file of the visitor's, which never leaves the page, and draws from it. */

import { button, integer, make } from './dom.js';
import { Engine, Newest } from './engine.js';
import { Studio, type StudioSettings } from './studio.js';

/** The most bytes of a file: what the package reads. */
const most = 2 ** 29;

/** @param page Where files may be dropped. */
export function own(page: HTMLElement): HTMLElement {
  const status = make('p', { class: 'status', role: 'status' });
  const input = make('input', {
    ...{ type: 'file', accept: '.safetensors', class: 'visually-hidden', id: 'own-file', tabindex: -1 },
    'aria-label': 'A model file',
  });
  const place = make('div', {});
  const newest = new Newest();
  let engine: Engine | undefined;
  let settings: StudioSettings = { seed: 1, count: 16, label: -1, temperature: 1, pace: 14 };
  const drop = make(
    'div',
    { class: 'drop' },
    make('p', {}, 'Drop a ', make('code', {}, '.safetensors'), ' file that pixelcnn wrote anywhere on this page.'),
    button('Choose a file', () => input.click()),
    input,
    make('p', { class: 'small' }, 'It is opened in this page and sent nowhere.'),
  );

  async function open(file: File): Promise<void> {
    const signal = newest.next();
    status.textContent = `Opening ${file.name} …`;
    try {
      if (file.size > most)
        throw new Error(`expected a file of at most 512 MiB, got ${integer(file.size / 2 ** 20)} MiB`);
      const opened = await Engine.open(await file.arrayBuffer());
      if (signal.aborted) {
        opened.dispose();
        return;
      }
      engine?.dispose();
      engine = opened;
      status.textContent = describe(file.name, opened);
      const studio = new Studio({
        ...{ engine, file: file.name, settings },
        onChange: (patch) => {
          settings = { ...settings, ...patch };
        },
      });
      place.replaceChildren(studio.element);
      await studio.draw();
    } catch (error) {
      status.textContent = `${file.name} could not be opened: ${(error as Error).message}`;
    }
  }

  input.addEventListener('change', () => {
    const [file] = input.files ?? [];
    if (file !== undefined) void open(file);
    input.value = '';
  });
  page.addEventListener('dragover', (event) => {
    if (!event.dataTransfer?.types.includes('Files')) return;
    event.preventDefault();
    drop.classList.add('over');
  });
  page.addEventListener('dragleave', (event) => {
    if (event.relatedTarget === null) drop.classList.remove('over');
  });
  page.addEventListener('drop', (event) => {
    drop.classList.remove('over');
    const [file] = event.dataTransfer?.files ?? [];
    if (file === undefined) return;
    event.preventDefault();
    drop.scrollIntoView();
    void open(file);
  });
  return make('div', {}, drop, status, place);
}

function describe(name: string, { model }: Engine): string {
  const { config, parameters, field, bytes } = model;
  const { height, width, levels, input = 'ordinal', classes = 0, architecture, filters, blocks } = config;
  const kinds = levels === 2 ? 'two levels' : `${levels} ${input === 'nominal' ? 'kinds' : 'levels'}`;
  return (
    `${name}, ${(bytes / 1e6).toFixed(1)} MB: images of ${height}x${width} in ${kinds}${classes > 0 ? `, ${classes} classes` : ''}; ` +
    `a ${architecture} net of ${blocks} blocks and ${filters} filters, ${integer(parameters)} parameters, ` +
    `each pixel depending on ${integer(field.length)} before it.`
  );
}
