/**
 * Remakes everything that follows from the models in models/: `npm run models`. Their ordered and integer forms, their pictures, what
 * their cards say of files, and the bench's tables and chart (minutes, on a quiet machine; `--no-bench` leaves them). Each names the
 * sha256 of what it was made from, and a test holds them to the files that are there. `--take NAME=RUN` first takes the model of a
 * finished run as NAME of scripts/model_list.ts; `--only NAME` leaves the others.
 */

import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { loadSampler } from '../ts/index.js';
import { cardFacts } from './card.js';
import { forms, formsOf, models, type PackagedModel } from './model_list.js';
import { root, run, runMain } from './shell.js';

const fileOf = ({ name }: PackagedModel, form: keyof typeof forms): string =>
  join('models', `${name}${forms[form]}.safetensors`);
const npm = (...args: string[]) => run('npm', ['run', '--silent', ...args]);

/** What each form is, in a card. */
function formInWords(model: PackagedModel, form: keyof typeof forms): string {
  if (form === 'ordered') return 'the same function, channels ordered so that sampling skips more of them';
  if (form === 'integers')
    return model.ordered === undefined ? 'the model in 8-bit integers' : 'the ordered model in 8-bit integers';
  return model.ordered === 'in place'
    ? 'the model, its channels ordered so that sampling skips more of them'
    : 'the model, as it was trained';
}

/** The parts of a card that are made, by what stands around them. */
const part = (name: string): readonly [string, string] => [
  `<!-- npm run models: ${name} -->`,
  `<!-- npm run models: end of ${name} -->`,
];

/** A card with another such part; a card without it is left. */
function withPart(card: string, name: string, text: string): string {
  const [begin, end] = part(name);
  const [from, to] = [card.indexOf(begin), card.indexOf(end)];
  return from < 0 || to < from ? card : `${card.slice(0, from + begin.length)}\n\n${text}\n\n${card.slice(to)}`;
}

/** The first words of a card, to which a person adds the rest. */
function newCard({ name, title }: PackagedModel): string {
  const parts = ['files', 'facts', 'judged'].map((of) => part(of).join('\n\n'));
  return `# ${name}\n\nA PixelCNN of ${title}.\n\n${parts.join('\n\n')}\n`;
}

async function writeCard(model: PackagedModel): Promise<void> {
  const path = join(root, 'models', `${model.name}.md`);
  const rows = formsOf(model).map((form) => {
    const bytes = readFileSync(join(root, fileOf(model, form)));
    const sum = createHash('sha256').update(bytes).digest('hex');
    return `| \`${basename(fileOf(model, form))}\` | ${formInWords(model, form)} | ${bytes.length.toLocaleString('en-US')} | \`${sum}\` |`;
  });
  const sampler = await loadSampler(readFileSync(join(root, fileOf(model, 'trained'))));
  const judged = join(root, 'judge', 'results', `${model.name}.txt`);
  let card = existsSync(path) ? readFileSync(path, 'utf8') : newCard(model);
  card = withPart(card, 'files', ['| file | | bytes | sha256 |', '|---|---|---:|---|', ...rows].join('\n'));
  card = withPart(card, 'facts', cardFacts(sampler.describe(), sampler.metadata, model));
  if (existsSync(judged)) card = withPart(card, 'judged', `\`\`\`\n${readFileSync(judged, 'utf8')}\`\`\``);
  writeFileSync(path, card);
}

/** Draws the picture of a model, as anyone would. */
function drawPicture(model: PackagedModel): void {
  if (model.picture === undefined) return;
  const drawn = mkdtempSync(join(tmpdir(), 'pixelcnn-models-'));
  try {
    npm('sample', '--', '--model', fileOf(model, 'trained'), ...model.picture.sample, '--out', drawn, '--no-picture');
    copyFileSync(join(drawn, 'grid.png'), join(root, model.picture.file));
  } finally {
    rmSync(drawn, { recursive: true });
  }
}

/** The model of a finished run, as the package will have it. */
function take(model: PackagedModel, path: string): void {
  const trained = path.endsWith('.safetensors') ? path : join(path, 'model.safetensors');
  if (!existsSync(trained)) throw new RangeError(`--take: expected a finished run, got ${path}, without ${trained}`);
  const to = join(root, fileOf(model, 'trained'));
  if (model.ordered !== 'in place') {
    copyFileSync(trained, to);
    return;
  }
  // The digits that a model was trained on show what its channels do; the last tenth stays for validation.
  npm('optimize', '--', trained, '--calibrate', model.calibrate!, '--out', `${to}.new`);
  renameSync(`${to}.new`, to);
}

async function remake(): Promise<void> {
  const { values } = parseArgs({
    options: { 'no-bench': { type: 'boolean' }, take: { type: 'string', multiple: true }, only: { type: 'string' } },
  });
  const named = (name: string): PackagedModel => {
    const model = models.find((one) => one.name === name);
    if (model === undefined) {
      throw new RangeError(`expected one of ${models.map((one) => one.name).join(', ')}, got ${name}`);
    }
    return model;
  };
  for (const one of values.take ?? []) {
    const [name = '', path = ''] = one.split('=');
    take(named(name), path);
  }
  for (const model of values.only === undefined ? models : [named(values.only)]) {
    const { calibrate, ordered } = model;
    if (ordered === 'apart') {
      npm('optimize', '--', fileOf(model, 'trained'), '--calibrate', calibrate!, '--out', fileOf(model, 'ordered'));
    }
    if (calibrate !== undefined) {
      const from = fileOf(model, ordered === 'apart' ? 'ordered' : 'trained');
      npm('quantize', '--', from, '--calibrate', calibrate, '--out', fileOf(model, 'integers'));
    }
    drawPicture(model);
    await writeCard(model);
  }
  if (values['no-bench'] || values.only !== undefined) return;
  npm('bench', '--', '--full');
  const folder = join('bench', 'results');
  const age = (name: string) => statSync(join(root, folder, name)).mtimeMs;
  const results = readdirSync(join(root, folder)).filter((name) => name.endsWith('.json'));
  npm('bench', '--', 'quote', join(folder, results.sort((a, b) => age(b) - age(a))[0]!));
}

await runMain('models', remake);
