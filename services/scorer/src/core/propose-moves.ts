import { migrationIdOf, proposalIdOf } from '@couchestor/shared/messages';
import { copyBytes } from '@couchestor/shared/policy';
import { rankOf } from '@couchestor/shared/scoring';
import { formatDuration, GIB } from '@couchestor/shared/units';
import { allowanceOf, type Allowance } from './allowance.ts';
import { held, type Candidate } from './assess-volume.ts';
import type { Brake, Decision, Hold, MoveRequest } from './decision.ts';
import type { InFlight } from './in-flight.ts';
import { regretsOf } from './pauses-between-moves.ts';
import { placementVolume } from './placement-volume.ts';
import type { Stop } from './policy-hold.ts';
import { sorted } from './sorted.ts';
import type { Steps } from './steps.ts';
import { targetsFor } from './target-pools.ts';
import type { Traffic } from './traffic.ts';
import type { IntentState, OutstandingRequest, ValidPolicy, World } from './world.ts';

export interface ProposeInput {
  readonly policy: ValidPolicy;
  readonly candidates: readonly Candidate[];
  /** By volume id: who waits for a place on the hot tier. */
  readonly waits: ReadonlyMap<string, Hold>;
  /** Of the cluster and of the policy, in the order in which they are told. */
  readonly stops: readonly Stop[];
  readonly watchedVolumes: number;
  readonly traffic: Traffic;
  readonly fleetLimit: number;
  readonly outstanding: ReadonlyMap<string, OutstandingRequest>;
  /** Grows with each request that is made. */
  readonly inFlight: InFlight;
  readonly world: Pick<World, 'graceUntilMs' | 'requestLifeMs' | 'rebuildBytesPerSecond'>;
  readonly nowMs: number;
  /** Told the decision on each candidate. */
  readonly settle: (decision: Decision) => void;
}

export interface Proposals {
  readonly requests: readonly MoveRequest[];
  readonly brakes: readonly Brake[];
}

/** As many candidates as are looked at in one step. */
const STEP = 64;

/** Gives the slots of a policy to its candidates: who may start at all, in order of rank, while limits and pools allow. */
export function* proposing(input: ProposeInput): Steps<Proposals> {
  const { policy, candidates, stops, nowMs, world, inFlight, settle } = input;
  const ready: Ranked[] = [];
  for (const [index, candidate] of candidates.entries()) {
    if (index % STEP === 0) yield;
    const hold = stops[0]?.hold ?? input.waits.get(candidate.volume.volumeId) ?? startHold(candidate, world, nowMs);
    if (hold === undefined) {
      ready.push({ candidate, rank: rankFor(candidate), waiting: isOutstanding(input, candidate) });
    } else {
      settle(holdBack(candidate, hold, nowMs));
    }
  }
  const allowance = allowanceFor(input, ready);
  const requests: MoveRequest[] = [];
  let taken = 0;
  const ranked = yield* sorted(ready, byRank);
  for (const [index, { candidate, waiting }] of ranked.entries()) {
    if (index % STEP === 0) yield;
    if (taken >= allowance.requests) {
      settle(holdBack(candidate, allowance.holdBeyond, nowMs));
      continue;
    }
    const targets = targetsFor({ ...candidate.target, inFlight });
    const [first] = targets.kind === 'found' ? targets.pools : [];
    if (targets.kind === 'none' || first === undefined) {
      const hold = targets.kind === 'none' ? targets.hold : allowance.holdBeyond;
      settle(holdBack(candidate, hold, nowMs));
      if (waiting) taken += 1;
      continue;
    }
    taken += 1;
    inFlight.add(first, candidate.volume);
    const proposalId = proposalIdFor(candidate, nowMs);
    requests.push(requestFor(candidate, proposalId, targets.pools, world, nowMs));
    settle({ ...candidate.decision, proposalId });
  }
  const closed: readonly Brake[] = policy.window.kind === 'closed' ? ['WindowClosed'] : [];
  const grace: readonly Brake[] = nowMs < world.graceUntilMs ? ['StartupGrace'] : [];
  return {
    requests,
    brakes: [...stops.map(({ brake }) => brake), ...closed, ...grace, ...allowance.brakes],
  };
}

interface Ranked {
  readonly candidate: Candidate;
  readonly rank: number;
  /** A request for it may already be on its way to a migrator. */
  readonly waiting: boolean;
}

/** What was requested before comes first: it may be taken up whatever is decided now, so its slot is not free. */
function byRank(a: Ranked, b: Ranked): number {
  return (
    Number(b.waiting) - Number(a.waiting) ||
    b.rank - a.rank ||
    (a.candidate.volume.volumeId < b.candidate.volume.volumeId ? -1 : 1)
  );
}

function isOutstanding({ outstanding }: ProposeInput, { volume }: Candidate): boolean {
  return outstanding.has(volume.volumeId);
}

function allowanceFor(input: ProposeInput, ready: readonly Ranked[]): Allowance {
  const { policy, outstanding, watchedVolumes, traffic, fleetLimit, nowMs } = input;
  const { limits, maxConcurrentMigrations } = policy.spec;
  const all = [...outstanding.values()].filter(({ policyId }) => policyId === policy.policyId).length;
  const among = ready.filter(
    ({ candidate }) => outstanding.get(candidate.volume.volumeId)?.policyId === policy.policyId,
  ).length;
  return allowanceOf({
    limits,
    maxConcurrentMigrations,
    fleetLimit,
    watchedVolumes,
    traffic,
    outstandingElsewhere: all - among,
    nowMs,
  });
}

/** Why a candidate may not start although nothing stops its policy as a whole. */
function startHold(candidate: Candidate, world: ProposeInput['world'], nowMs: number): Hold | undefined {
  const { policy, decision, to } = candidate;
  const closed = windowHold(candidate, world, nowMs);
  if (closed !== undefined) return closed;
  if (policy.spec.dryRun) {
    return { reason: 'DryRun', message: `Dry run: it would move from ${decision.tierNow} to ${to}.` };
  }
  if (policy.spec.approval.mode === 'Manual' && !isApproved(candidate, nowMs)) {
    const proposalId = proposalIdFor(candidate, nowMs);
    const message = `The move from ${decision.tierNow} to ${to} awaits approval: set the annotation approve to ${proposalId}.`;
    return { reason: 'AwaitingApproval', message };
  }
  if (nowMs < world.graceUntilMs) {
    const message = 'The scorer has started a short while ago and only watches.';
    return { reason: 'StartupGrace', message, nextEligibleAtMs: world.graceUntilMs };
  }
  return undefined;
}

function windowHold(candidate: Candidate, world: ProposeInput['world'], nowMs: number): Hold | undefined {
  const { window } = candidate.policy;
  if (window.kind === 'closed') {
    const { explanation, opensAtMs } = window;
    const next = opensAtMs === undefined ? {} : { nextEligibleAtMs: opensAtMs };
    return { reason: 'WindowClosed', message: explanation, ...next };
  }
  const lastsMs = expectedMs(candidate, world);
  if (window.closesAtMs === undefined || nowMs + lastsMs <= window.closesAtMs) return undefined;
  const message = `The move is expected to take ${formatDuration(lastsMs)}, longer than the window stays open.`;
  return { reason: 'WindowClosed', message };
}

function expectedMs(candidate: Candidate, { rebuildBytesPerSecond }: ProposeInput['world']): number {
  const bytes = candidate.copies * copyBytes(placementVolume(candidate.volume));
  return Math.ceil(bytes / rebuildBytesPerSecond) * 1_000;
}

function holdBack(candidate: Candidate, hold: Hold, nowMs: number): Decision {
  const { decision, because } = candidate;
  const isProposal = hold.reason === 'DryRun' || hold.reason === 'AwaitingApproval';
  const named = isProposal ? { proposalId: proposalIdFor(candidate, nowMs) } : {};
  return held({ ...decision, ...named }, { ...hold, message: `${because} ${hold.message}` });
}

/**
 * What a person approves by its id. Where approval is asked for, each id stands for a period of `expiresAfter`, and is
 * good in the next one too: so an approval lasts for one period at least and for two at most, whoever counts, and nobody
 * has to remember when it was given.
 */
function proposalIdFor(candidate: Candidate, nowMs: number): string {
  return isApproved(candidate, nowMs)
    ? (candidate.wishes.approved ?? '')
    : proposalIdIn(candidate, periodAt(candidate, nowMs));
}

function isApproved(candidate: Candidate, nowMs: number): boolean {
  const { approved } = candidate.wishes;
  const period = periodAt(candidate, nowMs);
  if (approved === undefined || period === undefined) return false;
  return approved === proposalIdIn(candidate, period) || approved === proposalIdIn(candidate, period - 1);
}

/** Undefined where nobody is asked. */
function periodAt({ policy }: Candidate, nowMs: number): number | undefined {
  const { mode, expiresAfterMs } = policy.spec.approval;
  return mode === 'Manual' ? Math.floor(nowMs / expiresAfterMs) : undefined;
}

function proposalIdIn({ volume, policy, decision, to }: Candidate, period: number | undefined): string {
  return proposalIdOf({
    volumeId: volume.volumeId,
    policyId: policy.policyId,
    policyGeneration: policy.generation,
    replicaIds: volume.replicas.map(({ replicaId }) => replicaId),
    fromTier: decision.tierNow,
    toTier: to,
    ...(period === undefined ? {} : { period }),
  });
}

function rankFor({ volume, policy, decision, reason, copies }: Candidate): number {
  const copiedGib = (copies * copyBytes(placementVolume(volume))) / GIB;
  return rankOf({ spec: policy.spec, score: decision.score, reason, from: decision.tierNow, copiedGib });
}

function requestFor(
  candidate: Candidate,
  proposalId: string,
  targetPools: readonly string[],
  world: ProposeInput['world'],
  nowMs: number,
): MoveRequest {
  const { volume, policy, decision, to, intent } = candidate;
  const { attempt, migrationId } = nextAttempt(proposalId, intent);
  const { window } = policy;
  const lastStartMs =
    window.kind === 'open' && window.closesAtMs !== undefined
      ? window.closesAtMs - expectedMs(candidate, world)
      : Infinity;
  return {
    migrationId,
    proposalId,
    attempt,
    volumeId: volume.volumeId,
    volumeName: decision.volumeName,
    policyId: policy.policyId,
    policyName: policy.name,
    policyGeneration: policy.generation,
    fromTier: decision.tierNow,
    toTier: to,
    reason: decision.reason,
    ...(decision.score.kind === 'value' ? { triggerIops: decision.score.iops } : {}),
    notAfterMs: Math.min(nowMs + world.requestLifeMs, lastStartMs),
    replicaCount: volume.replicaCount,
    replicas: volume.replicas.flatMap(({ replicaId, pool, node }) =>
      pool === undefined || node === undefined ? [] : [{ replicaId, pool, node }],
    ),
    targetPools,
    sizeBytes: volume.sizeBytes,
    regretsInRow: regretsOf(intent, to, policy.spec.cooldownMs, nowMs),
  };
}

/** The first try whose id no move of the volume had before: an id that was accepted once is never accepted again. */
function nextAttempt(
  proposalId: string,
  intent: IntentState | undefined,
): { readonly attempt: number; readonly migrationId: string } {
  const seen = new Set([...(intent?.seenIds ?? []), ...(intent === undefined ? [] : [intent.migrationId])]);
  let attempt = intent?.proposalId === proposalId ? intent.attempt + 1 : 0;
  let migrationId = migrationIdOf(proposalId, attempt);
  while (seen.has(migrationId)) {
    attempt += 1;
    migrationId = migrationIdOf(proposalId, attempt);
  }
  return { attempt, migrationId };
}
