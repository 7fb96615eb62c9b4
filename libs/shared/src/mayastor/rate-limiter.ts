import type { Clock } from '../clock/index.ts';
import type { CallKind } from './mayastor-client.ts';

/** Spaces calls of one process. */
export interface RateLimiter {
  /** Resolves when the call may be made; the more urgent kind goes first. Rejects with the signal's reason. */
  take(kind: CallKind, signal?: AbortSignal): Promise<void>;
}

export interface RateLimiterOptions {
  /** 1 to 1000. No second of time ever sees more calls than this. */
  readonly callsPerSecond: number;
  readonly clock: Clock;
}
