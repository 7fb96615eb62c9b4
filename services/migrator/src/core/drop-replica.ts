import { strict as assert } from 'node:assert';
import { cordonLabelOf, type ActiveIntent, type Round } from '@couchestor/shared/messages';
import { parseTimestampMs } from '@couchestor/shared/units';
import { cleanUpThen } from './clean-up.ts';
import {
  healthOf,
  isWhole,
  misfitBefore,
  ownersAgree,
  type Capabilities,
  type Evidence,
  type SeenReplica,
  type SeenVolume,
} from './evidence.ts';
import type { Rollback, Step } from './step.ts';
import { PLACEMENT_MS, settled, STUCK_MS, wait, waitOrAttend } from './waits.ts';

/** How one replica leaves: which, when it may, and by what it is made sure that it is that one. */

/** Steers count as well. */
export const SHRINKS_MAX = 6;

/** Asks a person once it was tried often enough; tried again after a while, or when the person aborts the move. */
export function shrinksExhausted(intent: ActiveIntent, round: Round, evidence: Evidence): Step | undefined {
  if (round.shrinks < SHRINKS_MAX) return undefined;
  const { attention } = intent;
  if (attention !== undefined && evidence.nowMs - parseTimestampMs(attention.since) > STUCK_MS) return undefined;
  return cleanUpThen(intent, evidence, {
    kind: 'attend',
    reason: 'ShrinkWithoutEffect',
    message: `it was tried ${round.shrinks} times to lower the replica count to ${intent.replicaCount}, without effect`,
  });
}

/**
 * Who should go. Rolling back: what came. Else, in this order: what came to a wrong pool, the source, any other replica
 * off the tier, and last what came beyond the need.
 */
export function chooseVictim(
  intent: ActiveIntent,
  round: Round,
  volume: SeenVolume,
  added: readonly SeenReplica[],
  gone: readonly string[],
): SeenReplica {
  const unfilledFirst = (replicas: readonly SeenReplica[]): SeenReplica | undefined =>
    replicas.find((replica) => healthOf(volume, replica) !== 'synced') ?? replicas[0];
  const tierPools = new Set(intent.targetPools);
  const astray = added.filter((replica) => replica.pool !== round.targetPool);
  const source = volume.replicas.find((replica) => replica.replicaId === round.sourceReplicaId);
  const offTier = volume.replicas.filter((replica) => !tierPools.has(replica.pool));
  const victim =
    intent.rollback !== undefined && gone.length === 0
      ? unfilledFirst(added)
      : (unfilledFirst(astray) ?? source ?? unfilledFirst(offTier) ?? unfilledFirst(added));
  assert.ok(victim !== undefined, 'of more replicas than before one came');
  return victim;
}

/**
 * The count came down while a cordon named who should go, and what should have stayed, or was worth a copy, went instead:
 * this Mayastor does not let a cordon choose, and another round would copy once more for the same.
 */
export function steerMissed(intent: ActiveIntent, round: Round, volume: SeenVolume): Rollback | undefined {
  const { steer, syncedAt, newReplicaId, replicasBefore } = round;
  const isShrinkFirst = round.order === 'shrinkFirst';
  const leftCount = isShrinkFirst ? intent.replicaCount - 1 : intent.replicaCount;
  if (intent.rollback !== undefined || steer?.kind !== 'nodeCordon') return undefined;
  if (volume.replicaCount !== leftCount || volume.replicas.length !== leftCount) return undefined;
  const present = new Set(volume.replicas.map(({ replicaId }) => replicaId));
  if (!present.has(steer.victimReplicaId)) return undefined;
  const filled = newReplicaId !== undefined && syncedAt !== undefined ? [newReplicaId] : [];
  const tierPools = new Set(intent.targetPools);
  const kept = replicasBefore.filter(({ pool }) => isShrinkFirst || tierPools.has(pool));
  const lost = [...kept.map(({ replicaId }) => replicaId), ...filled].find((replicaId) => !present.has(replicaId));
  if (lost === undefined) return undefined;
  const message =
    `replica ${lost} was removed, though the cordon of node ${steer.node} should have made it ` +
    `${steer.victimReplicaId}; unless a person lowered the count just then, this Mayastor does not let cordons choose: ` +
    'disable the policy until it is upgraded';
  return { outcome: 'failed', reason: 'WrongVictim', message };
}

export function dropUnfilled(intent: ActiveIntent, volume: SeenVolume, evidence: Evidence, victim: SeenReplica): Step {
  const blocked = victimOutOfReach(intent, volume, evidence, victim);
  if (blocked !== undefined) return blocked;
  if (volume.target !== undefined) {
    // Another one that is not healthy might go in its place; and one outside the target cannot be destroyed.
    const kept = volume.replicas.filter((replica) => replica.replicaId !== victim.replicaId);
    if (!kept.every((replica) => healthOf(volume, replica) === 'synced')) {
      return waitOrAttend(intent, evidence, 'VolumeDegraded', 'the replicas that stay are not all healthy');
    }
    if (victim.childState === undefined) {
      return waitOrAttend(intent, evidence, 'ReattachPending', `replica ${victim.replicaId} is outside the target`);
    }
  }
  return { kind: 'shrink', replicaCount: intent.replicaCount, victimReplicaId: victim.replicaId };
}

/** A shrink on a victim whose node is away, or that an old target still owns, goes wrong in Mayastor: wait instead. */
function victimOutOfReach(
  intent: ActiveIntent,
  volume: SeenVolume,
  evidence: Evidence,
  victim: SeenReplica,
): Step | undefined {
  const away = (): Step =>
    waitOrAttend(intent, evidence, 'VictimNodeAway', `replica ${victim.replicaId} should go and its node is away`);
  if (victim.state === 'Unknown' || victim.node === '') return away();
  if (evidence.cluster === undefined) return { kind: 'look', at: 'cluster' };
  if (evidence.cluster.nodes.get(victim.node)?.online !== true) return away();
  if (volume.target === undefined) return undefined;
  if (evidence.owners === undefined) return { kind: 'look', at: 'owners' };
  if (ownersAgree(volume, evidence.owners)) return undefined;
  return waitOrAttend(intent, evidence, 'OwnersDiffer', 'an old target still owns replicas of the volume');
}

/**
 * The victim holds all data, so the choice is Mayastor's unless we steer it; and enough others must hold it too.
 *
 * @param replicaCount after it has gone
 */
export function dropFilled(
  intent: ActiveIntent,
  round: Round,
  volume: SeenVolume,
  evidence: Evidence,
  capabilities: Capabilities,
  victim: SeenReplica,
  replicaCount: number,
): Step {
  const kept = volume.replicas.filter((replica) => replica.replicaId !== victim.replicaId);
  if (volume.target === undefined) {
    return waitOrAttend(intent, evidence, 'NotPublished', 'the volume was unpublished with one replica too many');
  }
  if (!kept.every((replica) => healthOf(volume, replica) === 'synced')) {
    return waitOrAttend(intent, evidence, 'VolumeDegraded', 'the replicas that stay are not all healthy');
  }
  const kind = capabilities.method === 'poolCordon' ? 'nodeCordon' : 'childRemoval';
  const { steer } = round;
  const steered = steer?.kind === 'childRemoval' && steer.victimReplicaId === victim.replicaId;
  if (!steered && !(isWhole(volume, replicaCount + 1) && settled(evidence, capabilities))) {
    return waitOrAttend(intent, evidence, 'Settling', 'the volume does not become whole with its new replica');
  }
  if (!evidence.fenceHeld) return { kind: 'takeFence' };
  const blocked = victimOutOfReach(intent, volume, evidence, victim);
  if (blocked !== undefined) return blocked;
  assert.ok(evidence.cluster !== undefined, 'the nodes were looked at');
  const { nodes, pools } = evidence.cluster;
  // What the target shows is up to a cache period old; that a node or pool is gone shows sooner.
  if (!kept.every(({ node, pool }) => nodes.get(node)?.online === true && pools.get(pool)?.online === true)) {
    return waitOrAttend(intent, evidence, 'VolumeDegraded', 'a node or pool of a replica that stays is not online');
  }

  const plan: Step = { kind: 'planSteer', steer: { kind, node: victim.node, victimReplicaId: victim.replicaId } };
  if (steer !== undefined && steer.victimReplicaId !== victim.replicaId) return cleanUpThen(intent, evidence, plan);
  if (kind === 'nodeCordon' && kept.some((replica) => nodes.get(replica.node)?.cordoned !== false)) {
    const message = 'a replica that stays is on a cordoned node, so the right one cannot be removed; lift that cordon';
    return waitOrAttend(intent, evidence, 'KeptReplicaCordoned', message);
  }
  // Whether Mayastor removes what is on a cordoned pool first is not proven, and so it may.
  if (kind === 'nodeCordon' && kept.some(({ pool }) => pools.get(pool)?.cordoned !== false)) {
    const message = 'a replica that stays is on a cordoned pool, so it might be removed instead; lift that cordon';
    return waitOrAttend(intent, evidence, 'KeptReplicaCordoned', message);
  }
  const misfit = kind === 'nodeCordon' ? misfitBefore(victim, kept, volume, evidence.cluster) : undefined;
  if (misfit !== undefined) {
    const message = `replica ${misfit.replicaId}, which stays, does not fit the topology of the volume any more, so Mayastor would remove it first; label pool ${misfit.pool} and node ${misfit.node} as the volume wants it`;
    return waitOrAttend(intent, evidence, 'KeptReplicaMisfits', message);
  }
  if (steer === undefined) return plan;
  switch (steer.kind) {
    case 'nodeCordon': {
      const label = cordonLabelOf(intent.migrationId);
      if (nodes.get(victim.node)?.cordonLabels.includes(label) !== true)
        return { kind: 'steerByCordon', node: victim.node };
      break;
    }
    case 'childRemoval': {
      if (healthOf(volume, victim) === 'synced' && victim.childUri !== undefined) {
        return { kind: 'steerByChildRemoval', nexusId: volume.target.nexusId, childUri: victim.childUri };
      }
      // Before it is back as a child that fills, a shrink would drop it from the volume and leave it on the disk.
      if (victim.childState !== 'Degraded') {
        const message = `replica ${victim.replicaId} was taken out of the target and does not come back`;
        return evidence.stableForMs < PLACEMENT_MS
          ? wait('ReattachPending')
          : waitOrAttend(intent, evidence, 'ReattachPending', message);
      }
      break;
    }
  }
  return { kind: 'shrink', replicaCount, victimReplicaId: victim.replicaId };
}
