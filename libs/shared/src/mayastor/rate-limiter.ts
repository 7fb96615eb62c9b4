import type { Clock } from '../clock/index.ts';
import { SLOT_KEPT_MS } from './call-life.ts';
import type { CallKind } from './mayastor-client.ts';

/** Limits the calls of one process. */
export interface RateLimiter {
  /**
   * Resolves when the call may be made, with the time on the monotonic clock by which it has to be sent, `lifeMs` later;
   * the more urgent kind goes first. Rejects with the signal's reason.
   */
  take(kind: CallKind, lifeMs: number, signal?: AbortSignal): Promise<number>;
  /** The calls of the last second were somebody else's: none is granted before it is over. */
  startOver(): void;
}

export interface RateLimiterOptions {
  /** 1 to 1000. In no second are more calls sent than this, nor in the one before it was made, by whoever it follows. */
  readonly callsPerSecond: number;
  readonly clock: Clock;
}

const byUrgency: readonly CallKind[] = ['release', 'write', 'read'];

interface Waiter {
  readonly lifeMs: number;
  readonly grant: (goodUntilMs: number) => void;
}

/** Slots (`call-life.ts`): bursts are allowed up to the limit, so that a lone move does not wait between its calls. */
export function createRateLimiter({ callsPerSecond, clock }: RateLimiterOptions): RateLimiter {
  if (!Number.isInteger(callsPerSecond) || callsPerSecond < 1 || callsPerSecond > 1_000) {
    throw new RangeError(`callsPerSecond is 1 to 1000, not ${callsPerSecond}`);
  }
  // Sets keep the order in which their members were added.
  const waiting: Readonly<Record<CallKind, Set<Waiter>>> = {
    release: new Set(),
    write: new Set(),
    read: new Set(),
  };
  /** When each slot that is taken is free again, the first in front. */
  let freeAtMs: number[] = [];
  let timerSet = false;

  const startOver = (): void => {
    freeAtMs = Array.from({ length: callsPerSecond }, () => clock.monotonicMs() + SLOT_KEPT_MS);
  };
  const next = (): Waiter | undefined => {
    for (const kind of byUrgency) {
      for (const waiter of waiting[kind]) {
        waiting[kind].delete(waiter);
        return waiter;
      }
    }
    return undefined;
  };
  const someoneWaits = (): boolean => byUrgency.some((kind) => waiting[kind].size > 0);
  const takeSlot = (untilMs: number): void => {
    const place = freeAtMs.findIndex((atMs) => atMs > untilMs);
    freeAtMs.splice(place === -1 ? freeAtMs.length : place, 0, untilMs);
  };

  const serve = (): void => {
    if (timerSet) return;
    while (someoneWaits()) {
      const nowMs = clock.monotonicMs();
      while ((freeAtMs[0] ?? Number.POSITIVE_INFINITY) <= nowMs) freeAtMs.shift();
      const [firstMs] = freeAtMs;
      if (firstMs !== undefined && freeAtMs.length >= callsPerSecond) {
        timerSet = true;
        clock.after(firstMs - nowMs, () => {
          timerSet = false;
          serve();
        });
        return;
      }
      const waiter = next();
      if (waiter === undefined) return;
      takeSlot(nowMs + waiter.lifeMs + SLOT_KEPT_MS);
      waiter.grant(nowMs + waiter.lifeMs);
    }
  };

  startOver();
  return {
    take: (kind, lifeMs, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted === true) return reject(signal.reason);
        const waiter: Waiter = {
          lifeMs,
          grant: (goodUntilMs) => {
            signal?.removeEventListener('abort', abandon);
            resolve(goodUntilMs);
          },
        };
        const abandon = (): void => {
          waiting[kind].delete(waiter);
          reject(signal?.reason);
        };
        signal?.addEventListener('abort', abandon, { once: true });
        waiting[kind].add(waiter);
        serve();
      }),
    startOver,
  };
}
