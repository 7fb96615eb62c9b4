import type { Clock } from '@couchestor/shared/clock';
import type { Outcome } from '@couchestor/shared/mayastor';
import type { Mayastor, MayStart } from './ports.ts';

/** The count of replicas, as one move asks Mayastor for it, and what may yet come of that. */
export interface ReplicaCount {
  set(replicaCount: number, mayStart: MayStart): Promise<Outcome<unknown>>;
  /** One that was asked for lately, has had no answer, and may yet be set; `any` when it is not known which. */
  inDoubt(): number | 'any' | undefined;
  /** One that was asked for, and since then it is not known that the move was still ours. */
  readonly unproven: number | undefined;
  /** The move is known to have been ours until now. */
  proven(): void;
}

export function createReplicaCount(options: {
  readonly volumeId: string;
  readonly mayastor: Pick<Mayastor, 'setReplicaCount'>;
  readonly clock: Clock;
  /** A call that had no answer may still take effect so much later. */
  readonly lateMs: number;
  /** Whoever had the move before may have sent one as its last call. */
  readonly inheritedDoubtUntilMs: number;
  /** The volume may be another than it was read. */
  readonly onTouched: () => void;
}): ReplicaCount {
  const { volumeId, mayastor, clock, lateMs, inheritedDoubtUntilMs, onTouched } = options;
  let doubt: { readonly replicaCount: number | 'any'; readonly untilMs: number } = {
    replicaCount: 'any',
    untilMs: inheritedDoubtUntilMs,
  };
  let unproven: number | undefined;
  return {
    set: async (replicaCount, mayStart) => {
      const outcome = await mayastor.setReplicaCount(volumeId, replicaCount, mayStart);
      onTouched();
      if (outcome.kind !== 'refused') unproven = replicaCount;
      if (outcome.kind === 'unknown') doubt = { replicaCount, untilMs: clock.monotonicMs() + lateMs };
      return outcome;
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
