import { createBackoff, type Backoff } from '../service/index.ts';

/** For what is tried again and again until NATS is back. */
export function createRetryBackoff(random: () => number): Backoff {
  return createBackoff({ baseMs: 100, maxMs: 3_000, random });
}
