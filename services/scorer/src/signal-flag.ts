import type { Clock } from '@couchestor/shared/clock';

/** Something to wait for that may be raised at any time, also while nobody waits. */
export interface SignalFlag {
  raise(): void;
  /** Takes the flag down; true if it was up. */
  take(): boolean;
  /** Resolves when the flag is up, after `ms`, or with the signal, whichever comes first. The flag stays as it is. */
  raisedOrAfter(ms: number, signal: AbortSignal): Promise<void>;
}

export function createSignalFlag(clock: Clock): SignalFlag {
  let up = false;
  const waiting = new Set<() => void>();
  return {
    raise: () => {
      up = true;
      for (const resolve of waiting) resolve();
    },
    take: () => {
      const was = up;
      up = false;
      return was;
    },
    raisedOrAfter: (ms, signal) =>
      new Promise((resolve) => {
        if (up || signal.aborted) {
          resolve();
          return;
        }
        const done = (): void => {
          waiting.delete(done);
          cancel();
          signal.removeEventListener('abort', done);
          resolve();
        };
        const cancel = clock.after(ms, done);
        waiting.add(done);
        signal.addEventListener('abort', done, { once: true });
      }),
  };
}
