import type { Clock } from '@couchestor/shared/clock';

/** Spaces writes evenly. The first is free, and time without writes is not saved up. */
export function createPace(perSecond: number, clock: Clock): (signal: AbortSignal) => Promise<void> {
  const spacingMs = 1000 / perSecond;
  let nextMs = clock.monotonicMs();
  return async (signal) => {
    const nowMs = clock.monotonicMs();
    const turnMs = Math.max(nowMs, nextMs);
    nextMs = turnMs + spacingMs;
    if (turnMs > nowMs) await clock.sleep(turnMs - nowMs, signal);
  };
}
