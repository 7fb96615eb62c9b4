import type { Clock } from '../clock/index.ts';
import type { CallPriority } from './leases.ts';

export interface CallQueue {
  take(priority: CallPriority, signal?: AbortSignal): Promise<void>;
}

/**
 * A grant that was longer on its way may be older than those that others use now: it is let go, and another asked for.
 * If several in a row are so late, all are, and their spacing is right again.
 */
const GRANT_FRESH_MS = 50;
const LATE_GRANTS_MAX = 3;

/**
 * Of each priority one caller at a time asks the shared budget, in the order they came, so that what this process asks
 * of the server does not grow with the number of its callers. `ask` answers with the time to wait before the next try.
 */
export function createCallQueue(clock: Clock, ask: (priority: CallPriority) => Promise<number>): CallQueue {
  const last: Record<CallPriority, Promise<void>> = {
    release: Promise.resolve(),
    act: Promise.resolve(),
    read: Promise.resolve(),
  };

  const untilGranted = async (priority: CallPriority, signal: AbortSignal | undefined): Promise<void> => {
    for (let lateGrants = 0; lateGrants < LATE_GRANTS_MAX; lateGrants += 1) {
      signal?.throwIfAborted();
      let askedMs = clock.monotonicMs();
      for (let waitMs = await ask(priority); waitMs > 0; waitMs = await ask(priority)) {
        await clock.sleep(waitMs, signal);
        signal?.throwIfAborted();
        askedMs = clock.monotonicMs();
      }
      if (clock.monotonicMs() - askedMs <= GRANT_FRESH_MS) return;
    }
  };

  return {
    take: (priority, signal) => {
      const taken = last[priority].then(() => untilGranted(priority, signal));
      // Who comes next does not care how this one ended.
      last[priority] = taken.catch(() => undefined);
      return signal === undefined ? taken : Promise.race([taken, abortOf(signal, taken)]);
    },
  };
}

/** Rejects as soon as the signal is aborted, also while others are asked for first; settles with `done` otherwise. */
async function abortOf(signal: AbortSignal, done: Promise<void>): Promise<void> {
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => aborted.reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    await Promise.race([aborted.promise, done]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
