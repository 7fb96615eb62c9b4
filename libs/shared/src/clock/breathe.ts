import type { Clock } from './clock.ts';

/** Lets everything else that waits have its turn. */
export type Breathe = () => Promise<void>;

/** After so long the others have their turn, so that leases are renewed and questions answered meanwhile. */
const STEP_MS = 5;

/**
 * Whatever asks within some milliseconds goes on at once. What then waits goes on one after the other, each in a turn of
 * its own: all in one turn would stop everything else for as long as their steps take together.
 */
export function createBreathe(clock: Pick<Clock, 'monotonicMs'>): Breathe {
  let sinceMs = clock.monotonicMs();
  let lastTurn = Promise.resolve();
  return async () => {
    if (clock.monotonicMs() - sinceMs < STEP_MS) return;
    const turn = lastTurn.then(nextTurn);
    lastTurn = turn;
    await turn;
    sinceMs = clock.monotonicMs();
  };
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}
