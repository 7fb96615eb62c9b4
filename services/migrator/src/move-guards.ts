import type { Clock } from '@couchestor/shared/clock';
import type { ActiveIntent } from '@couchestor/shared/messages';
import type { HeldLease } from './held-lease.ts';
import type { IntentBoard } from './intent-board.ts';
import type { MoveFence } from './move-fence.ts';
import type { MayStart, Permission } from './ports.ts';

/** What one move may do at this moment. A call asks again in the moment before it goes out. */
export interface MoveGuards {
  /** Whether a change may start: all that it needs lasts until its answer is there or is given up. */
  readonly mayAct: MayStart;
  /** A change that rests on what was read of the volume. */
  readonly mayCall: MayStart;
  /** One that rests on the fence as well. */
  readonly mayCallFenced: MayStart;
  /** Whether a cordon may be removed: that does no harm when it takes effect late, so only its start must be permitted. */
  readonly mayLift: MayStart;
  /** A cordon of a pool bears no name, so that it may stand in the fence of whoever has it next. */
  readonly mayLiftPool: (pool: string) => boolean;
  /** Whether the fence is still wanted, to remove cordons under it. */
  readonly mayWaitToLift: MayStart;
  /**
   * Cordons may be removed without the fence. Where Redis answers us alone no more, it may have given the fence to
   * another, who has written what stands in it.
   */
  readonly isFenceNobodys: MayStart;
}

export function createMoveGuards(options: {
  readonly volumeId: string;
  readonly record: { readonly intent: ActiveIntent; readonly isUnsettled: boolean };
  readonly ownership: Pick<HeldLease, 'lasts'>;
  readonly fence: Pick<MoveFence, 'isTaken' | 'lasts' | 'isNobodys'>;
  readonly permission: Pick<Permission, 'mayAct' | 'mayLift'>;
  readonly board: Pick<IntentBoard, 'closedElsewhere'>;
  readonly clock: Pick<Clock, 'nowMs' | 'monotonicMs'>;
  readonly callTimeoutMs: number;
  readonly marginMs: number;
  /** Whether the volume was read in the last few seconds. */
  readonly isFresh: () => boolean;
  readonly isStopping: () => boolean;
  /** When a stopping process leaves its cordons; undefined before the move was told. */
  readonly farewellEndsMs: () => number | undefined;
}): MoveGuards {
  const { volumeId, record, ownership, fence, permission, board, clock, callTimeoutMs, marginMs } = options;
  const { isFresh, isStopping, farewellEndsMs } = options;
  const leadMs = callTimeoutMs + marginMs;

  const mayAct = (): boolean =>
    !isStopping() &&
    !record.isUnsettled &&
    ownership.lasts(leadMs) &&
    (!fence.isTaken || fence.lasts(leadMs)) &&
    permission.mayAct(leadMs);
  const mayCall = (): boolean => mayAct() && isFresh();
  const mayLift = (): boolean => permission.mayLift(marginMs);
  const isClosedElsewhere = (pool: string): boolean => board.closedElsewhere(volumeId, clock.nowMs()).has(pool);
  const isLeaving = (): boolean => {
    const endsMs = farewellEndsMs();
    return endsMs === undefined ? isStopping() : clock.monotonicMs() > endsMs;
  };
  return {
    mayAct,
    mayCall,
    mayCallFenced: () => fence.isTaken && mayCall(),
    mayLift,
    mayLiftPool: (pool) => mayLift() && (fence.lasts(callTimeoutMs) || (fence.isNobodys && !isClosedElsewhere(pool))),
    mayWaitToLift: () => mayLift() && !isLeaving(),
    isFenceNobodys: () => fence.isNobodys && record.intent.round?.fence?.ours.some(isClosedElsewhere) !== true,
  };
}
