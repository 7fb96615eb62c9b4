import type { Clock } from './clock.ts';

/** A clock that stands still until it is told to move; timers of one moment run in the order they were set. */
export interface VirtualClock extends Clock {
  /** Runs everything due within the next `ms`, in order of time, letting promises settle after each timer. */
  advance(ms: number): Promise<void>;
  /** Runs the earliest timer and moves to its time; false if none is set. */
  runNext(): Promise<boolean>;
  /** Number of timers set. */
  pending(): number;
  /** Moves wall time alone, as a step of NTP would. */
  jumpWall(ms: number): void;
}

interface Timer {
  readonly dueMs: number;
  readonly order: number;
  readonly run: () => void;
}

export function createVirtualClock(startMs = Date.UTC(2026, 0, 1)): VirtualClock {
  let elapsedMs = 0;
  let wallOffsetMs = startMs;
  let order = 0;
  const timers = new Set<Timer>();

  const after = (ms: number, run: () => void): (() => void) => {
    const timer: Timer = { dueMs: elapsedMs + Math.max(0, ms), order: order++, run };
    timers.add(timer);
    return () => timers.delete(timer);
  };
  const earliest = (): Timer | undefined => {
    let first: Timer | undefined;
    for (const timer of timers) {
      if (
        first === undefined ||
        timer.dueMs < first.dueMs ||
        (timer.dueMs === first.dueMs && timer.order < first.order)
      ) {
        first = timer;
      }
    }
    return first;
  };
  const fire = async (timer: Timer): Promise<void> => {
    timers.delete(timer);
    elapsedMs = timer.dueMs;
    timer.run();
    await settlePromises();
  };

  return {
    nowMs: () => wallOffsetMs + elapsedMs,
    monotonicMs: () => elapsedMs,
    after,
    sleep: (ms, signal) =>
      new Promise<void>((resolve, reject) => {
        if (signal?.aborted === true) return reject(signal.reason);
        const cancel = after(ms, () => {
          signal?.removeEventListener('abort', abort);
          resolve();
        });
        const abort = (): void => {
          cancel();
          reject(signal?.reason);
        };
        signal?.addEventListener('abort', abort, { once: true });
      }),
    advance: async (ms) => {
      const endMs = elapsedMs + ms;
      await settlePromises();
      for (let timer = earliest(); timer !== undefined && timer.dueMs <= endMs; timer = earliest()) await fire(timer);
      elapsedMs = endMs;
    },
    runNext: async () => {
      await settlePromises();
      const timer = earliest();
      if (timer === undefined) return false;
      await fire(timer);
      return true;
    },
    pending: () => timers.size,
    jumpWall: (ms) => {
      wallOffsetMs += ms;
    },
  };
}

/** A macrotask turn: every promise chain that needs no timer has settled after it. */
function settlePromises(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
