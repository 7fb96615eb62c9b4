import type { Clock } from '@couchestor/shared/clock';
import type { Steps } from './core/steps.ts';

/** Lets everything else that waits have its turn. */
export type Breathe = () => Promise<void>;

/** After so long the others have their turn, so that leases are renewed and questions answered meanwhile. */
const STEP_MS = 10;

/** Runs what is written as steps to its end, without keeping the event loop for longer than a few of them. */
export async function inSteps<T>(steps: Steps<T>, breathe: Breathe): Promise<T> {
  for (;;) {
    const { value, done } = steps.next();
    if (done === true) return value;
    await breathe();
  }
}

/** One breath is taken for all that asks within some milliseconds. */
export function createBreathe(clock: Clock): Breathe {
  let sinceMs = clock.monotonicMs();
  return async () => {
    if (clock.monotonicMs() - sinceMs < STEP_MS) return;
    await new Promise((resolve) => void setImmediate(resolve));
    sinceMs = clock.monotonicMs();
  };
}
