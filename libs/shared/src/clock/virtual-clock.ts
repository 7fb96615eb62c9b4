import type { Clock } from './clock.ts';
import { createTimerHeap } from './timer-heap.ts';

/** A clock that stands still until it is told to move; timers of one moment run in the order they were set. */
export interface VirtualClock extends Clock {
  /** Runs everything due within the next `ms`, in order of time, letting promises settle after each timer. */
  advance(ms: number): Promise<void>;
  /** Runs the earliest timer and moves to its time; false if none is set. */
  runNext(): Promise<boolean>;
  /**
   * Runs one timer after the other until `done` says so, which is asked before each, and for at most `withinMs`; then
   * the time is the end of that. Work that was begun outside of timers has to have settled before.
   */
  runUntil(done: () => boolean, withinMs: number): Promise<boolean>;
  /** Number of timers set. */
  pending(): number;
  /** Moves wall time alone, as a step of NTP would. */
  jumpWall(ms: number): void;
}

export function createVirtualClock(startMs = Date.UTC(2026, 0, 1)): VirtualClock {
  let elapsedMs = 0;
  let wallOffsetMs = startMs;
  const timers = createTimerHeap();

  const after = (ms: number, run: () => void): (() => void) => timers.add(elapsedMs + Math.max(0, ms), run);
  const runNext = (): void => {
    const timer = timers.take();
    elapsedMs = timer.dueMs;
    timer.run();
  };
  const fire = (): Promise<void> => {
    runNext();
    return settlePromises();
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
      while (timers.nextDueMs() <= endMs) await fire();
      elapsedMs = endMs;
    },
    runNext: async () => {
      await settlePromises();
      if (timers.size() === 0) return false;
      await fire();
      return true;
    },
    runUntil: (done, withinMs) => {
      const endMs = elapsedMs + withinMs;
      return inTurns(() => {
        if (done()) return { over: true };
        if (timers.nextDueMs() > endMs) {
          elapsedMs = endMs;
          return { over: false };
        }
        runNext();
        return undefined;
      });
    },
    pending: () => timers.size(),
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

/** So many steps are queued for one turn of the event loop, which would cost as much as a step does. */
const STEPS_PER_TURN = 64;

/**
 * Takes steps until one says what it came to. Between two of them promises settle, for Node lets them do so after each
 * callback of a turn; what waits for a turn of its own, as nothing does that is simulated, may have to wait for some steps.
 */
function inTurns(step: () => { readonly over: boolean } | undefined): Promise<boolean> {
  return new Promise((resolve, reject) => {
    let isOver = false;
    let queued = 0;
    const take = (): void => {
      queued -= 1;
      if (isOver) return;
      try {
        const end = step();
        if (end === undefined) {
          if (queued === 0) queue();
          return;
        }
        isOver = true;
        resolve(end.over);
      } catch (error) {
        isOver = true;
        reject(error);
      }
    };
    const queue = (): void => {
      for (; queued < STEPS_PER_TURN; queued += 1) setImmediate(take);
    };
    queue();
  });
}
