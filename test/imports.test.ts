import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Every module named by an import or export, static or dynamic, that survives compilation. */
function importsOf(source: string): string[] {
  const code = source.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|[^:])\/\/.*$/gm, '$1');
  const statics = [
    ...code.matchAll(/(?:^|;)\s*(?:import|export)\s+(?!type\b)(?:[^'";]*?\sfrom\s+)?['"]([^'"]+)['"]/gm),
  ];
  // `typeof import('x')` is a type and leaves no trace.
  const dynamics = [...code.matchAll(/(typeof\s+)?\b(?:import|require)\s*\(\s*(['"`]?)([^'"`)]*)/g)].filter(
    (m) => !m[1],
  );
  return [...statics.map((m) => m[1]!), ...dynamics.map((m) => (m[2] ? m[3]! : `computed: ${m[3]}`))];
}

/** All files that a module reaches, and all it reaches that are not files of this package. */
function reach(entry: string): { files: Set<string>; others: string[] } {
  const files = new Set<string>();
  const others: string[] = [];
  const visit = (path: string) => {
    if (files.has(path)) return;
    files.add(path);
    for (const name of importsOf(readFileSync(path, 'utf8'))) {
      if (!name.startsWith('.')) {
        others.push(`${relative(root, path)}: ${name}`);
        continue;
      }
      const target = join(dirname(path), name);
      visit(existsSync(target) ? target : target.replace(/\.js$/, '.ts'));
    }
  };
  visit(entry);
  return { files, others };
}

it('sees imports of every form', () => {
  const source = `
    import a from 'a'; import { b,
      c } from "b";
    import 'c';
    export * from 'd';
    export { e } from 'e';
    const f = await import('f'); const g = require('g'); const h = await import(name);
    import type { I } from 'i'; type J = typeof import('j'); // import 'k'
  `;
  expect(importsOf(source)).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'computed: name']);
});

it('reaches no dependency, no module of Node and no other folder from the sampling entry and its workers', () => {
  for (const entry of ['ts/index.ts', 'ts/pool/worker.ts']) {
    const { files, others } = reach(join(root, entry));
    expect(others).toEqual([]);
    const outside = [...files]
      .map((path) => relative(join(root, 'ts'), path))
      .filter((path) => !/^(pool\/)?[^/]+$/.test(path));
    expect(outside).toEqual(['wasm/pkg/build_id.js']);
    expect(files.size).toBeGreaterThan(8);
  }
});

it('reaches from the layers for TensorFlow.js what any host has, so that they run in a browser too', () => {
  const { files, others } = reach(join(root, 'ts/train/net/layers.ts'));
  expect(others).toEqual([]);
  const sampling = reach(join(root, 'ts/index.ts')).files;
  const own = [...files].filter((path) => !sampling.has(path));
  expect(own.map((path) => relative(join(root, 'ts/train/net'), path)).sort()).toEqual([
    'layers.ts',
    'ops.ts',
    'ops_taps.ts',
    'ops_tensorflow.ts',
  ]);
  expect(files).not.toContain(join(root, 'ts/load.ts')); // checks of arguments, and no sampler
});

it('evaluates no text as code, and names its own address only where files are loaded', () => {
  for (const path of reach(join(root, 'ts/index.ts')).files) {
    const code = readFileSync(path, 'utf8');
    expect(code, path).not.toMatch(/\beval\s*\(|\bnew Function\b/);
  }
  const edge = [...reach(join(root, 'ts/create.ts')).files].map((path) => relative(root, path));
  expect(edge).not.toContain('ts/load.ts');
  for (const path of edge) {
    expect(readFileSync(join(root, path), 'utf8').replace(/\/\*[\s\S]*?\*\//g, ''), path).not.toContain('import.meta');
  }
});

it('loads no TensorFlow.js and no PNG code before a command needs it', () => {
  const main = join(root, 'ts/cli/main.ts');
  const statics = (path: string) => importsOf(readFileSync(path, 'utf8').replace(/\bimport\s*\(/g, 'later('));
  const seen = new Set<string>();
  const packages = new Set<string>();
  const visit = (path: string) => {
    if (seen.has(path)) return;
    seen.add(path);
    for (const name of statics(path)) {
      if (name.startsWith('.')) {
        const target = join(dirname(path), name);
        visit(existsSync(target) ? target : target.replace(/\.js$/, '.ts'));
      } else if (!name.startsWith('node:')) packages.add(name);
    }
  };
  visit(main);
  expect([...packages]).toEqual(['commander']);
});

/** Every file of ours that a file names in an import of any kind, those of types alone included, by path from the root. */
function neighboursOf(path: string): string[] {
  const code = readFileSync(join(root, path), 'utf8')
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/^\s*\/\/.*$/gm, '');
  const names = [...code.matchAll(/(?:\bfrom|\bimport|\bimport\s*\()\s*['"](\.[^'"]+)['"]/g)].map((match) => match[1]!);
  return names.map((name) => {
    const target = join(dirname(path), name);
    const found = [target, target.replace(/\.js$/, '.ts'), target.replace(/\.js$/, '.d.ts')];
    return found.find((path) => existsSync(join(root, path))) ?? target;
  });
}

/** A way along imports that comes back to where it began; undefined where there is none. */
function circleOf(paths: readonly string[]): string[] | undefined {
  const done = new Set<string>();
  const way: string[] = [];
  const visit = (path: string): string[] | undefined => {
    if (way.includes(path)) return [...way.slice(way.indexOf(path)), path];
    if (done.has(path) || !paths.includes(path)) return undefined;
    way.push(path);
    for (const next of neighboursOf(path)) {
      const circle = visit(next);
      if (circle !== undefined) return circle;
    }
    done.add(path);
    way.pop();
    return undefined;
  };
  for (const path of paths) {
    const circle = visit(path);
    if (circle !== undefined) return circle;
  }
  return undefined;
}

/** Our TypeScript in a folder and below, by path from the root. */
function sourcesIn(folder: string): string[] {
  const names = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' });
  return names
    .filter((name) => /(?<!\.d)\.ts$/.test(name) && !name.includes('node_modules'))
    .map((name) => join(folder, name))
    .sort();
}

it.each(['ts', 'bench', 'scripts'])('has no circle of imports in %s/, types included', (folder) => {
  const paths = sourcesIn(folder);
  expect(
    paths.flatMap(neighboursOf).filter((path) => !existsSync(join(root, path))),
    'not found',
  ).toEqual([]);
  expect(circleOf(paths)).toBeUndefined();
});

it('would see a circle', () => {
  const paths = sourcesIn('ts');
  expect(neighboursOf('ts/train/run/ending.ts')).toContain('ts/train/run/checkpoint.ts'); // a type
  expect(neighboursOf('ts/train/watch/watch_run.ts')).toContain('ts/train/watch/watcher.ts');
  expect(paths.length).toBeGreaterThan(80);
});

it('has no room of more than 12 files in ts/train/', () => {
  const counts = new Map<string, number>();
  for (const path of sourcesIn('ts/train')) counts.set(dirname(path), (counts.get(dirname(path)) ?? 0) + 1);
  expect([...counts].filter(([, count]) => count > 12)).toEqual([]);
  expect(counts.size).toBeGreaterThan(5);
});
