/**
 * Answers requests with pictures of drawn images: `/MODEL/pixelcnn.png?seed=1&count=4&label=shoe&temperature=0.8`, where MODEL is the sha256
 * of the model file and the version of the seed contract. Under such an address there is one picture for good, so that browsers and
 * caches may keep it. `/` leads to one with a new seed; all its queries may stand there too.
 *
 * A function from Request to Response, as workers, Deno, Bun, Next and (through a few lines) Lambda and Node take it.
 */

import { encodePng, type SampleOptions, type Sampler } from 'pixelcnn';

export interface HandlerOptions {
  sampler: Sampler;
  /** The file that the sampler was made of. */
  model: Uint8Array<ArrayBuffer> | ArrayBuffer;
  /** The most images of one picture: what a request may cost. Default: 16. */
  most?: number;
}

/** Call it before there is a request, in a module's own scope: what is done there no request waits for, and edge hosts do not charge. */
export function createHandler({
  sampler,
  model: file,
  most = 16,
}: HandlerOptions): (request: Request) => Promise<Response> {
  // By its first images the host finds out how to run the code fast: in workerd the first request then takes a third of the time.
  const draw = () => sampler.sample({ seed: 0, ...(sampler.config.classes && { label: 0 }) });
  for (let image = 0; image < 15; image++) draw();
  const contract = draw().seedContract;
  /** Of the file; made by the first request, since edge hosts do nothing asynchronous before one. */
  let sha256: Promise<string> | undefined;

  return async (request) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return text(405, `expected GET or HEAD, got ${request.method}`, { allow: 'GET, HEAD' });
    }
    sha256 ??= sha256Of(file);
    const model = `${await sha256}-v${contract}`;
    const { pathname, searchParams } = new URL(request.url);
    if (pathname !== '/' && pathname !== `/${model}/pixelcnn.png`) {
      return text(404, `expected /${model}/pixelcnn.png, or / for a new seed, got another path`);
    }
    let options: SampleOptions & { seed?: number };
    try {
      options = optionsOf(searchParams, sampler, most);
    } catch (error) {
      return refusal(error);
    }
    if (pathname === '/') {
      const [high = 0, low = 0] = crypto.getRandomValues(new Uint32Array(2));
      searchParams.set('seed', String(options.seed ?? (high & 0x1fffff) * 2 ** 32 + low));
      const headers = { location: `/${model}/pixelcnn.png?${searchParams}`, 'cache-control': 'no-store' };
      return new Response(null, { status: 307, headers });
    }
    if (options.seed === undefined) return text(400, 'seed: expected one, since without it no picture is drawn twice');
    // Weak, because hosts compress in their own ways: the pixels are the same, the bytes of the file need not be.
    const etag = `W/"${model}-${[options.seed, options.count, options.label ?? '', options.temperature].map((value) => encodeURIComponent(value as string)).join('-')}"`;
    const headers = {
      etag,
      'cache-control': 'public, max-age=31536000, immutable',
      'x-content-type-options': 'nosniff',
    };
    if (request.headers.get('if-none-match')?.includes(etag)) return new Response(null, { status: 304, headers });
    try {
      const png = await encodePng(sampler.sample(options), sampler.config, { scale: 4 });
      const whole = { ...headers, 'content-type': 'image/png', 'content-length': String(png.length) };
      return new Response(request.method === 'HEAD' ? null : png, { headers: whole });
    } catch (error) {
      return refusal(error);
    }
  };
}

/** What is asked for; throws what says that it cannot be. */
function optionsOf(query: URLSearchParams, { classNames }: Sampler, most: number): SampleOptions & { seed?: number } {
  const known = ['seed', 'count', 'label', 'temperature'];
  for (const name of new Set(query.keys())) {
    if (!known.includes(name)) throw new Refusal(`expected only ${known.join(', ')}, got ${shown(name)}`);
    if (query.getAll(name).length > 1)
      throw new Refusal(`${name}: expected it once, got it ${query.getAll(name).length} times`);
  }
  const number = (name: string, pattern: RegExp, wanted: string): number | undefined => {
    const value = query.get(name);
    if (value !== null && !pattern.test(value)) throw new Refusal(`${name}: expected ${wanted}, got ${shown(value)}`);
    return value === null ? undefined : Number(value);
  };
  const seed = number('seed', /^\d{1,16}$/, 'an integer from 0 to 9007199254740991');
  const count = number('count', /^\d{1,9}$/, `an integer from 1 to ${most}`) ?? 1;
  if (count < 1 || count > most) throw new Refusal(`count: expected an integer from 1 to ${most}, got ${count}`);
  const temperature = number('temperature', /^\d{1,9}(\.\d{1,9})?$/, 'a number of at least 0') ?? 1;
  const label = query.get('label');
  if (seed !== undefined && seed > Number.MAX_SAFE_INTEGER - count) {
    throw new Refusal(`seed: expected an integer from 0 to 9007199254740991, got ${shown(query.get('seed')!)}`);
  }
  // A name goes before a number, since names may be numbers.
  const isNumber = label !== null && classNames?.includes(label) !== true && /^\d{1,9}$/.test(label);
  return {
    count,
    temperature,
    ...(seed !== undefined && { seed }),
    ...(label !== null && { label: isNumber ? Number(label) : label }),
  };
}

/** What is wrong with a query. */
class Refusal extends Error {}

/** A value of a query in a sentence: short, and on one line. */
function shown(value: string): string {
  return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}...` : value);
}

/** The package's own errors of arguments name them, such as a label that is none; whatever else there is, is no fault of the request. */
function refusal(error: unknown): Response {
  const isTheirs = error instanceof Refusal || (error instanceof Error && 'argument' in error);
  if (!isTheirs) throw error;
  return text(400, error.message);
}

function text(status: number, sentence: string, headers: Record<string, string> = {}): Response {
  const all = { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff', ...headers };
  return new Response(`${sentence}\n`, { status, headers: { 'cache-control': 'no-store', ...all } });
}

/** The sha256 of a file, in hex. */
async function sha256Of(bytes: BufferSource): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
