import type { Clock } from '../clock/index.ts';
import type { CallKind } from './mayastor-client.ts';

/** Limits the calls of one process. */
export interface RateLimiter {
  /** Resolves when the call may be made; the more urgent kind goes first. Rejects with the signal's reason. */
  take(kind: CallKind, signal?: AbortSignal): Promise<void>;
}

export interface RateLimiterOptions {
  /** 1 to 1000. In no second do more calls than this arrive at Mayastor. */
  readonly callsPerSecond: number;
  readonly clock: Clock;
}

/** A second, and by how much one call may arrive later after its grant than another. */
const WINDOW_MS = 1_100;
const byUrgency: readonly CallKind[] = ['release', 'write', 'read'];

/** A sliding window: bursts are allowed up to the limit, so that a lone move does not wait between its calls. */
export function createRateLimiter({ callsPerSecond, clock }: RateLimiterOptions): RateLimiter {
  if (!Number.isInteger(callsPerSecond) || callsPerSecond < 1 || callsPerSecond > 1_000) {
    throw new RangeError(`callsPerSecond is 1 to 1000, not ${callsPerSecond}`);
  }
  // Sets keep the order in which their members were added.
  const waiting: Readonly<Record<CallKind, Set<() => void>>> = {
    release: new Set(),
    write: new Set(),
    read: new Set(),
  };
  const grantedAtMs: number[] = [];
  let timerSet = false;

  const next = (): (() => void) | undefined => {
    for (const kind of byUrgency) {
      for (const grant of waiting[kind]) {
        waiting[kind].delete(grant);
        return grant;
      }
    }
    return undefined;
  };
  const someoneWaits = (): boolean => byUrgency.some((kind) => waiting[kind].size > 0);

  const serve = (): void => {
    if (timerSet) return;
    while (someoneWaits()) {
      const nowMs = clock.monotonicMs();
      const oldestMs = grantedAtMs.length < callsPerSecond ? undefined : grantedAtMs[0];
      if (oldestMs !== undefined && oldestMs + WINDOW_MS > nowMs) {
        timerSet = true;
        clock.after(oldestMs + WINDOW_MS - nowMs, () => {
          timerSet = false;
          serve();
        });
        return;
      }
      if (oldestMs !== undefined) grantedAtMs.shift();
      grantedAtMs.push(nowMs);
      next()?.();
    }
  };

  return {
    take: (kind, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted === true) return reject(signal.reason);
        const grant = (): void => {
          signal?.removeEventListener('abort', abandon);
          resolve();
        };
        const abandon = (): void => {
          waiting[kind].delete(grant);
          reject(signal?.reason);
        };
        signal?.addEventListener('abort', abandon, { once: true });
        waiting[kind].add(grant);
        serve();
      }),
  };
}
