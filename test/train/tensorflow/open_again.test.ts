import { expect, it } from 'vitest';
import { openTestBackend, present } from '../support.js';

it('opens native TensorFlow again though another backend computes meanwhile', async (context) => {
  const first = present(await openTestBackend('tensorflow'), context);
  await first.tf.setBackend('cpu'); // as a run that ends gives a caller its own backend again
  const again = present(await openTestBackend('tensorflow'), context);
  expect(again).toMatchObject({ name: 'tensorflow', version: first.version });
});
