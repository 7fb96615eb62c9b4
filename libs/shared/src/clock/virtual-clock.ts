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
   * the time is the end of that. Work that was begun outside of timers has to have settled before. Each timer has a turn
   * of the event loop, which costs as much as a short one does; so many have one together, if whatever runs needs none.
   */
  runUntil(done: () => boolean, withinMs: number, timersPerTurn?: number): Promise<boolean>;
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
    runUntil: (done, withinMs, timersPerTurn = 1) => {
      const endMs = elapsedMs + withinMs;
      return inTurns(timersPerTurn, () => {
        if (done()) return true;
        if (timers.nextDueMs() > endMs) {
          elapsedMs = endMs;
          return false;
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

/**
 * Takes steps until one of them answers, the first one now. Between two of them promises settle, for Node lets them after
 * each callback of a turn.
 */
function inTurns(stepsPerTurn: number, step: () => boolean | undefined): Promise<boolean> {
  return new Promise((resolve, reject) => {
    let isOver = false;
    let queued = 0;
    const take = (): void => {
      queued -= 1;
      if (isOver) return;
      try {
        const answer = step();
        if (answer === undefined) {
          if (queued <= 0) queue();
          return;
        }
        isOver = true;
        resolve(answer);
      } catch (error) {
        isOver = true;
        reject(error);
      }
    };
    const queue = (): void => {
      for (queued = 0; queued < stepsPerTurn; queued += 1) setImmediate(take);
    };
    take();
  });
}
