import { expect, it, vi } from 'vitest';
import { inTurns } from '../../ts/node/in_turns.js';

/** Three steps and a result; `ended` is told when no more of it will come. */
function* steps(ended: () => void): Generator<number, string, void> {
  try {
    for (let step = 1; step <= 3; step++) yield step;
    return 'done';
  } finally {
    ended();
  }
}

it('gives what the steps come to, and has looked at one of them', async () => {
  const [ended, look] = [vi.fn(), vi.fn()];
  expect(await inTurns(steps(ended), look)).toBe('done');
  expect(look).toHaveBeenCalledWith(1);
  expect(ended).toHaveBeenCalledOnce();
});

it('lets what waits come first', async () => {
  const order: string[] = [];
  setImmediate(() => order.push('waiting'));
  await inTurns(
    steps(() => order.push('ended')),
    () => order.push('looked'),
  );
  expect(order).toEqual(['waiting', 'looked', 'ended']);
});

it('ends the steps where a look throws', async () => {
  const ended = vi.fn();
  const refuse = () => {
    throw new Error('enough');
  };
  await expect(inTurns(steps(ended), refuse)).rejects.toThrow('enough');
  expect(ended).toHaveBeenCalledOnce();
});
