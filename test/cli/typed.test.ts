import { afterEach, expect, it, vi } from 'vitest';
import { typed } from '../../ts/cli/typed.js';

const argv = process.argv;

afterEach(() => {
  vi.unstubAllEnvs();
  process.argv = argv;
});

/** As npm's script of that name runs the command of a package. */
function ranBy(script: string | undefined, command: string, packageName: string | undefined): void {
  vi.stubEnv('npm_lifecycle_event', script);
  vi.stubEnv('npm_package_name', packageName);
  process.argv = ['node', 'main.js', command];
}

it('is npm’s script where that is what ran in a clone, with options behind two dashes', () => {
  ranBy('train', 'train', 'pixelcnn');
  expect(typed('export', 'runs/mine')).toBe('npm run export -- runs/mine');
  expect(typed('setup')).toBe('npm run setup');
});

it.each([
  ['without npm', undefined, undefined],
  ['in another package', 'train', 'my-project'],
  ['by another script of a clone, such as its tests', 'test', 'pixelcnn'],
])('is the program %s', (_where, script, packageName) => {
  ranBy(script, 'train', packageName);
  expect(typed('export', 'runs/mine')).toBe('pixelcnn export runs/mine');
  expect(typed('setup')).toBe('pixelcnn setup');
});
