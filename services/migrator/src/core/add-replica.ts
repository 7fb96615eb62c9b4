import { strict as assert } from 'node:assert';
import type { ActiveIntent, Round } from '@couchestor/shared/messages';
import { parseTimestampMs } from '@couchestor/shared/units';
import { cleanUpThen } from './clean-up.ts';
import { shrinksExhausted } from './drop-replica.ts';
import { healthOf, isWhole, type Capabilities, type Evidence, type SeenVolume } from './evidence.ts';
import { closeFence } from './fence.ts';
import { obstacleTo, wouldOverfill } from './plan-rounds.ts';
import type { Step } from './step.ts';
import { PLACEMENT_MS, STUCK_MS, wait, waitOrAttend } from './waits.ts';

/** How one replica comes: behind a fence that leaves it a single pool, and what to do when it does not come. */

export const GROWTHS_MAX = 6;

/** Count and replicas are those of before the round: grow, or stop trying. */
export function asBefore(
  intent: ActiveIntent,
  round: Round,
  volume: SeenVolume,
  evidence: Evidence,
  capabilities: Capabilities,
): Step {
  const giveUp = cleanUpThen(intent, evidence, { kind: 'endRound', moved: false });
  if (intent.rollback !== undefined) return giveUp;
  // A new replica had been there and is gone by what others did: begin a new round.
  if (round.newReplicaId !== undefined) return giveUp;
  // The fence was lifted while all was stopped, or stands for too long; a new round plans a new one.
  if (round.fence === undefined || evidence.nowMs - parseTimestampMs(round.startedAt) > STUCK_MS) return giveUp;
  if (round.growths >= GROWTHS_MAX) {
    return {
      kind: 'rollBack',
      rollback: {
        outcome: 'failed',
        reason: 'NoPlacement',
        message: `${round.growths} times no replica came to pool ${round.targetPool}`,
      },
    };
  }
  if (!isWhole(volume, intent.replicaCount)) return giveUp;
  if (!evidence.fenceHeld) return { kind: 'takeFence' };
  if (evidence.cluster === undefined) return { kind: 'look', at: 'cluster' };
  const { pools, nodes } = evidence.cluster;
  const target = pools.get(round.targetPool);
  const targetNode = nodes.get(round.targetNode);
  if (target?.online !== true || target.cordoned || targetNode?.online !== true || targetNode.cordoned) return giveUp;
  if (obstacleTo(round.sourceReplicaId, volume, evidence.cluster, capabilities) !== undefined) return giveUp;
  // Two rounds may have chosen the last room of a pool before either heard of the other. Growths come one after the
  // other, and who grows has heard of every round that was stored before its own.
  if (evidence.arriving === undefined) return { kind: 'look', at: 'arriving' };
  if (wouldOverfill(intent, volume, target, evidence.arriving)) return giveUp;
  // Last, or what is given up would be taken down and put up again.
  const gap = closeFence(intent, round.fence, evidence.cluster);
  if (gap !== undefined) return gap;
  return { kind: 'grow', replicaCount: intent.replicaCount + 1 };
}

/** A growth that failed half way leaves a replica that nobody counts; Mayastor removes it by itself. */
export function extraWithoutCount(intent: ActiveIntent, evidence: Evidence, volume: SeenVolume): Step {
  if (evidence.stableForMs < STUCK_MS) return cleanUpThen(intent, evidence, wait('HalfDoneGrowth'));
  return cleanUpThen(intent, evidence, {
    kind: 'attend',
    reason: 'ExtraReplica',
    message: `the volume has ${volume.replicas.length} replicas and a count of ${volume.replicaCount}`,
  });
}

/** The count is raised and a replica is missing: Mayastor makes one, and the fence decides where. */
export function replicaMissing(intent: ActiveIntent, volume: SeenVolume, evidence: Evidence, asBefore: boolean): Step {
  const { round, replicaCount, rollback } = intent;
  assert.ok(round !== undefined, 'a round raised the count');
  if (evidence.stableForMs < PLACEMENT_MS && rollback === undefined) return wait('ReplicaNotPlaced');
  const isHealthy = volume.target === undefined || volume.replicas.every((one) => healthOf(volume, one) === 'synced');
  if (!asBefore || !isHealthy) {
    const message = `the count is ${volume.replicaCount} and ${volume.replicas.length} replicas exist`;
    return waitOrAttend(intent, evidence, 'ReplicaNotPlaced', message);
  }
  return (
    shrinksExhausted(intent, round, evidence) ??
    cleanUpThen(intent, evidence, { kind: 'shrink', replicaCount, victimReplicaId: undefined })
  );
}
