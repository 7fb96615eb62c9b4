import type { Clock } from '@couchestor/shared/clock';
import type { Outcome } from '@couchestor/shared/mayastor';

/** What may yet come of the counts of replicas that one move has asked Mayastor for. */
export interface CountDoubts {
  afterSet(replicaCount: number, outcome: Outcome<unknown>): void;
  /** One that was asked for lately, has had no answer, and may yet be set; `any` when it is not known which. */
  inDoubt(): number | 'any' | undefined;
  /** One that was asked for, and since then it is not known that the move was still ours. */
  readonly unproven: number | undefined;
  /** The move is known to have been ours until now. */
  proven(): void;
}

export function createCountDoubts(options: {
  readonly clock: Pick<Clock, 'monotonicMs'>;
  /** A call that had no answer may still take effect so much later. */
  readonly lateMs: number;
  /** Whoever had the move before may have sent one as its last call. */
  readonly inheritedUntilMs: number;
}): CountDoubts {
  const { clock, lateMs, inheritedUntilMs } = options;
  let doubt: { readonly replicaCount: number | 'any'; readonly untilMs: number } = {
    replicaCount: 'any',
    untilMs: inheritedUntilMs,
  };
  let unproven: number | undefined;
  return {
    afterSet: (replicaCount, { kind }) => {
      if (kind !== 'refused') unproven = replicaCount;
      if (kind === 'unknown') doubt = { replicaCount, untilMs: clock.monotonicMs() + lateMs };
    },
    inDoubt: () => (clock.monotonicMs() < doubt.untilMs ? doubt.replicaCount : undefined),
    get unproven() {
      return unproven;
    },
    proven: () => {
      unproven = undefined;
    },
  };
}
