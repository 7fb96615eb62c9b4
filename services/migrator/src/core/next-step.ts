import { strict as assert } from 'node:assert';
import { cordonLabelOf, isOurCordonLabel, type ActiveIntent, type Round } from '@couchestor/shared/messages';
import { parseTimestampMs } from '@couchestor/shared/units';
import { asBefore, extraWithoutCount, replicaMissing } from './add-replica.ts';
import { cleanUp, cleanUpThen } from './clean-up.ts';
import { chooseVictim, dropFilled, dropUnfilled, shrinksExhausted, steerMissed } from './drop-replica.ts';
import {
  healthOf,
  isWhole,
  nodesOf,
  tierPoolsOf,
  type Capabilities,
  type Evidence,
  type SeenReplica,
  type SeenVolume,
} from './evidence.ts';
import { planRounds } from './plan-rounds.ts';
import { fillAgain, leaveFirst, regrow } from './shrink-first.ts';
import type { Step } from './step.ts';
import { isIdle, patienceMs, PLACEMENT_MS, settled, wait, waitOrAttend } from './waits.ts';

/**
 * The protocol of a move. Mayastor has no "move": a replica is added where we want it, filled, and an old one removed,
 * one replica after the other. The answer depends only on the intent and on what Mayastor shows now, never on which call
 * came last, so it is the same after a crash, a time-out or a take-over.
 *
 * A round brings one replica from its source to its target:
 *
 *   whole ── fence ── grow ── lift the fence ── rebuild ── settled ── steer ── shrink ── lift the steer ── next round
 *
 * What is seen is compared with `replicasBefore`: replicas that came, and replicas that went. Whatever does not fit the
 * way above (a stranger, another victim, a set that changed by itself) ends in a state with the right count, and the
 * next round is planned from what is there then. Rolling back is the same walk in the other direction: a replica that
 * is not filled yet is the first to go when the count drops.
 *
 * Counts and ids are believed only when the volume is idle; a replica counts as filled only when the target said so
 * twice, a cache period apart; and before the count drops, everything is read again.
 */
export function nextStep(intent: ActiveIntent, evidence: Evidence, capabilities: Capabilities): Step {
  const step = stepFrom(intent, evidence, capabilities);
  if (isOpenToDoubt(step, evidence)) return wait('CountInDoubt');
  return evidence.liftInDoubt === true && restsOnCordons(step, intent) ? wait('LiftInDoubt') : step;
}

/** A growth rests on its fence, and which replica goes on the steer. */
function restsOnCordons(step: Step, { round }: ActiveIntent): boolean {
  return step.kind === 'grow' || (step.kind === 'shrink' && round?.steer?.kind === 'nodeCordon');
}

/**
 * A count that had no answer may still be set. Till that is over no other is asked for, and the round does not end,
 * since only within it the replica that comes is known to be ours. The fence would be held for nothing.
 */
function isOpenToDoubt(step: Step, { countInDoubt, volume }: Evidence): boolean {
  if (countInDoubt === undefined || volume === 'absent') return false;
  switch (step.kind) {
    case 'grow':
    case 'shrink':
      return step.replicaCount !== countInDoubt;
    case 'takeFence':
      return step.toLift !== true;
    case 'steerByChildRemoval':
    case 'endRound':
      return true;
    case 'look':
    case 'wait':
    case 'end':
    case 'startRound':
    case 'recordAdded':
    case 'recordSynced':
    case 'planSteer':
    case 'forgetCordons':
    case 'planFence':
    case 'rollBack':
    case 'attend':
    case 'fencePools':
    case 'fenceNodes':
    case 'steerByCordon':
    case 'lift':
      return false;
  }
}

function stepFrom(intent: ActiveIntent, evidence: Evidence, capabilities: Capabilities): Step {
  const { volume } = evidence;
  if (volume === 'absent') {
    const isGone = settled(evidence, capabilities);
    return cleanUpThen(intent, evidence, isGone ? { kind: 'end', end: volumeDeleted } : wait('Settling'));
  }
  if (!evidence.mayAct)
    return intent.round === undefined ? wait('Stopped') : cleanUpThen(intent, evidence, wait('Stopped'));
  if (evidence.abortRequested && intent.rollback === undefined) return { kind: 'rollBack', rollback: abortedByPerson };
  // The long part of a move needs no probe: nothing rests on the count while a replica fills.
  if (stillFilling(intent, volume, evidence)) return wait('Rebuilding');
  if (evidence.idle === undefined) return { kind: 'look', at: 'idle' };
  if (!isIdle(evidence, capabilities)) {
    if (evidence.stableForMs < PLACEMENT_MS) return wait('Busy');
    return waitOrAttend(intent, evidence, 'Busy', 'an operation on the volume does not come to an end');
  }
  const { round } = intent;
  if (round === undefined) return betweenRounds(intent, volume, evidence, capabilities);
  return withinRound(intent, round, volume, evidence, capabilities);
}

const volumeDeleted = {
  outcome: 'aborted',
  reason: 'VolumeDeleted',
  message: 'the volume was deleted while it moved',
} as const;
const abortedByPerson = {
  outcome: 'aborted',
  reason: 'AbortRequested',
  message: 'a person asked for it with the annotation abort',
} as const;

function stillFilling(
  { round, rollback, syncTimeoutMs }: ActiveIntent,
  volume: SeenVolume,
  { nowMs }: Evidence,
): boolean {
  if (round?.addedAt === undefined || round.syncedAt !== undefined || isFenced(round)) return false;
  if (rollback !== undefined || volume.target === undefined) return false;
  if (nowMs - parseTimestampMs(round.addedAt) > syncTimeoutMs) return false;
  const newcomer = volume.replicas.find((replica) => replica.replicaId === round.newReplicaId);
  return newcomer?.rebuildPercent !== undefined && healthOf(volume, newcomer) === 'unsynced';
}

const isFenced = ({ fence }: Round): boolean => fence !== undefined && fence.ours.length > 0;

/** Nothing of ours is in the cluster: decide whether there is another round. */
function betweenRounds(intent: ActiveIntent, volume: SeenVolume, evidence: Evidence, capabilities: Capabilities): Step {
  if (intent.rollback !== undefined) return { kind: 'end', end: intent.rollback };
  if (volume.replicaCount !== intent.replicaCount) {
    return {
      kind: 'end',
      end: {
        outcome: 'aborted',
        reason: 'ReplicaCountChanged',
        message: `somebody changed the replica count from ${intent.replicaCount} to ${volume.replicaCount}`,
      },
    };
  }
  if (volume.target === undefined) {
    if (!settled(evidence, capabilities)) return wait('NotPublished');
    return {
      kind: 'end',
      end: {
        outcome: 'aborted',
        reason: 'NotPublished',
        message: 'the volume was unpublished; what moved stays moved',
      },
    };
  }
  if (!isWhole(volume, intent.replicaCount)) {
    if (evidence.stableForMs < patienceMs(intent, volume)) return wait('VolumeDegraded');
    return {
      kind: 'end',
      end: { outcome: 'failed', reason: 'VolumeDegraded', message: 'the volume is not wholly healthy and stays so' },
    };
  }
  if (!volume.selfHeal) {
    return { kind: 'end', end: { outcome: 'failed', reason: 'Refused', message: 'self-heal of the volume is off' } };
  }
  if (volume.hasSnapshots && !intent.allowSnapshots) {
    const message = 'the volume has snapshots, and the policy does not allow to move such';
    return { kind: 'end', end: { outcome: 'failed', reason: 'Refused', message } };
  }
  if (!settled(evidence, capabilities)) return wait('Settling');
  const tierPools = tierPoolsOf(intent);
  if (volume.replicas.every((replica) => tierPools.has(replica.pool)))
    return { kind: 'end', end: { outcome: 'completed' } };
  if (!evidence.fenceHeld) return { kind: 'takeFence' };
  if (evidence.cluster === undefined) return { kind: 'look', at: 'cluster' };
  if (evidence.arriving === undefined) return { kind: 'look', at: 'arriving' };
  const surroundings = { ...evidence.cluster, arriving: evidence.arriving };
  const plan = planRounds(intent, volume, surroundings, capabilities, evidence.nowMs);
  switch (plan.kind) {
    case 'blocked':
      if (isFencedOff(intent, volume, evidence)) return wait('FencedElsewhere');
      return { kind: 'end', end: { outcome: 'failed', reason: plan.reason, message: plan.message } };
    case 'rounds':
      if (intent.roundsStarted >= roundsMax(intent)) {
        return {
          kind: 'end',
          end: {
            outcome: 'failed',
            reason: 'Unsettled',
            message: `still not there after ${intent.roundsStarted} rounds`,
          },
        };
      }
      return { kind: 'startRound', rounds: plan.rounds, zones: plan.zones };
  }
}

/**
 * Whether cordons of another move keep the volume off its tier. We have the lease of the fence, so that move has lost it:
 * its cordons go when it is taken over, and are no reason to fail.
 */
function isFencedOff(intent: ActiveIntent, volume: SeenVolume, { cluster, fencedElsewhere }: Evidence): boolean {
  const occupied = nodesOf(volume);
  const own = cordonLabelOf(intent.migrationId);
  const isOthers = (node: string): boolean =>
    cluster?.nodes.get(node)?.cordonLabels.some((label) => isOurCordonLabel(label) && label !== own) === true;
  const isFenced = (name: string): boolean =>
    cluster?.pools.get(name)?.cordoned === true && fencedElsewhere?.has(name) === true;
  const isClosed = (name: string): boolean => {
    const node = cluster?.pools.get(name)?.node;
    return node !== undefined && !occupied.has(node) && (isOthers(node) || isFenced(name));
  };
  return (
    volume.replicas.some(({ node, pool }) => isOthers(node) || isFenced(pool)) || intent.targetPools.some(isClosed)
  );
}

/** Each replica once, and as many again for rounds that somebody else undid. */
const roundsMax = (intent: ActiveIntent): number => 2 * intent.replicaCount + 2;

function withinRound(
  intent: ActiveIntent,
  round: Round,
  volume: SeenVolume,
  evidence: Evidence,
  capabilities: Capabilities,
): Step {
  const n0 = intent.replicaCount;
  const before = new Set(round.replicasBefore.map((replica) => replica.replicaId));
  const present = new Set(volume.replicas.map((replica) => replica.replicaId));
  const added = volume.replicas.filter((replica) => !before.has(replica.replicaId));
  const gone = [...before].filter((id) => !present.has(id));
  const isSameSet = added.length === 0 && gone.length === 0;
  const isShrinkFirst = round.order === 'shrinkFirst';
  const endRound = (moved: boolean): Step => cleanUpThen(intent, evidence, { kind: 'endRound', moved });
  assert.ok(before.has(round.sourceReplicaId), 'the source is one of the replicas of before');

  // We did nothing yet and somebody else did: what is there now is the new beginning.
  if (round.growths + round.shrinks === 0 && (volume.replicaCount !== n0 || !isSameSet)) return endRound(false);
  const missed = steerMissed(intent, round, volume);
  if (missed !== undefined) return { kind: 'rollBack', rollback: missed };
  if (volume.replicaCount === n0) {
    if (volume.replicas.length > n0) return extraWithoutCount(intent, evidence, volume);
    if (isShrinkFirst && isSameSet) return leaveFirst(intent, round, volume, evidence, capabilities);
    if (isShrinkFirst) return fillAgain(intent, round, volume, evidence, capabilities, added);
    if (isSameSet) return asBefore(intent, round, volume, evidence, capabilities);
    // The source left and the new one stayed, or the set changed by itself. Either way the count is right.
    return endRound(gone.includes(round.sourceReplicaId));
  }
  if (isShrinkFirst && volume.replicaCount === n0 - 1) return regrow(intent, round, volume, evidence, capabilities);
  if (!isShrinkFirst && volume.replicaCount === n0 + 1) {
    return oneMore(intent, round, volume, evidence, capabilities, added, gone);
  }
  // With fewer than before nothing of ours is left; with more, one may be ours, and a person has to say which.
  if (volume.replicaCount < n0 || isShrinkFirst || intent.rollback !== undefined) return endRound(false);
  return cleanUpThen(intent, evidence, {
    kind: 'attend',
    reason: 'ReplicaCountChanged',
    message: `the replica count is ${volume.replicaCount} and was ${n0} when the move began; set it back to ${n0}, or abort the move to keep it`,
  });
}

/** One replica more than before is wanted: fill the new one, then remove one that is not where it belongs. */
function oneMore(
  intent: ActiveIntent,
  round: Round,
  volume: SeenVolume,
  evidence: Evidence,
  capabilities: Capabilities,
  added: readonly SeenReplica[],
  gone: readonly string[],
): Step {
  const n0 = intent.replicaCount;
  if (volume.replicas.length <= n0) {
    return replicaMissing(intent, volume, evidence, added.length === 0 && gone.length === 0);
  }
  // The fence has done its work as soon as the volume is idle; it never stays for the rebuild.
  const lifted = cleanUp(intent, evidence, 'fence');
  if (lifted !== undefined) return lifted;

  const victim = chooseVictim(intent, round, volume, added, gone);
  const health = healthOf(volume, victim);
  const newcomer = added.find((replica) => replica.pool === round.targetPool);
  const forward = victim.replicaId === round.sourceReplicaId && intent.rollback === undefined;

  if (forward && newcomer !== undefined) {
    if (round.newReplicaId !== newcomer.replicaId || round.addedAt === undefined) {
      return { kind: 'recordAdded', replicaId: newcomer.replicaId, pool: newcomer.pool, node: newcomer.node };
    }
    if (round.syncedAt === undefined) {
      const synced = healthOf(volume, newcomer) === 'synced' && isWhole(volume, n0 + 1);
      if (synced && settled(evidence, capabilities)) return { kind: 'recordSynced' };
      if (!synced && evidence.nowMs - parseTimestampMs(round.addedAt) > intent.syncTimeoutMs) {
        return {
          kind: 'rollBack',
          rollback: {
            outcome: 'failed',
            reason: 'SyncTimeout',
            message: `Sync timeout: replica ${newcomer.replicaId} on pool ${newcomer.pool} was not filled in time`,
          },
        };
      }
      return wait(synced ? 'Settling' : 'Rebuilding');
    }
  }

  const exhausted = shrinksExhausted(intent, round, evidence);
  if (exhausted !== undefined) return exhausted;
  // A replica that was never filled goes first by itself, and the volume loses no health with it.
  const neverFilled =
    health !== 'synced' &&
    round.syncedAt === undefined &&
    round.steer?.victimReplicaId !== victim.replicaId &&
    !round.replicasBefore.some((replica) => replica.replicaId === victim.replicaId);
  return neverFilled
    ? dropUnfilled(intent, volume, evidence, victim)
    : dropFilled(intent, round, volume, evidence, capabilities, victim, n0);
}
