import type { ActiveIntent } from '@couchestor/shared/messages';
import { parseTimestampMs } from '@couchestor/shared/units';
import type { Capabilities, Evidence } from './core/evidence.ts';
import type { WaitReason } from './core/step.ts';

/** How long a move waits before it looks again, and with what. */

/**
 * Short states keep the fence; nothing that lasts does. A removal that may yet come would open what stands in the fence of
 * whoever has it next.
 */
export function keepsFence(reason: WaitReason, { liftInDoubt }: Pick<Evidence, 'liftInDoubt'>): boolean {
  return liftInDoubt === true || reason === 'Busy' || reason === 'ReplicaNotPlaced' || reason === 'ReattachPending';
}

/** A copy that has ended is noticed late by a share of the time that it took, or by this. */
const FILLING_LOOK_MIN_MS = 2_000;
const FILLING_LOOK_SHARE = 0.025;

export function waitMs(
  reason: WaitReason,
  { round }: ActiveIntent,
  evidence: Evidence,
  { cachePeriodMs }: Capabilities,
): number {
  switch (reason) {
    case 'Rebuilding': {
      const elapsedMs = round?.addedAt === undefined ? 0 : evidence.nowMs - parseTimestampMs(round.addedAt);
      return Math.min(cachePeriodMs, Math.max(FILLING_LOOK_MIN_MS, Math.ceil(FILLING_LOOK_SHARE * elapsedMs)));
    }
    case 'Busy':
    case 'ReattachPending':
      return Math.min(1_000, cachePeriodMs);
    case 'Settling': {
      // What has agreed for long enough and is not settled waits for something else to change.
      const leftMs = cachePeriodMs - evidence.stableForMs + 1;
      return leftMs > 0 ? Math.max(10, Math.ceil(leftMs)) : cachePeriodMs;
    }
    case 'Stopped':
    case 'CountInDoubt':
    case 'LiftInDoubt':
      return 2_000;
    case 'FencedElsewhere':
    case 'ReplicaNotPlaced':
    case 'HalfDoneGrowth':
    case 'VictimNodeAway':
    case 'KeptReplicaCordoned':
    case 'KeptReplicaMisfits':
    case 'OwnersDiffer':
    case 'NotPublished':
    case 'VolumeDegraded':
      return cachePeriodMs;
  }
}
