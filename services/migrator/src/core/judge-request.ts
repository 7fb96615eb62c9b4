import {
  type ActiveIntent,
  type ClusterObserved,
  type Intent,
  type MigrationRequested,
  type PolicyObserved,
  type PoolObserved,
  type RefusalReason,
  type VolumeObserved,
} from '@couchestor/shared/messages';
import { parsePolicySpec, tierOfPool, type ParsedSpec, type PolicySpec } from '@couchestor/shared/policy';
import { formatDuration, formatTimestamp, parseTimestampMs } from '@couchestor/shared/units';
import type { Capabilities } from './evidence.ts';
import { startsBefore } from './starts-before.ts';

/** What the migrator knows when a request arrives: facts as last observed, and the record of the volume. */
export interface RequestWorld {
  readonly nowMs: number;
  /** The same moment by the watcher's clock; undefined before it was heard of. */
  readonly watcherNowMs: number | undefined;
  readonly record: Intent | undefined;
  readonly policy: PolicyObserved | undefined;
  readonly volume: VolumeObserved | undefined;
  readonly pools: readonly PoolObserved[];
  readonly cluster: ClusterObserved | undefined;
  /** Undefined while it is not known yet how this cluster can be fenced; `none` if it cannot. */
  readonly method: Capabilities['method'] | 'none' | undefined;
  /** Permit fresh and not paused. */
  readonly mayAct: boolean;
}

export type Verdict =
  | { readonly kind: 'accept'; readonly intent: Omit<ActiveIntent, 'owner' | 'ownerToken' | 'outbox'> }
  | { readonly kind: 'refuse'; readonly reason: RefusalReason; readonly message: string }
  /** Not here, but another migrator may, or this one in a moment. */
  | { readonly kind: 'elsewhere'; readonly reason: RefusalReason; readonly message: string }
  /** Not now, but maybe before the request runs out. */
  | { readonly kind: 'later'; readonly reason: RefusalReason; readonly message: string };

const SEEN_IDS_MAX = 16;
/** By so much the clocks of two processes may differ. */
const CLOCK_TOLERANCE_MS = 30_000;

/** Why no move may begin by this clock; of two that differ nobody knows which is right. */
export function clockProblem(nowMs: number, watcherNowMs: number | undefined): string | undefined {
  const apartMs = Math.abs(nowMs - (watcherNowMs ?? nowMs));
  if (apartMs <= CLOCK_TOLERANCE_MS) return undefined;
  const apart = formatDuration(Math.round(apartMs / 1_000) * 1_000);
  return `the clocks of this migrator and of the watcher are ${apart} apart; let their nodes take the time from one source`;
}

/** May this move begin? Everything that the decision saw is compared with what is known now. */
export function judgeRequest(request: MigrationRequested, world: RequestWorld): Verdict {
  const { nowMs, watcherNowMs = nowMs, record, policy, volume } = world;
  // Within the tolerance too, what has to have passed has passed by both clocks, and what may not be over is not by either.
  const earliestMs = Math.min(nowMs, watcherNowMs);
  const latestMs = Math.max(nowMs, watcherNowMs);
  const refuse = (reason: RefusalReason, message: string): Verdict => ({ kind: 'refuse', reason, message });
  const later = (reason: RefusalReason, message: string): Verdict => ({ kind: 'later', reason, message });
  const elsewhere = (reason: RefusalReason, message: string): Verdict => ({ kind: 'elsewhere', reason, message });

  if (record !== undefined) {
    if (record.migrationId === request.migrationId || record.seenIds.includes(request.migrationId)) {
      return refuse('AlreadySeen', 'this request was taken up before');
    }
    if (record.state === 'active') return refuse('AlreadyMoving', `migration ${record.migrationId} is in flight`);
  }
  const skewed = clockProblem(nowMs, watcherNowMs);
  if (skewed !== undefined) return elsewhere('ClockSkew', skewed);
  if (parseTimestampMs(request.notAfter) < latestMs)
    return refuse('Expired', `the request ran out at ${request.notAfter}`);
  // What the decision saw may not have come here yet.
  if (policy === undefined) return elsewhere('PolicyChanged', 'the policy exists no more');
  if (policy.generation !== request.policyGeneration) {
    const isBehind = policy.generation < request.policyGeneration;
    return (isBehind ? elsewhere : refuse)(
      'PolicyChanged',
      `the policy is at generation ${policy.generation}, the decision saw ${request.policyGeneration}`,
    );
  }
  const parsed = parsedSpecOf(policy);
  if (parsed.kind === 'invalid') return refuse('PolicyChanged', parsed.problems.join('; '));
  const { spec } = parsed;
  if (!spec.enabled || spec.dryRun) return refuse('PolicyDisabled', 'the policy is disabled or in dry run');

  if (volume?.persistentVolume === undefined) return elsewhere('VolumeNotFound', 'the volume exists no more');
  const changed = volumeRefusal(request, volume, spec, earliestMs);
  if (changed !== undefined) return refuse(...changed);
  const cooling = coolingDown(request, record, volume, spec, earliestMs);
  if (cooling !== undefined) return refuse(...cooling);

  if (world.method === 'none') return refuse('UnsupportedMayastor', 'this Mayastor can neither be fenced nor steered');
  if ((world.cluster?.mayastorVersions.length ?? 0) > 1) {
    return refuse('ClusterUpgrading', `the nodes run versions ${world.cluster?.mayastorVersions.join(' and ')}`);
  }
  if (world.method === undefined) return later('UnsupportedMayastor', 'Mayastor has not answered yet');
  if (world.cluster?.paused === true || !world.mayAct) return later('Paused', 'all is paused, or the watcher is away');
  if (volume.affinityGroup !== undefined && request.replicaCount < 2 && world.method === 'nodeCordon') {
    return refuse('AffinityGroupRestricted', 'this Mayastor does not let a volume of an affinity group shrink to one');
  }

  const tierPools = tierPoolsOf(request, world.pools, spec);
  const [first, ...rest] = tierPools;
  if (first === undefined) return refuse('NoEligiblePool', `no pool carries the labels of the ${request.toTier} tier`);
  return { kind: 'accept', intent: intentOf(request, record, spec, [first, ...rest], nowMs) };
}

function volumeRefusal(
  request: MigrationRequested,
  volume: VolumeObserved,
  spec: PolicySpec,
  nowMs: number,
): [RefusalReason, string] | undefined {
  const wanted = request.replicas.map((replica) => `${replica.replicaId}@${replica.pool}`).sort();
  const observed = volume.replicas.map((replica) => `${replica.replicaId}@${replica.pool ?? ''}`).sort();
  if (volume.replicaCount !== request.replicaCount || wanted.join() !== observed.join()) {
    return ['VolumeChanged', 'the replicas are not those that the decision saw'];
  }
  if (volume.targetNode === undefined) return ['NotPublished', 'the volume is not published'];
  if (
    volume.status !== 'Online' ||
    volume.rebuilding ||
    volume.replicas.some((replica) => replica.state !== 'Online')
  ) {
    return ['VolumeDegraded', `the volume is ${volume.status}`];
  }
  if ((volume.snapshotCount > 0 || volume.fromSnapshot) && !spec.moves.allowSnapshots) {
    return ['HasSnapshots', 'the volume has snapshots, and the policy does not allow to move such'];
  }
  const hold = volume.persistentVolume?.hold;
  if (hold !== undefined && holds(hold, nowMs)) return ['Held', `the annotation hold says ${hold}`];
  return undefined;
}

/** `true`, or a time that is not over. What cannot be read holds, for somebody wanted it to stay. */
function holds(hold: string, nowMs: number): boolean {
  if (hold === 'false' || hold === '') return false;
  const until = /^\d{4}-\d{2}-\d{2}T/.test(hold) ? parseOrUndefined(hold) : undefined;
  return until === undefined || until > nowMs;
}

function coolingDown(
  request: MigrationRequested,
  record: Intent | undefined,
  volume: VolumeObserved,
  spec: PolicySpec,
  nowMs: number,
): [RefusalReason, string] | undefined {
  if (record?.state === 'ended' && record.retryAt !== undefined && parseTimestampMs(record.retryAt) > nowMs) {
    return ['BackingOff', `after a failure the volume is left alone until ${record.retryAt}`];
  }
  // Finishing a volume that lies on two tiers is the end of a move, not a new one.
  if (request.fromTier === 'mixed') return undefined;
  const annotated = volume.persistentVolume?.lastMigration;
  // A time that nobody can read might be just now.
  const annotatedMs = annotated === undefined ? Number.NEGATIVE_INFINITY : (parseOrUndefined(annotated) ?? nowMs);
  const recordedMs =
    record?.lastCompletedAt === undefined ? Number.NEGATIVE_INFINITY : parseTimestampMs(record.lastCompletedAt);
  const sinceMs = nowMs - Math.max(annotatedMs, recordedMs);
  if (sinceMs >= spec.cooldownMs) return undefined;
  return [
    'CoolingDown',
    `the last move ended ${formatDuration(Math.max(0, sinceMs))} ago, less than the cooldown of ${formatDuration(spec.cooldownMs)}`,
  ];
}

function parseOrUndefined(text: string): number | undefined {
  try {
    return parseTimestampMs(text);
  } catch {
    return undefined;
  }
}

/** All pools of the tier, those that the decision preferred first: pools that were full then may have room in a later round. */
function tierPoolsOf(request: MigrationRequested, pools: readonly PoolObserved[], spec: PolicySpec): string[] {
  const ofTier = pools.filter((pool) => tierOfPool(spec, pool.labels) === request.toTier).map((pool) => pool.name);
  const preferred = request.targetPools.filter((name) => ofTier.includes(name));
  return [...new Set([...preferred, ...ofTier.sort()])];
}

function intentOf(
  request: MigrationRequested,
  record: Intent | undefined,
  spec: PolicySpec,
  targetPools: [string, ...string[]],
  nowMs: number,
): Omit<ActiveIntent, 'owner' | 'ownerToken' | 'outbox'> {
  const seenIds = record === undefined ? [] : [...record.seenIds, record.migrationId].slice(-SEEN_IDS_MAX);
  const failed = record?.state === 'ended' && record.outcome === 'failed';
  return {
    state: 'active',
    migrationId: request.migrationId,
    proposalId: request.proposalId,
    attempt: request.attempt,
    volumeId: request.volumeId,
    volumeName: request.volumeName,
    policyId: request.policyId,
    policyName: request.policyName,
    policyGeneration: request.policyGeneration,
    fromTier: request.fromTier,
    toTier: request.toTier,
    ...(request.triggerIops === undefined ? {} : { triggerIops: request.triggerIops }),
    ...(request.regretsInRow === undefined ? {} : { regretsInRow: request.regretsInRow }),
    startedAt: formatTimestamp(nowMs),
    seenIds,
    startsBefore: startsBefore(record, nowMs),
    failuresInRow: failed ? record.failuresInRow : 0,
    ...(record?.lastCompletedAt === undefined ? {} : { lastCompletedAt: record.lastCompletedAt }),
    replicaCount: request.replicaCount,
    replicas: request.replicas,
    sizeBytes: request.sizeBytes,
    syncTimeoutMs: spec.migrationTimeoutMs,
    allowSnapshots: spec.moves.allowSnapshots,
    allowReducedRedundancy: spec.moves.allowReducedRedundancy,
    maxPoolUsedPercent: spec.maxPoolUsedPercent,
    limits: { policy: spec.maxConcurrentMigrations, perPool: spec.limits.perPool, perNode: spec.limits.perNode },
    targetPools,
    replicasMoved: 0,
    roundsStarted: 0,
  };
}

/** Specs that were read before: a policy is heard of once for many requests. */
const parsedSpecs = new WeakMap<PolicyObserved, ParsedSpec>();

function parsedSpecOf(policy: PolicyObserved): ParsedSpec {
  const known = parsedSpecs.get(policy);
  if (known !== undefined) return known;
  const parsed = parsePolicySpec(policy.spec);
  parsedSpecs.set(policy, parsed);
  return parsed;
}
