import type { Score, VolumeObserved } from '@couchestor/shared/messages';
import type { Tier } from '@couchestor/shared/policy';
import { wantedTier, type MoveReason } from '@couchestor/shared/scoring';
import { whereItIs, type Cluster, type TierPools, type WhereItIs } from './cluster.ts';
import type { Decision, Hold } from './decision.ts';
import type { InFlight } from './in-flight.ts';
import { backOffHold, cooldownHold, unobservedHold } from './pauses-between-moves.ts';
import { refusalHold } from './refusals.ts';
import { scoreOf } from './score-table.ts';
import { copiesFor, targetHold, type TargetQuestion } from './target-pools.ts';
import { cordonHold, healthHold } from './volume-health.ts';
import type { IntentState, InvalidPolicy, ValidPolicy, Wishes, World, WorldVolume } from './world.ts';

/** What is the same for all volumes of a cycle. */
export interface Surroundings {
  readonly nowMs: number;
  readonly cluster: Cluster;
  readonly inFlight: InFlight;
  readonly mayastorVersions: readonly string[];
  /** Nodes to or from which Mayastor copies by itself, to repair a volume. */
  readonly repairing: ReadonlySet<string>;
  readonly affinityNodesOf: (volume: VolumeObserved) => ReadonlySet<string>;
  readonly refusals: World['refusals'];
}

/** A volume that should move and that nothing of its own keeps from it. */
export interface Candidate {
  readonly kind: 'candidate';
  readonly volume: VolumeObserved;
  readonly wishes: Wishes;
  readonly policy: ValidPolicy;
  readonly intent: IntentState | undefined;
  readonly to: Tier;
  readonly reason: MoveReason;
  /** Of the whole volume, that the move makes. */
  readonly copies: number;
  readonly target: TargetQuestion;
  /** The sentence that speaks for the move. */
  readonly because: string;
  /** The decision as far as the volume alone is concerned. */
  readonly decision: Decision;
}

export type Assessment = { readonly kind: 'decided'; readonly decision: Decision } | Candidate;

/** A volume that no policy claims, or only one that is wrong. */
export function decideUngoverned(
  { fact }: WorldVolume,
  policy: InvalidPolicy | undefined,
  intent: IntentState | undefined,
): Decision {
  const head: Omit<Decision, 'action' | 'reason' | 'message'> = {
    ...headOf(fact),
    tierNow: 'none',
    score: { kind: 'unknown', reason: fact.targetNode === undefined ? 'NotPublished' : 'NoSeries' },
    ...(policy === undefined ? {} : { policy: policyOf(policy) }),
  };
  const moving = movingHold(intent);
  if (moving !== undefined) return held(head, moving);
  if (policy !== undefined) {
    return held(head, { reason: 'PolicyInvalid', message: `Its policy has an error: ${policy.problems.join('; ')}.` });
  }
  const message =
    fact.persistentVolume === undefined ? 'It has no PersistentVolume.' : 'No policy has its class and its labels.';
  return held(head, { reason: 'NoPolicy', message });
}

/**
 * Judges a volume of a policy by all that concerns it alone: where it is, what it deserves, whether it may be touched and
 * whether a pool can take it. What lasts is asked before what passes, so that the reason shown is the one to act on.
 */
export function assessVolume(
  { fact: volume, observedAtMs, wishes }: WorldVolume,
  policy: ValidPolicy,
  tierPools: TierPools,
  intent: IntentState | undefined,
  around: Surroundings,
): Assessment {
  const { spec } = policy;
  const place = whereItIs(volume, tierPools);
  const score = scoreOf(policy.scores, volume.volumeId, volume.targetNode !== undefined, spec.metrics.minCoverage);
  const placesByRank = spec.scoring.hotSharePercent !== undefined;
  const { placement, replicaTiers } = place;
  const wanted = wantedTier({ spec, score, pin: wishes.pin, placesByRank, placement, replicaTiers });
  const decided = (hold: Hold, tierWanted?: Tier): Assessment => ({
    kind: 'decided',
    decision: governed(volume, policy, place, score, tierWanted, 'hold', hold),
  });

  const moving = movingHold(intent);
  if (moving !== undefined) return decided(moving, intent?.toTier);
  if (!spec.enabled) {
    const message = 'Its policy is disabled.';
    return decided({ reason: 'PolicyDisabled', message }, wanted.kind === 'tier' ? wanted.tier : undefined);
  }
  if (wishes.pin.kind === 'unreadable') {
    return decided({
      reason: 'Held',
      message: `The annotation pin-tier (${wishes.pin.text}) is not hot, warm or cold.`,
    });
  }
  switch (wanted.kind) {
    case 'unknown':
      return decided(unknownHold(wanted.reason));
    case 'stay':
      return decided(
        { reason: 'BetweenWatermarks', message: wanted.message },
        placement === 'mixed' || placement === 'none' ? undefined : placement,
      );
    case 'tier':
      break;
  }
  const { tier: to } = wanted;
  if (placement === to) return decided({ reason: 'OnWantedTier', message: wanted.message }, to);

  const target = targetQuestion(volume, policy, tierPools, to, around);
  const hold =
    holdAgainst({ fact: volume, observedAtMs, wishes }, policy, place, target, intent, around) ??
    (placesByRank && wanted.reason !== 'Pinned' ? halfwayHold(target, place, policy, around) : undefined);
  if (hold !== undefined) return decided({ ...hold, message: `${wanted.message} ${hold.message}` }, to);
  return {
    kind: 'candidate',
    volume,
    wishes,
    policy,
    intent,
    to,
    reason: wanted.reason,
    copies: copiesFor(target, replicaTiers.filter((tier) => tier !== to).length),
    target,
    because: wanted.message,
    decision: governed(volume, policy, place, score, to, 'move', {
      reason: wanted.reason,
      message: `${wanted.message} It moves from ${placement} to ${to}.`,
    }),
  };
}

/**
 * What lies on hot in part and could not leave it is not ranked; brought there wholly it could leave, and might have to at
 * once. So it does not come further either. Only where its replicas lie can speak against the one way and not the other,
 * beside pauses, which pass.
 */
function halfwayHold(
  { volume, tier, tierPools }: TargetQuestion,
  { replicaTiers }: WhereItIs,
  policy: ValidPolicy,
  around: Surroundings,
): Hold | undefined {
  if (tier !== 'hot' || !replicaTiers.includes('hot')) return undefined;
  const hold =
    cordonHold(volume, replicaTiers, 'cold', around.cluster.pools) ??
    targetHold(targetQuestion(volume, policy, tierPools, 'cold', around));
  if (hold === undefined) return undefined;
  return { ...hold, message: `It could not leave the hot tier, and does not come further either. ${hold.message}` };
}

/** Where a volume could lie on that tier. */
export function targetQuestion(
  volume: VolumeObserved,
  { spec }: ValidPolicy,
  tierPools: TierPools,
  tier: Tier,
  around: Surroundings,
): TargetQuestion {
  const { cluster, inFlight } = around;
  const affinityNodes = around.affinityNodesOf(volume);
  return { volume, tier, spec, cluster, tierPools, inFlight, affinityNodes, repairing: around.repairing };
}

/** What of the volume's own keeps it from the move in question. */
export function holdAgainst(
  { fact: volume, observedAtMs, wishes }: WorldVolume,
  { spec }: ValidPolicy,
  place: WhereItIs,
  target: TargetQuestion,
  intent: IntentState | undefined,
  around: Surroundings,
): Hold | undefined {
  return (
    wishHold(wishes, around.nowMs) ??
    healthHold(volume, around.cluster.nodes, around.mayastorVersions, spec.moves) ??
    cordonHold(volume, place.replicaTiers, target.tier, around.cluster.pools) ??
    targetHold(target) ??
    pauseHold(wishes, intent, place, target.tier, spec.cooldownMs, around.nowMs) ??
    unobservedHold(intent, observedAtMs, around.nowMs) ??
    refusalHold(around.refusals.get(volume.volumeId), observedAtMs, around.nowMs) ??
    repairHold(volume, around.repairing)
  );
}

/** What Mayastor repairs comes first: a copy of ours would take from the same disks and the same network. */
function repairHold({ replicas }: VolumeObserved, repairing: ReadonlySet<string>): Hold | undefined {
  const node = replicas.map((replica) => replica.node).find((one) => one !== undefined && repairing.has(one));
  if (node === undefined) return undefined;
  return { reason: 'BrakePool', message: `Mayastor repairs another volume on the node ${node}, and that comes first.` };
}

/** The decision to hold a volume, for that reason. */
export function held(head: Omit<Decision, 'action' | 'reason' | 'message'>, hold: Hold): Decision {
  return { ...head, action: 'hold', ...hold };
}

function headOf(volume: VolumeObserved): Pick<Decision, 'volumeId' | 'volumeName'> {
  return { volumeId: volume.volumeId, volumeName: volume.persistentVolume?.name ?? volume.volumeId };
}

function policyOf({ policyId, name, generation }: ValidPolicy | InvalidPolicy): NonNullable<Decision['policy']> {
  return { policyId, name, generation };
}

/** Written out: put together of parts, each of 100,000 decisions would take half as much memory again. */
function governed(
  { volumeId, persistentVolume }: VolumeObserved,
  valid: ValidPolicy,
  { placement: tierNow }: WhereItIs,
  score: Score,
  tierWanted: Tier | undefined,
  action: Decision['action'],
  { reason, message, nextEligibleAtMs }: Hold,
): Decision {
  const volumeName = persistentVolume?.name ?? volumeId;
  const { policy, comparedWith } = sharedHead(valid);
  const decision: Decision =
    tierWanted === undefined
      ? { volumeId, volumeName, policy, tierNow, action, reason, message, score, comparedWith }
      : { volumeId, volumeName, policy, tierNow, tierWanted, action, reason, message, score, comparedWith };
  return nextEligibleAtMs === undefined ? decision : { ...decision, nextEligibleAtMs };
}

interface SharedHead {
  readonly policy: NonNullable<Decision['policy']>;
  readonly comparedWith: NonNullable<Decision['comparedWith']>;
}

/** What decisions say of their policy is in memory once, and not for each of 100,000 volumes. */
const sharedBy = new WeakMap<ValidPolicy, SharedHead>();

function sharedHead(policy: ValidPolicy): SharedHead {
  const known = sharedBy.get(policy);
  if (known !== undefined) return known;
  const { highWatermarkIops: highIops, lowWatermarkIops: lowIops, warmWatermarkIops: warmIops } = policy.spec;
  const shared = {
    policy: policyOf(policy),
    comparedWith: { highIops, lowIops, ...(warmIops === undefined ? {} : { warmIops }) },
  };
  sharedBy.set(policy, shared);
  return shared;
}

function movingHold(intent: IntentState | undefined): Hold | undefined {
  if (intent?.state !== 'active') return undefined;
  const { migrationId, fromTier, toTier, attention } = intent;
  const move = `The move ${migrationId} from ${fromTier} to ${toTier}`;
  if (attention === undefined) return { reason: 'AlreadyMoving', message: `${move} is in flight.` };
  return { reason: 'NeedsAttention', message: `${move} stopped: ${attention}` };
}

function unknownHold(reason: Extract<Score, { kind: 'unknown' }>['reason']): Hold {
  if (reason === 'NotPublished')
    return { reason, message: 'It has no target, so that nobody uses it and it has no score.' };
  return { reason: 'ScoreUnknown', message: `Its score is unknown (${reason}), and unknown moves nothing.` };
}

function wishHold({ hold }: Wishes, nowMs: number): Hold | undefined {
  switch (hold.kind) {
    case 'none':
      return undefined;
    case 'forever':
      return { reason: 'Held', message: 'The annotation hold keeps it where it is.' };
    case 'unreadable':
      return { reason: 'Held', message: `The annotation hold (${hold.text}) is neither true nor a time; it holds.` };
    case 'until':
      if (nowMs >= hold.atMs) return undefined;
      return { reason: 'Held', message: 'The annotation hold keeps it where it is.', nextEligibleAtMs: hold.atMs };
  }
}

/**
 * Bringing the rest of a volume after the part of it that is on the wanted tier is the end of one move, not the start of
 * another. A volume that lies on two other tiers, or on a pool that lost its labels, has no such part; nor is it the end
 * of the last move if that one went elsewhere and was completed.
 */
function pauseHold(
  { lastMigration }: Wishes,
  intent: IntentState | undefined,
  { placement, replicaTiers }: WhereItIs,
  to: Tier,
  cooldownMs: number,
  nowMs: number,
): Hold | undefined {
  const endedElsewhere = intent?.state === 'ended' && intent.outcome === 'completed' && intent.toTier !== to;
  const finishes = placement === 'mixed' && replicaTiers.includes(to) && !endedElsewhere;
  const cooling = finishes ? undefined : cooldownHold({ intent, lastMigration }, cooldownMs, nowMs);
  return cooling ?? backOffHold(intent, nowMs);
}
