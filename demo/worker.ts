/** What runs beside the page: a sampler, and all that takes longer than a frame. */

import { loadSampler, type Sampler, type Samples } from 'pixelcnn';
import { solve } from '../judge/sokoban.js';
import { receptiveField } from './field.js';
import type {
  Completed,
  Drawing,
  Drawn,
  DrawRequest,
  Kind,
  Levels,
  OpenedModel,
  Order,
  Report,
  Works,
} from './message.js';

const scope = globalThis as unknown as {
  onmessage: ((event: MessageEvent<Order>) => void) | null;
  postMessage(report: Report, transfer?: Transferable[]): void;
};

/** Images that the core computes in step. */
const inStep = 16;

/** Milliseconds between two reports of a drawing that does not wait: less than a frame. */
const reportEvery = 12;

let sampler: Sampler;
const stopped = new Set<number>();

scope.onmessage = ({ data: order }) => {
  if (order.type === 'stop') stopped.add(order.job);
  else void run(order);
};

async function run(order: Extract<Order, { type: 'work' }>): Promise<void> {
  const { job } = order;
  try {
    const made = await doing(order);
    if (made !== undefined) scope.postMessage({ type: 'done', job, made });
  } catch (error) {
    scope.postMessage({ type: 'failed', job, message: error instanceof Error ? error.message : String(error) });
  } finally {
    stopped.delete(job);
  }
}

/** What a job makes; undefined where it was stopped. */
async function doing(order: Extract<Order, { type: 'work' }>): Promise<Works[Kind]['made'] | undefined> {
  switch (order.kind) {
    case 'open':
      return open(order.given.model);
    case 'draw':
      return draw(order.job, order.given);
    case 'complete':
      return complete(order.job, order.given);
    case 'score':
      return score(order.given.image);
    case 'look': {
      const { image, label } = order.given;
      return sampler.logits(image, label === undefined ? {} : { labels: label }).data;
    }
    case 'solve':
      return solve(order.given.level);
  }
}

async function open(model: ArrayBuffer): Promise<OpenedModel> {
  sampler = await loadSampler(model);
  const { config, classNames, alphabet, metadata } = sampler;
  const description = sampler.describe();
  return {
    ...{ config, classNames, alphabet, metadata },
    field: receptiveField(description),
    fronts: description.schedule.fronts,
    passes: config.height * config.width,
    parameters: description.nonZeroParameters,
    bytes: model.byteLength,
  };
}

/** Draws all images at once, front by front, groups of them in turn. */
async function draw(job: number, { pace = 0, ...options }: DrawRequest): Promise<Drawn | undefined> {
  const groups = groupsOf(options).map(({ first, options }) => ({ first, steps: sampler.sampleSteps(options) }));
  const made: { first: number; samples: Samples }[] = [];
  const size = sampler.config.height * sampler.config.width * sampler.config.channels;
  let [pixels, steps, done, ms]: [number[], number, number, number] = [[], 0, 0, 0];
  let reported = performance.now();
  const report = () => {
    const drawing: Drawing = { pixels: Uint32Array.from(pixels), steps, done, total: options.count * size, ms };
    scope.postMessage({ type: 'step', job, step: drawing }, [drawing.pixels.buffer as ArrayBuffer]);
    pixels = [];
    reported = performance.now();
  };
  let open = groups;
  while (open.length > 0) {
    const began = performance.now();
    const more: typeof open = [];
    for (const group of open) {
      const step = group.steps.next();
      if (step.done) {
        made.push({ first: group.first, samples: step.value });
        continue;
      }
      more.push(group);
      done += step.value.pixels.length / 3;
      const front = step.value.pixels;
      for (let i = 0; i < front.length; i += 3) pixels.push(front[i]! + group.first, front[i + 1]!, front[i + 2]!);
    }
    open = more;
    if (open.length > 0) steps++;
    ms += performance.now() - began;
    if (pace === 0 && performance.now() - reported < reportEvery) continue;
    report();
    await turn(pace);
    if (stopped.has(job)) {
      for (const { steps } of open) steps.return(undefined as never); // frees the run
      return undefined;
    }
  }
  if (pixels.length > 0) report();
  made.sort((a, b) => a.first - b.first);
  const all = made.map(({ samples }) => samples);
  return {
    data: joined(all.map(({ data }) => data)),
    nats: Float64Array.from(all.flatMap(({ nats }) => [...nats])),
    labels: sampler.config.classes ? Uint16Array.from(all.flatMap(({ labels }) => [...labels!])) : undefined,
    ms,
  };
}

/** The call that draws some of the images; together they are those of one call. */
function groupsOf(options: DrawRequest): { first: number; options: Omit<DrawRequest, 'pace'> }[] {
  const { count, startIndex = 0, label } = options;
  return Array.from({ length: Math.ceil(count / inStep) }, (_, group) => {
    const first = group * inStep;
    const some = Math.min(inStep, count - first);
    const own = { ...options, count: some, startIndex: startIndex + first };
    if (label === undefined) delete own.label;
    else own.label = ArrayBuffer.isView(label) ? label.subarray(first, first + some) : label;
    return { first, options: own };
  });
}

function joined(parts: readonly Levels[]): Levels {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const whole = parts[0] instanceof Uint16Array ? new Uint16Array(length) : new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

async function complete(job: number, given: Works['complete']['given']): Promise<Completed | undefined> {
  const { image, rows, label, ...options } = given;
  const { width, channels } = sampler.config;
  const known = new Uint8Array(image.length).fill(1, 0, rows * width * channels);
  const shares = sharesOf(image, rows * width * channels);
  const labels = shares && (label === undefined ? inShares(shares, options.count) : label);
  const asked = { ...options, given: { data: image, known }, ...(labels === undefined ? {} : { label: labels }) };
  const drawn = await draw(job, asked);
  if (drawn === undefined) return undefined;
  const upper = (one: number | undefined) =>
    sum(sampler.pixelNats(image, one === undefined ? {} : { labels: one }).data, rows * width * channels);
  const upperOf = new Map<number | undefined, number>();
  const drawnNats = drawn.nats.map((nats, i) => {
    const one = drawn.labels?.[i];
    if (!upperOf.has(one)) upperOf.set(one, upper(one));
    return nats - upperOf.get(one)!;
  });
  return { ...drawn, shares, drawnNats };
}

/** p(class | the first pixels of an image), by Bayes' theorem: a pixel costs what those before it make of it, so their sum is exact. */
function sharesOf(image: Levels, pixels: number): Float64Array | undefined {
  const { classes = 0 } = sampler.config;
  if (classes === 0) return undefined;
  const nats = Array.from({ length: classes }, (_, labels) => sum(sampler.pixelNats(image, { labels }).data, pixels));
  const least = Math.min(...nats);
  const weights = nats.map((cost) => Math.exp(least - cost));
  const all = weights.reduce((a, b) => a + b);
  return Float64Array.from(weights, (weight) => weight / all);
}

function sum(values: Float32Array, most: number): number {
  return values.subarray(0, most).reduce((a, b) => a + b, 0);
}

/** So many classes, each about as often as its share: evenly spaced places on the line that the shares make up. */
function inShares(shares: Float64Array, count: number): Uint16Array {
  let [label, upTo] = [0, shares[0]!];
  return Uint16Array.from({ length: count }, (_, i) => {
    while ((i + 0.5) / count > upTo && label < shares.length - 1) upTo += shares[++label]!;
    return label;
  });
}

function score(image: Levels): Works['score']['made'] {
  if (!sampler.config.classes) {
    return { pixelNats: sampler.pixelNats(image).data, nats: -sampler.logProb(image)[0]!, probabilities: undefined };
  }
  const { probabilities, labels, logProb } = sampler.classify(image);
  return { pixelNats: sampler.pixelNats(image, { labels: labels[0]! }).data, nats: -logProb[0]!, probabilities };
}

const { port1: here, port2: there } = new MessageChannel();
/** Jobs that wait for their turn, which they may all at once. */
const waiting: (() => void)[] = [];
here.onmessage = () => waiting.shift()?.();

/** Lets waiting messages in; by a timer only where there is to be a wait, since browsers round those up. */
function turn(ms: number): Promise<void> {
  return new Promise((resolve) => {
    if (ms > 0) {
      setTimeout(resolve, ms);
      return;
    }
    waiting.push(resolve);
    there.postMessage(undefined);
  });
}
