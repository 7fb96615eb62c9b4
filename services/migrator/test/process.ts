import type { Clock } from '@couchestor/shared/clock';

/**
 * One process of a simulation: it can stand still (its timers and answers reach it when it goes on) and it can die
 * (nothing reaches it any more, and nothing that it would do happens).
 */
export interface SimulatedProcess {
  readonly name: string;
  /** Its timers stop with it; the time goes on. */
  readonly clock: Clock;
  readonly isDead: boolean;
  /** When it stood still last; -Infinity for never, the present while it stands still. */
  readonly stoodStillAtMs: number;
  /** Does something outside the process; begins, and comes back, only while the process runs. */
  call<T>(work: () => Promise<T>): Promise<T>;
  pauseFor(ms: number): void;
  kill(): void;
}

export function createProcess(name: string, clock: Clock): SimulatedProcess {
  let dead = false;
  let stoppedUntilMs = Number.NEGATIVE_INFINITY;
  let backlog: (() => void)[] = [];

  const whenRunning = (run: () => void): void => {
    if (dead) return;
    if (clock.monotonicMs() < stoppedUntilMs) backlog.push(run);
    else run();
  };
  const running = (): Promise<void> => new Promise((resolve) => whenRunning(resolve));
  const after = (ms: number, run: () => void): (() => void) => {
    let cancelled = false;
    const cancel = clock.after(ms, () =>
      whenRunning(() => {
        if (!cancelled) run();
      }),
    );
    return () => {
      cancelled = true;
      cancel();
    };
  };
  return {
    name,
    clock: {
      nowMs: () => clock.nowMs(),
      monotonicMs: () => clock.monotonicMs(),
      after,
      sleep: (ms, signal) =>
        new Promise((resolve, reject) => {
          if (signal?.aborted === true) return reject(signal.reason);
          const abort = (): void => {
            cancel();
            reject(signal?.reason);
          };
          const cancel = after(ms, () => {
            signal?.removeEventListener('abort', abort);
            resolve();
          });
          signal?.addEventListener('abort', abort, { once: true });
        }),
    },
    get isDead() {
      return dead;
    },
    get stoodStillAtMs() {
      return Math.min(stoppedUntilMs, clock.monotonicMs());
    },
    call: async (work) => {
      await running();
      try {
        return await work();
      } finally {
        await running();
      }
    },
    pauseFor: (ms) => {
      stoppedUntilMs = clock.monotonicMs() + ms;
      clock.after(ms, () => {
        const runs = backlog;
        backlog = [];
        for (const run of runs) whenRunning(run);
      });
    },
    kill: () => {
      dead = true;
      backlog = [];
    },
  };
}
