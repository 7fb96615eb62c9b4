import type { Clock } from '@couchestor/shared/clock';
import { RedisUnavailableError, type CallPriority } from '@couchestor/shared/leases';
import { SLOT_TAKEN_MAX_MS, type CallKind, type Pace, type RateLimiter } from '@couchestor/shared/mayastor';

export interface PaceParts {
  /** Of the budget that all migrators share. */
  readonly takeCall: (priority: CallPriority, lifeMs: number, signal?: AbortSignal) => Promise<number>;
  /** For this process alone. */
  readonly alone: Pick<RateLimiter, 'take'>;
  /** A call may be made that the shared budget knows nothing of. */
  readonly onAlone: () => void;
  readonly clock: Clock;
}

const priorities = { release: 'release', write: 'act', read: 'read' } as const satisfies Record<CallKind, CallPriority>;
/**
 * When a call to Mayastor may be made. Our cordons may be removed without Redis: each migrator then keeps to the whole
 * budget by itself, once nothing counts any more that was granted to others before.
 */
export function createPace({ takeCall, alone, onAlone, clock }: PaceParts): Pace {
  let awaySinceMs: number | undefined;
  return async (kind, lifeMs, signal) => {
    try {
      const goodUntilMs = await takeCall(priorities[kind], lifeMs, signal);
      awaySinceMs = undefined;
      return goodUntilMs;
    } catch (error) {
      if (!(error instanceof RedisUnavailableError)) throw error;
      awaySinceMs ??= clock.monotonicMs();
      if (kind !== 'release') throw error;
      await clock.sleep(Math.max(0, awaySinceMs + SLOT_TAKEN_MAX_MS - clock.monotonicMs()), signal);
      const goodUntilMs = await alone.take(kind, lifeMs, signal);
      onAlone();
      return goodUntilMs;
    }
  };
}
