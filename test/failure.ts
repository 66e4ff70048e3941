import { expect } from 'vitest';

/** What the call throws or rejects with. */
export async function failure(call: () => unknown): Promise<Error> {
  try {
    await call();
  } catch (error) {
    return error as Error;
  }
  return expect.unreachable();
}
