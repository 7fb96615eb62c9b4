import type { Clock } from '../clock/index.ts';
import type { CallPriority } from './leases.ts';

export interface CallQueue {
  /** Resolves with the time by which the call has to be sent. */
  take(priority: CallPriority, lifeMs: number, signal?: AbortSignal): Promise<number>;
}

/**
 * Of each priority one caller at a time asks the shared budget, in the order they came, so that what this process asks
 * of the server does not grow with the number of its callers. `ask` answers with the time to wait before the next try.
 * What was granted was so after it was asked for, so its life counts from then.
 */
export function createCallQueue(
  clock: Clock,
  ask: (priority: CallPriority, lifeMs: number) => Promise<number>,
): CallQueue {
  const last: Record<CallPriority, Promise<unknown>> = {
    release: Promise.resolve(),
    act: Promise.resolve(),
    read: Promise.resolve(),
  };

  const untilGranted = async (
    priority: CallPriority,
    lifeMs: number,
    signal: AbortSignal | undefined,
  ): Promise<number> => {
    for (;;) {
      signal?.throwIfAborted();
      const askedMs = clock.monotonicMs();
      const waitMs = await ask(priority, lifeMs);
      if (waitMs <= 0) return askedMs + lifeMs;
      await clock.sleep(waitMs, signal);
    }
  };

  return {
    take: (priority, lifeMs, signal) => {
      const taken = last[priority].then(() => untilGranted(priority, lifeMs, signal));
      // Who comes next does not care how this one ended.
      last[priority] = taken.catch(() => undefined);
      return signal === undefined ? taken : Promise.race([taken, abortOf(signal, taken)]);
    },
  };
}

/** Rejects as soon as the signal is aborted, also while others are asked for first; settles with `done` otherwise. */
async function abortOf<T>(signal: AbortSignal, done: Promise<T>): Promise<T> {
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => aborted.reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([aborted.promise, done]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
