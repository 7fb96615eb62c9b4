import type { Clock } from '@couchestor/shared/clock';
import type { Outcome } from '@couchestor/shared/mayastor';

/** What may yet come of calls of one move that were to set or remove cordons, and had no answer. */
export interface CordonDoubts {
  /** @returns until when one of these may yet be set, by the monotonic clock; 0 if all had an answer */
  afterSet(outcomes: readonly Outcome<unknown>[]): number;
  beforeLift(pools: readonly string[]): void;
  /** @param outcomes of the removals from `pools`, in their order, and from nodes after them */
  afterLift(pools: readonly string[], outcomes: readonly Outcome<unknown>[]): void;
  /** For so long a call may yet set a cordon, or open what the next one fences. */
  leftMs(): number;
  /** Whether a removal may yet come, and take away what was set again since. */
  isLiftInDoubt(): boolean;
  /** None of the cordons is shown any more, so no removal is under way. */
  areGone(): void;
}

export function createCordonDoubts(options: {
  readonly clock: Pick<Clock, 'monotonicMs'>;
  /** A call that had no answer may still take effect so much later. */
  readonly lateMs: number;
  /** Whoever had the move before may have sent one as its last call. */
  readonly inheritedUntilMs: number;
}): CordonDoubts {
  const { clock, lateMs, inheritedUntilMs } = options;
  let setUntilMs = inheritedUntilMs;
  /** Removals of pools' cordons, and until when they may come. */
  const unansweredLifts = new Map<string, number>();
  /** Till then a removal that had to be repeated may still come. */
  let repeatedLiftUntilMs = 0;
  let liftUntilMs = inheritedUntilMs;
  return {
    afterSet: (outcomes) => {
      if (!outcomes.some(({ kind }) => kind === 'unknown')) return 0;
      setUntilMs = clock.monotonicMs() + lateMs;
      return setUntilMs;
    },
    beforeLift: (pools) => {
      for (const pool of pools) repeatedLiftUntilMs = Math.max(repeatedLiftUntilMs, unansweredLifts.get(pool) ?? 0);
    },
    afterLift: (pools, outcomes) => {
      const untilMs = clock.monotonicMs() + lateMs;
      for (const [position, { kind }] of outcomes.entries()) {
        if (kind !== 'unknown') continue;
        liftUntilMs = untilMs;
        const pool = pools[position];
        if (pool !== undefined) unansweredLifts.set(pool, untilMs);
      }
    },
    leftMs: () => Math.max(0, Math.max(setUntilMs, repeatedLiftUntilMs) - clock.monotonicMs()),
    isLiftInDoubt: () => clock.monotonicMs() < liftUntilMs,
    areGone: () => {
      liftUntilMs = 0;
    },
  };
}
