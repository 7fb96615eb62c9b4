import type { Clock } from './clock.ts';

/** Waits for `ms` or for the signal, whichever comes first; false if it was the signal. For loops that end with it. */
export async function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<boolean> {
  try {
    await clock.sleep(ms, signal);
    return true;
  } catch (error) {
    if (signal.aborted) return false;
    throw error;
  }
}
