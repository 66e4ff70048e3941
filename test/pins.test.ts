import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { tensorboardPath } from '../scripts/setup_tensorboard.js';
import { root } from '../scripts/shell.js';
import { runCommand } from '../ts/node/command.js';

const read = (path: string) => readFileSync(join(root, path), 'utf8');

it("pins TensorBoard's reader, each package by version and hash", () => {
  const requirements = read('scripts/tensorboard.txt')
    .replace(/^#.*\n/gm, '')
    .replaceAll('\\\n', '')
    .trim()
    .split('\n');
  for (const line of requirements) expect(line).toMatch(/^[a-z-]+==[\d.]+( +--hash=sha256:[0-9a-f]{64})+ *$/);
  const names = requirements.map((line) => line.split(' ')[0]!);
  expect(names.map((name) => name.split('==')[0])).toEqual([
    'absl-py',
    'numpy',
    'packaging',
    'protobuf',
    'tensorboard',
  ]);
  expect(tensorboardPath).toMatch(new RegExp(`${names[4]!.replace('==', '-')}$`));
});

it("pins what wasm-bindgen's tool is built from, in the version that the crate names", () => {
  const wanted = /^wasm-bindgen = .*version = "=([\d.]+)"/m.exec(read('crates/pixelcnn-wasm/Cargo.toml'))?.[1];
  const packages = read('scripts/wasm_bindgen_cli.lock').split('[[package]]\n').slice(1);
  const versionOf = (name: string) =>
    packages
      .filter((text) => text.startsWith(`name = "${name}"\n`))
      .map((text) => /^version = "(.*)"/m.exec(text)?.[1]);
  expect([versionOf('wasm-bindgen-cli'), versionOf('wasm-bindgen-cli-support')]).toEqual([[wanted], [wanted]]);
  const unpinned = packages.filter((text) => !/^checksum = "[0-9a-f]{64}"/m.test(text));
  expect(unpinned.map((text) => /name = "(.*)"/.exec(text)?.[1])).toEqual(['wasm-bindgen-cli']); // setup-rust.sh has its hash
});

it('runs the pip that was installed, and no module of the current folder', () => {
  const files = ['ts', 'scripts'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => join(folder, name)),
  );
  const modules = files.flatMap((file) =>
    [...read(file).matchAll(/.*'-[mc]',.*/g)]
      .map(([line]) => `${file}: ${line}`)
      .filter((line) => !line.includes("'bash'")),
  );
  expect(modules.filter((line) => !line.includes("['-I', '-"))).toEqual([]);
  expect(modules).toHaveLength(2); // pip, and what unpacks wheels
});

it('has the lock file of the set-up in the package', async () => {
  const { output } = await runCommand('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: root });
  for (const name of ['package.json', 'package-lock.json'])
    expect(output).toContain(`"dist/train/tensorflow/npm/${name}"`);
});
