import { strict as assert } from 'node:assert';
import { cordonLabelOf, type ActiveIntent, type Round } from '@couchestor/shared/messages';
import { parseTimestampMs } from '@couchestor/shared/units';
import { GROWTHS_MAX } from './add-replica.ts';
import { cleanUp, cleanUpThen } from './clean-up.ts';
import { dropFilled, SHRINKS_MAX } from './drop-replica.ts';
import {
  healthOf,
  isWhole,
  nodesOf,
  type Capabilities,
  type Evidence,
  type SeenPool,
  type SeenReplica,
  type SeenVolume,
  type Surroundings,
} from './evidence.ts';
import { closeFence, fenceAround } from './fence.ts';
import { refusalFor } from './plan-rounds.ts';
import type { Step } from './step.ts';
import { settled, STUCK_MS, wait, waitOrAttend } from './waits.ts';

/**
 * The round of a volume that has no free node, where its policy allows one replica less for as long as a copy takes:
 *
 *   whole ── steer ── shrink ── lift the steer ── fence ── grow ── lift the fence ── rebuild ── settled ── next round
 *
 * Until the count drops there is a way back. From then on every way leads to the count of before, behind a fence or, if
 * the wanted pool cannot take the replica any more, to wherever Mayastor puts it. A node of one tier, as the older way to
 * fence wants it, leaves no place on itself, so the steer is a cordon here.
 */

/** Count and replicas are those of before the round: one may leave. */
export function leaveFirst(
  intent: ActiveIntent,
  round: Round,
  volume: SeenVolume,
  evidence: Evidence,
  capabilities: Capabilities,
): Step {
  const giveUp = cleanUpThen(intent, evidence, { kind: 'endRound', moved: false });
  const source = volume.replicas.find(({ replicaId }) => replicaId === round.sourceReplicaId);
  assert.ok(source !== undefined, 'the replicas are those of before, the source among them');
  if (intent.rollback !== undefined) return giveUp;
  if (round.shrinks >= SHRINKS_MAX) {
    const message = `it was tried ${round.shrinks} times to lower the replica count, without effect`;
    return { kind: 'rollBack', rollback: { outcome: 'failed', reason: 'Refused', message } };
  }
  if (evidence.nowMs - parseTimestampMs(round.startedAt) > STUCK_MS) return giveUp;
  if (!isWhole(volume, intent.replicaCount)) return giveUp;
  if (!settled(evidence, capabilities)) return wait('Settling');
  if (!evidence.fenceHeld) return { kind: 'takeFence' };
  if (evidence.cluster === undefined) return { kind: 'look', at: 'cluster' };
  const occupied = new Set(nodesOf(volume));
  occupied.delete(source.node);
  if (evidence.arriving === undefined) return { kind: 'look', at: 'arriving' };
  const surroundings = { ...evidence.cluster, arriving: evidence.arriving };
  if (targetNow(intent, round, volume, surroundings, occupied) === undefined) return giveUp;
  return dropFilled(intent, round, volume, evidence, capabilities, source, intent.replicaCount - 1);
}

/** One replica less than before, by us: nothing else counts now than to have it back. */
export function regrow(
  intent: ActiveIntent,
  round: Round,
  volume: SeenVolume,
  evidence: Evidence,
  capabilities: Capabilities,
): Step {
  const n0 = intent.replicaCount;
  if (volume.replicas.length >= n0) {
    return waitOrAttend(intent, evidence, 'HalfDoneGrowth', 'a replica is there that the count does not want');
  }
  const { attention } = intent;
  const mayTryAgain = attention !== undefined && evidence.nowMs - parseTimestampMs(attention.since) > STUCK_MS;
  if (round.growths >= GROWTHS_MAX && !mayTryAgain) {
    return cleanUpThen(intent, evidence, {
      kind: 'attend',
      reason: 'ReducedRedundancy',
      message: `the volume has ${n0 - 1} of ${n0} replicas, and Mayastor adds none; make room on a pool`,
    });
  }
  if (!evidence.fenceHeld) return { kind: 'takeFence' };
  if (evidence.cluster === undefined) return { kind: 'look', at: 'cluster' };
  const steered = round.steer?.kind === 'nodeCordon';
  // A replica that is missing does not wait for news of others.
  const surroundings = { ...evidence.cluster, arriving: evidence.arriving ?? new Map<string, number>() };
  const target = targetNow(intent, round, volume, surroundings, nodesOf(volume));
  const isOpen = intent.rollback !== undefined || round.growths >= OPEN_AFTER || target === undefined;
  if (steered || isOpen) {
    const lifted = cleanUp(intent, evidence, 'all');
    if (lifted?.kind === 'forgetCordons') return { ...lifted, keepsFence: true };
    // A fence in which others had cordoned everything has nothing to take away.
    if (lifted !== undefined) return lifted;
  }
  if (!isOpen) {
    if (round.fence === undefined) {
      return { kind: 'planFence', fence: fenceAround(target, volume, evidence.cluster, capabilities) };
    }
    const gap = closeFence(intent, round.fence, evidence.cluster);
    if (gap !== undefined) return gap;
  }
  return { kind: 'grow', replicaCount: n0 };
}

/** After so many tries behind the fence any pool will do. */
const OPEN_AFTER = 3;

/** The count is right again and the set another one: it fills, or Mayastor still looks for a place. */
export function fillAgain(
  intent: ActiveIntent,
  round: Round,
  volume: SeenVolume,
  evidence: Evidence,
  capabilities: Capabilities,
  added: readonly SeenReplica[],
): Step {
  if (volume.replicas.length < intent.replicaCount) {
    return waitOrAttend(intent, evidence, 'ReplicaNotPlaced', 'the count is as before, and a replica is missing');
  }
  const lifted = cleanUp(intent, evidence, 'all');
  if (lifted !== undefined) return lifted;
  const hasLeft = volume.replicas.every(({ replicaId }) => replicaId !== round.sourceReplicaId);
  const endRound: Step = { kind: 'endRound', moved: hasLeft };
  // What fills is needed, so an end that was asked for comes at once and leaves it to Mayastor.
  if (intent.rollback !== undefined) return endRound;
  const newcomer = added.find(({ pool }) => pool === round.targetPool);
  if (newcomer !== undefined && round.newReplicaId !== newcomer.replicaId) {
    return { kind: 'recordAdded', replicaId: newcomer.replicaId, pool: newcomer.pool, node: newcomer.node };
  }
  if (isWhole(volume, intent.replicaCount)) {
    if (!settled(evidence, capabilities)) return wait('Settling');
    if (newcomer !== undefined && round.syncedAt === undefined) return { kind: 'recordSynced' };
    return endRound;
  }
  const sinceMs = parseTimestampMs(round.addedAt ?? round.startedAt);
  const isSlow = newcomer !== undefined && healthOf(volume, newcomer) !== 'synced';
  if (isSlow && evidence.nowMs - sinceMs > intent.syncTimeoutMs) {
    const message = `Sync timeout: replica ${newcomer.replicaId} on pool ${newcomer.pool} was not filled in time, and is needed`;
    return { kind: 'attend', reason: 'SyncTimeout', message };
  }
  return waitOrAttend(intent, evidence, 'Rebuilding', 'the volume does not become whole with its new replica');
}

/** The target pool if it can take the replica beside those on these nodes; our own cordon is on its way out. */
function targetNow(
  intent: ActiveIntent,
  round: Round,
  volume: SeenVolume,
  { pools, nodes, arriving }: Surroundings,
  occupied: ReadonlySet<string>,
): SeenPool | undefined {
  const pool = pools.get(round.targetPool);
  const node = nodes.get(round.targetNode);
  if (pool === undefined || node === undefined) return undefined;
  const label = cordonLabelOf(intent.migrationId);
  const cordoned = node.draining || node.cordonLabels.some((other) => other !== label);
  const withoutOurs = { pools, arriving, nodes: new Map(nodes).set(node.name, { ...node, cordoned }) };
  return refusalFor(intent, volume, pool, withoutOurs, occupied) === undefined ? pool : undefined;
}
