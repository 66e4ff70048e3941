/** Giving up: signals of any realm, and work that ends with them. */

/** Who waits for a signal, told by one listener: hosts warn of a signal that has more than ten. */
type Waiting = Set<() => void> & { tell?: () => void };

const waitingFor = new WeakMap<AbortSignal, Waiting>();

/** Calls `act`, another one for each wait, when the signal aborts, at once where it has. Returns how to wait no longer. */
export function onAbort(signal: AbortSignal, act: () => void): () => void {
  if (signal.aborted) {
    act();
    return () => {};
  }
  const acts: Waiting = waitingFor.get(signal) ?? new Set();
  acts.tell ??= () => {
    for (const act of acts) act();
  };
  const { tell } = acts;
  waitingFor.set(signal, acts.add(act));
  signal.addEventListener('abort', tell); // once, however often it is asked for
  return () => {
    acts.delete(act);
    if (acts.size === 0) signal.removeEventListener('abort', tell);
  };
}

/** What work that the signal ended rejects with. */
export function reasonOf(signal: AbortSignal): unknown {
  return signal.reason ?? new DOMException('the signal aborted', 'AbortError'); // some polyfills give none
}

export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw reasonOf(signal);
}

/**
 * Starts work with a signal of this realm, since hosts take no other, that aborts as the given ones do; the end is the work's own,
 * which has something to put in order.
 */
export async function withOwnSignal<T>(
  signal: AbortSignal | undefined,
  work: (signal?: AbortSignal) => Promise<T>,
): Promise<T> {
  if (signal === undefined) return work();
  const { own, leave } = ownSignal([signal]);
  try {
    return await work(own);
  } finally {
    leave();
  }
}

/** A signal of this realm that aborts with the first of some, and how to wait for them no longer. */
export function ownSignal(signals: readonly AbortSignal[]): { own: AbortSignal; leave: () => void } {
  const controller = new AbortController();
  const leaves = signals.map((signal) => onAbort(signal, () => controller.abort(reasonOf(signal))));
  const leave = (): void => {
    for (const stop of leaves) stop();
  };
  return { own: controller.signal, leave };
}

/**
 * Starts work and rejects as soon as the signal aborts, though the work may hang.
 *
 * @param work Given a signal of this realm to end by, since hosts take no other.
 */
export async function abortable<T>(
  signal: AbortSignal | undefined,
  work: (signal?: AbortSignal) => Promise<T>,
): Promise<T> {
  if (signal === undefined) return work();
  throwIfAborted(signal);
  const own = new AbortController();
  let leave = () => {};
  const aborted = new Promise<never>((_, reject) => {
    leave = onAbort(signal, () => {
      reject(reasonOf(signal));
      own.abort(reasonOf(signal));
    });
  });
  try {
    return await Promise.race([aborted, work(own.signal)]);
  } finally {
    leave();
  }
}
