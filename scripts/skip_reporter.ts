/**
 * A vitest reporter that names what was skipped and why, so that a green run never hides a suite that did not run.
 *
 * The reason is the note of `context.skip(note)`, else the test's own name. Under PIXELCNN_TEST_ALL=1 every skip fails the
 * run, but for tests of a GPU, which say `GPU` in their name or note.
 */

import type { Reporter, TestModule, Vitest } from 'vitest/node';

export class SkipReporter implements Reporter {
  #asked: RegExp | undefined;

  onInit({ config }: Vitest): void {
    this.#asked = config.testNamePattern; // whatever else there is, was not asked for
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    const reasons = new Map<string, number>();
    for (const module of modules) {
      for (const test of module.children.allTests('skipped')) {
        if (this.#asked && !this.#asked.test(test.fullName.replaceAll(' > ', ' '))) continue;
        const result = test.result();
        const note = result.state === 'skipped' ? result.note : undefined;
        const reason = `${module.relativeModuleId}: ${note ?? test.fullName}`;
        reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
      }
    }
    for (const [reason, count] of reasons) console.log(`skipped ${count}: ${reason}`);
    const refused = [...reasons.keys()].filter((reason) => !/gpu/i.test(reason));
    if (process.env.PIXELCNN_TEST_ALL === '1' && refused.length > 0) {
      console.error(
        `PIXELCNN_TEST_ALL=1 allows no skips but those of a GPU; ${refused.length} reasons are named above`,
      );
      process.exitCode = 1;
    }
  }
}
