import type { Clock } from '@couchestor/shared/clock';

/**
 * One process of a simulation: it can stand still (its timers and answers reach it when it goes on) and it can die
 * (nothing reaches it any more, and nothing that it would do happens).
 */
export interface SimulatedProcess {
  readonly name: string;
  /** Its timers stop with it; the time goes on. Its wall clock is its own. */
  readonly clock: Clock;
  readonly isDead: boolean;
  /** Neither dead nor standing still. */
  readonly isRunning: boolean;
  /** When it stood still last; -Infinity for never, the present while it stands still. */
  readonly stoodStillAtMs: number;
  /** When its wall clock jumped last. */
  readonly jumpedAtMs: number;
  /** How far its wall clock is ahead of the true time. */
  readonly wallOffsetMs: number;
  /** Runs it when the process runs: at once, when it goes on, or never. */
  deliver(run: () => void): void;
  /** Resolves when it runs. */
  running(): Promise<void>;
  pauseFor(ms: number): void;
  jumpWall(ms: number): void;
  /** The power fails. */
  kill(): void;
  /** It has ended by itself; what is left of it does no more. */
  end(): void;
}

export interface ProcessOptions {
  readonly name: string;
  /** The true time. */
  readonly clock: Clock;
  readonly wallOffsetMs: number;
  readonly onKill: () => void;
}

export function createProcess({ name, clock, onKill, ...options }: ProcessOptions): SimulatedProcess {
  let dead = false;
  let { wallOffsetMs } = options;
  let stoppedUntilMs = Number.NEGATIVE_INFINITY;
  let jumpedAtMs = Number.NEGATIVE_INFINITY;
  let backlog: (() => void)[] = [];

  const deliver = (run: () => void): void => {
    if (dead) return;
    if (clock.monotonicMs() < stoppedUntilMs) backlog.push(run);
    else run();
  };
  const after = (ms: number, run: () => void): (() => void) => {
    let cancelled = false;
    const once = (): void => {
      if (!cancelled) run();
    };
    const cancel = clock.after(ms, () => deliver(once));
    return () => {
      cancelled = true;
      cancel();
    };
  };
  const end = (): void => {
    dead = true;
    backlog = [];
  };
  return {
    name,
    clock: {
      nowMs: () => clock.nowMs() + wallOffsetMs,
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
    get isRunning() {
      return !dead && clock.monotonicMs() >= stoppedUntilMs;
    },
    get stoodStillAtMs() {
      return Math.min(stoppedUntilMs, clock.monotonicMs());
    },
    get jumpedAtMs() {
      return jumpedAtMs;
    },
    get wallOffsetMs() {
      return wallOffsetMs;
    },
    deliver,
    running: () => new Promise((resolve) => deliver(resolve)),
    pauseFor: (ms) => {
      stoppedUntilMs = Math.max(stoppedUntilMs, clock.monotonicMs() + ms);
      clock.after(ms, () => {
        if (clock.monotonicMs() < stoppedUntilMs) return;
        const runs = backlog;
        backlog = [];
        for (const run of runs) deliver(run);
      });
    },
    jumpWall: (ms) => {
      wallOffsetMs += ms;
      jumpedAtMs = clock.monotonicMs();
    },
    kill: () => {
      if (dead) return;
      end();
      onKill();
    },
    end,
  };
}
