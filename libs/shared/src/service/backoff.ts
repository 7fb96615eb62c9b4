export interface BackoffOptions {
  /** The longest first delay. */
  readonly baseMs: number;
  /** The longest delay ever. */
  readonly maxMs: number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

export interface Backoff {
  /** The delay before the next attempt: half of a limit that doubles each time, the other half random. */
  nextDelayMs(): number;
  /** To be called once an attempt has succeeded. */
  reset(): void;
}

/** Delays between attempts. The random half keeps the many that lost one server from returning together. */
export function createBackoff({ baseMs, maxMs, random }: BackoffOptions): Backoff {
  let limitMs = baseMs;
  return {
    nextDelayMs: () => {
      const delayMs = limitMs / 2 + (random() * limitMs) / 2;
      limitMs = Math.min(maxMs, limitMs * 2);
      return Math.round(delayMs);
    },
    reset: () => {
      limitMs = baseMs;
    },
  };
}
