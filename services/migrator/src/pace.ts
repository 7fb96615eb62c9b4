import type { Clock } from '@couchestor/shared/clock';
import { RedisUnavailableError, type CallPriority } from '@couchestor/shared/leases';
import type { CallKind, RateLimiter } from '@couchestor/shared/mayastor';

export interface PaceParts {
  /** Of the budget that all migrators share. */
  readonly takeCall: (priority: CallPriority, signal?: AbortSignal) => Promise<void>;
  /** For this process alone. */
  readonly alone: RateLimiter;
  readonly clock: Clock;
}

const priorities = { release: 'release', write: 'act', read: 'read' } as const satisfies Record<CallKind, CallPriority>;
/** What was granted before Redis went away has arrived by then, and counts no more. */
const AWAY_PAUSE_MS = 1_100;

/**
 * When a call to Mayastor may be made. Our cordons may be removed without Redis: each migrator then keeps to the whole
 * budget by itself, once a second has passed in which nobody was granted anything.
 */
export function createPace({ takeCall, alone, clock }: PaceParts) {
  let awaySinceMs: number | undefined;
  return async (kind: CallKind, signal?: AbortSignal): Promise<void> => {
    try {
      await takeCall(priorities[kind], signal);
      awaySinceMs = undefined;
    } catch (error) {
      if (!(error instanceof RedisUnavailableError)) throw error;
      awaySinceMs ??= clock.monotonicMs();
      if (kind !== 'release') throw error;
      await clock.sleep(Math.max(0, awaySinceMs + AWAY_PAUSE_MS - clock.monotonicMs()), signal);
      await alone.take(kind, signal);
    }
  };
}
