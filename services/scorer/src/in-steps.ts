import type { Breathe } from '@couchestor/shared/clock';
import type { Steps } from './core/steps.ts';

/** Runs what is written as steps to its end, without keeping the event loop for longer than a few of them. */
export async function inSteps<T>(steps: Steps<T>, breathe: Breathe): Promise<T> {
  for (;;) {
    const { value, done } = steps.next();
    if (done === true) return value;
    await breathe();
  }
}
