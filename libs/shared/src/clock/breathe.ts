import type { Clock } from './clock.ts';

/** Lets everything else that waits have its turn. */
export type Breathe = () => Promise<void>;

/** After so long the others have their turn, so that leases are renewed and questions answered meanwhile. */
const STEP_MS = 10;

/** One breath is taken for all that asks within some milliseconds. */
export function createBreathe(clock: Pick<Clock, 'monotonicMs'>): Breathe {
  let sinceMs = clock.monotonicMs();
  return async () => {
    if (clock.monotonicMs() - sinceMs < STEP_MS) return;
    await new Promise((resolve) => void setImmediate(resolve));
    sinceMs = clock.monotonicMs();
  };
}
