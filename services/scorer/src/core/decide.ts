import assert from 'node:assert/strict';
import type { DecisionReason, VolumeObserved } from '@couchestor/shared/messages';
import { claimOf } from '@couchestor/shared/policy';
import { assessVolume, decideUngoverned, type Candidate, type Surroundings } from './assess-volume.ts';
import { indexCluster, poolsReport, tierPools, type TierPools } from './cluster.ts';
import type { Brake, Decision, Evaluation, MoveRequest } from './decision.ts';
import { placeHolds, sharingHotPlaces, type HotPlaces } from './hot-places.ts';
import { inFlightOf } from './in-flight.ts';
import { clusterStops, policyStops } from './policy-hold.ts';
import { proposing } from './propose-moves.ts';
import { allSteps, type Steps } from './steps.ts';
import { trafficOf } from './traffic.ts';
import type { OutstandingRequest, ValidPolicy, World, WorldPolicy, WorldVolume } from './world.ts';

export interface Outcome {
  /** One for each volume, in the order of the world. */
  readonly decisions: readonly Decision[];
  /** One for each policy, oldest first. */
  readonly evaluations: readonly Evaluation[];
  readonly requests: readonly MoveRequest[];
}

/** A policy with what its volumes come to. */
interface Ledger {
  readonly policy: WorldPolicy;
  volumes: number;
  published: number;
  unknown: number;
  readonly candidates: Candidate[];
  readonly reasons: Partial<Record<DecisionReason, number>>;
}

/** As many volumes as are judged in one step. */
const STEP = 64;

/** Decides for every volume, for those who can wait for it. */
export function decide(world: World, nowMs: number): Outcome {
  return allSteps(deciding(world, nowMs));
}

/**
 * Decides for every volume, at one moment and by one view of the world. Total: whatever the world looks like, each volume
 * gets exactly one decision. The same world gives the same outcome; the order in which its parts are listed is that of
 * the decisions, and has no other effect. The world must not change before the last step.
 */
export function* deciding(world: World, nowMs: number): Steps<Outcome> {
  const policies = [...world.policies].sort(byAgeAndId);
  const ledgers = new Map<string, Ledger>(policies.map((policy) => [policy.policyId, openLedger(policy)]));
  const cluster = indexCluster(world.pools, world.nodes);
  const poolsByPolicy = new Map<string, TierPools>();
  const poolsOf = (policy: ValidPolicy): TierPools => {
    const known = poolsByPolicy.get(policy.policyId) ?? tierPools(policy.spec, cluster);
    poolsByPolicy.set(policy.policyId, known);
    return known;
  };
  const moving = new Map<string, VolumeObserved>();
  const affinity = createAffinityIndex();
  const repairing = new Set<string>();
  let looked = 0;
  for (const { fact } of world.volumes) {
    if (looked++ % STEP === 0) yield;
    affinity.add(fact);
    if (world.intents.get(fact.volumeId)?.state === 'active') {
      moving.set(fact.volumeId, fact);
    } else if (fact.rebuilding) {
      // A copy that no move of ours asked for is a repair by Mayastor.
      for (const { node } of fact.replicas) if (node !== undefined) repairing.add(node);
    }
  }
  const inFlight = inFlightOf(world.intents, moving, cluster);
  const around: Surroundings = {
    nowMs,
    cluster,
    inFlight,
    mayastorVersions: world.cluster?.mayastorVersions ?? [],
    affinityNodesOf: affinity.nodesOf,
    repairing,
    refusals: world.refusals,
  };
  yield;

  const hotPlaces = new Map<string, HotPlaces>();
  for (const policy of policies) {
    if (policy.kind === 'invalid' || policy.spec.scoring.hotSharePercent === undefined) continue;
    const { hotSharePercent } = policy.spec.scoring;
    const own: WorldVolume[] = [];
    for (const volume of world.volumes) {
      if (looked++ % STEP === 0) yield;
      if (claimFor(policies, volume.fact)?.policy === policy) own.push(volume);
    }
    const places = yield* sharingHotPlaces(policy, hotSharePercent, own, poolsOf(policy), world.intents, around);
    hotPlaces.set(policy.policyId, places);
  }

  /** In the order of the world; of a candidate undefined until it is known whether it may start. */
  const decisions: (Decision | undefined)[] = [];
  const enterReason = ({ policy, reason }: Decision): void => {
    const ledger = ledgers.get(policy?.policyId ?? '');
    if (ledger !== undefined) count(ledger.reasons, reason);
  };
  const decided = (decision: Decision): void => {
    decisions.push(decision);
    enterReason(decision);
  };
  for (const volume of world.volumes) {
    if (looked++ % STEP === 0) yield;
    const intent = world.intents.get(volume.fact.volumeId);
    const claim = claimFor(policies, volume.fact);
    if (claim === undefined) {
      decided(decideUngoverned(volume, undefined, intent));
      continue;
    }
    const ledger = ledgers.get(claim.policy.policyId);
    for (const loser of claim.overlapping) count(ledgers.get(loser.policyId)?.reasons ?? {}, 'PolicyOverlap');
    if (ledger !== undefined) enter(ledger, volume.fact);
    if (claim.policy.kind === 'invalid') {
      decided(decideUngoverned(volume, claim.policy, intent));
      continue;
    }
    const policy = hotPlaces.get(claim.policy.policyId)?.policy ?? claim.policy;
    const assessment = assessVolume(volume, policy, poolsOf(policy), intent, around);
    const { score } = assessment.decision;
    if (ledger !== undefined && score.kind === 'unknown' && score.reason !== 'NotPublished') ledger.unknown += 1;
    if (assessment.kind === 'decided') {
      decided(assessment.decision);
    } else {
      decisions.push(undefined);
      ledger?.candidates.push(assessment);
    }
  }

  const stops = clusterStops(world.cluster, world.movers);
  const traffic = trafficOf(world, nowMs);
  // They should agree. The word of one that died stays, so a setting that was raised since must not be held back by it.
  const fleetLimit = world.movers.length === 0 ? Infinity : Math.max(...world.movers.map((mover) => mover.fleetLimit));
  const outstanding = stillOutstanding(world, nowMs);
  const requests: MoveRequest[] = [];
  const settled = new Map<string, Decision>();
  const settle = (decision: Decision): void => {
    settled.set(decision.volumeId, decision);
    enterReason(decision);
  };
  const brakesOf = new Map<string, readonly Brake[]>();
  for (const ledger of ledgers.values()) {
    const { policy } = ledger;
    if (policy.kind === 'invalid') continue;
    const counts = { volumes: ledger.volumes, publishedVolumes: ledger.published, unknownVolumes: ledger.unknown };
    const places = hotPlaces.get(policy.policyId);
    const proposals = yield* proposing({
      policy,
      candidates: ledger.candidates,
      waits:
        places === undefined
          ? new Map()
          : placeHolds(places, ledger.candidates, (volumeId) => outstanding.has(volumeId)),
      stops: [...stops, ...policyStops(policy, counts)],
      watchedVolumes: ledger.volumes,
      traffic: traffic(policy.policyId),
      fleetLimit,
      outstanding,
      inFlight,
      world,
      nowMs,
      settle,
    });
    requests.push(...proposals.requests);
    brakesOf.set(policy.policyId, proposals.brakes);
  }
  return {
    decisions: yield* complete(decisions, world.volumes, settled),
    evaluations: [...ledgers.values()].map((ledger) =>
      evaluate(ledger, poolsOf, brakesOf.get(ledger.policy.policyId) ?? []),
    ),
    requests,
  };
}

/** With the decisions on the candidates in their places. */
function* complete(
  decisions: readonly (Decision | undefined)[],
  volumes: readonly WorldVolume[],
  settled: ReadonlyMap<string, Decision>,
): Steps<readonly Decision[]> {
  const whole: Decision[] = [];
  for (const { fact } of volumes) {
    if (whole.length % (8 * STEP) === 0) yield;
    const decision = decisions[whole.length] ?? settled.get(fact.volumeId);
    assert.ok(decision !== undefined, 'every volume is decided on');
    whole.push(decision);
  }
  return whole;
}

function byAgeAndId(a: WorldPolicy, b: WorldPolicy): number {
  return (
    a.createdAtMs - b.createdAtMs || (a.name < b.name ? -1 : a.name > b.name ? 1 : a.policyId < b.policyId ? -1 : 1)
  );
}

function claimFor(
  policies: readonly WorldPolicy[],
  { persistentVolume }: VolumeObserved,
): { readonly policy: WorldPolicy; readonly overlapping: readonly WorldPolicy[] } | undefined {
  if (persistentVolume === undefined) return undefined;
  const claim = claimOf(policies, persistentVolume);
  return claim.kind === 'claimed' ? claim : undefined;
}

/** Requests that were taken up, were refused, or ran out, hold no slot any more. */
function stillOutstanding(world: World, nowMs: number): ReadonlyMap<string, OutstandingRequest> {
  return new Map(
    [...world.outstanding].filter(([volumeId, { migrationId, sentAtMs, notAfterMs }]) => {
      const intent = world.intents.get(volumeId);
      const taken = intent?.migrationId === migrationId || intent?.seenIds.includes(migrationId) === true;
      const refusal = world.refusals.get(volumeId);
      const refused = refusal?.migrationId === migrationId && refusal.atMs >= sentAtMs;
      return nowMs <= notAfterMs && !taken && !refused;
    }),
  );
}

interface AffinityIndex {
  add(volume: VolumeObserved): void;
  readonly nodesOf: Surroundings['affinityNodesOf'];
}

/** Volumes with one replica that belong to one affinity group must lie on different nodes. */
function createAffinityIndex(): AffinityIndex {
  const none: ReadonlySet<string> = new Set();
  const groups = new Map<string, VolumeObserved[]>();
  return {
    add: (volume) => {
      const { affinityGroup, replicaCount } = volume;
      if (affinityGroup === undefined || replicaCount !== 1) return;
      const group = groups.get(affinityGroup);
      if (group === undefined) groups.set(affinityGroup, [volume]);
      else group.push(volume);
    },
    nodesOf: ({ affinityGroup, replicaCount, volumeId }) => {
      if (affinityGroup === undefined || replicaCount !== 1) return none;
      const others = (groups.get(affinityGroup) ?? []).filter((other) => other.volumeId !== volumeId);
      return new Set(others.flatMap(({ replicas }) => replicas.flatMap(({ node }) => node ?? [])));
    },
  };
}

function openLedger(policy: WorldPolicy): Ledger {
  return { policy, volumes: 0, published: 0, unknown: 0, candidates: [], reasons: {} };
}

function enter(ledger: Ledger, { targetNode }: VolumeObserved): void {
  ledger.volumes += 1;
  if (targetNode !== undefined) ledger.published += 1;
}

function count(reasons: Partial<Record<DecisionReason, number>>, reason: DecisionReason): void {
  reasons[reason] = (reasons[reason] ?? 0) + 1;
}

function evaluate(
  { policy, volumes, unknown, reasons }: Ledger,
  poolsOf: (policy: ValidPolicy) => TierPools,
  brakes: readonly Brake[],
): Evaluation {
  const head = {
    policyId: policy.policyId,
    policyName: policy.name,
    policyGeneration: policy.generation,
    volumes,
    unknownVolumes: unknown,
    reasons,
    brakes,
  };
  switch (policy.kind) {
    case 'valid':
      return { ...head, metrics: policy.scores.metrics, pools: poolsReport(policy.spec, poolsOf(policy)) };
    case 'invalid': {
      const unavailable = { available: false, reason: 'PolicyInvalid', message: policy.problems.join('; ') };
      return { ...head, metrics: unavailable, pools: unavailable };
    }
  }
}
