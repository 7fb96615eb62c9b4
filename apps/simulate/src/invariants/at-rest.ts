import type { MigrationEvent } from '@couchestor/shared/bus';
import { HIGH_IOPS } from '../world/profile.ts';
import type { World } from '../world/world.ts';
import { CLOCK_TOLERANCE_MS } from './knowable.ts';
import { wasCalledLate } from './starts.ts';

/** What must hold when all is repaired and the world has come to rest. */

const HOUR_MS = 3_600_000;

export function leftBehind({ model, bus, truth, leaseServer }: World): string[] {
  const wrongs: string[] = [];
  for (const cordon of model.ledger.cordons()) {
    // A pool's bears no name, so nobody but who set it can tell that it is not a person's.
    const pool = /^pool\/(.+)\/replicas$/.exec(cordon)?.[1];
    const wasLost = pool !== undefined && truth.lostCalls.includes(`/pools/${pool}/cordon`);
    if (!wasLost) wrongs.push(`left behind: cordon ${cordon}`);
  }
  if (!truth.replicasMayBeLeft) {
    for (const replica of model.orphans()) wrongs.push(`left behind: replica ${replica}`);
  }
  for (const [volumeId, { intent }] of bus.intents) {
    if (intent.state === 'active') wrongs.push(`left behind: intent of ${volumeId}, ${JSON.stringify(intent)}`);
  }
  for (const [kind, count] of Object.entries(leaseServer.census())) {
    if (count > 0) wrongs.push(`left behind: ${count} ${kind}`);
  }
  for (const [volumeId, counts] of truth.wantedCounts) {
    const volume = model.volume(volumeId);
    if (volume === undefined) continue;
    const wasLate = wasCalledLate(volumeId, truth.lostCalls);
    if (!counts.has(volume.replicaCount) && !wasLate) {
      wrongs.push(`${volumeId} has a count of ${volume.replicaCount}, not ${[...counts].join(' or ')}`);
    }
    if (volume.replicas.length !== volume.replicaCount) {
      wrongs.push(`${volumeId} has ${volume.replicas.length} replicas of ${volume.replicaCount}`);
    }
  }
  wrongs.push(...endsOf(bus.events, truth.accepted));
  return wrongs;
}

/** Each move that was taken up has exactly one end in the history, and nothing after it. */
function endsOf(events: World['bus']['events'], accepted: World['truth']['accepted']): string[] {
  const wrongs: string[] = [];
  const ends = new Map<string, Set<string>>();
  const told = new Set<string>();
  for (const { name, id, data } of events) {
    // Told again, because whoever told it did not come to note that it had; everybody knows it by its id.
    if (told.has(id)) continue;
    told.add(id);
    const known = ends.get(data.migrationId) ?? new Set();
    if (/completed|failed|aborted/.test(name)) known.add(id);
    else if (known.size > 0 && name !== 'migration.refused') wrongs.push(`${data.migrationId}: ${name} after its end`);
    ends.set(data.migrationId, known);
  }
  for (const migrationId of accepted.keys()) {
    const count = ends.get(migrationId)?.size ?? 0;
    if (count !== 1) wrongs.push(`${migrationId} ended ${count} times`);
  }
  return wrongs;
}

/** Reasons for which a volume may rest off its tier although nothing is wrong any more. */
export const restingReasons: ReadonlySet<string> = new Set([
  'OnWantedTier',
  'BackingOff',
  'HasSnapshots',
  'AffinityGroupRestricted',
  'TopologyExcludesTier',
  'NotPublished',
  'NoEligiblePool',
  'BrakeFleet',
  'BrakePool',
  'VolumeDegraded',
  'Held',
  'WindowClosed',
]);

/** Whether moves of the policy began so often within the hour, or fail so often, that it may rest. */
function brakeHolds({ bus, truth, clock, kubernetes }: World, policyId: string | undefined): boolean {
  const spec = truth.policyVersions.get(policyId ?? '')?.at(-1)?.spec;
  if (spec === undefined || !kubernetes.policies.has(policyId ?? '')) return false;
  const begun = [...truth.accepted.values()].filter(
    (start) => start.policyId === policyId && clock.monotonicMs() - start.atMs < HOUR_MS + CLOCK_TOLERANCE_MS,
  ).length;
  const failed = [...bus.intents.values()].filter(
    ({ intent }) => intent.policyId === policyId && intent.state === 'ended' && intent.outcome === 'failed',
  ).length;
  return begun >= spec.limits.maxMovesPerHour || failed >= spec.limits.maxConsecutiveFailures;
}

export function notConverged(world: World): string[] {
  const { bus, kubernetes, model, truth } = world;
  const wrongs: string[] = [];
  for (const volumeId of bus.facts('volume.observed').keys())
    if (model.volume(volumeId) === undefined) wrongs.push(`${volumeId} is no more, and a fact says how it is`);
  const decisions = bus.facts('decision.made');
  for (const [volumeId, { view }] of kubernetes.persistentVolumes) {
    const volume = model.volume(volumeId);
    if (volume === undefined) continue;
    const decision = decisions.get(volumeId);
    if (decision === undefined) {
      wrongs.push(`${volumeId} has no decision`);
      continue;
    }
    const hasMoved = bus.events.some(({ name, data }) => name === 'migration.completed' && data.volumeId === volumeId);
    if (view.lastMigration !== undefined && !hasMoved)
      wrongs.push(`${volumeId} is said to have moved at ${view.lastMigration}, and never did`);
    const isBraked = decision.reason !== 'BrakeFleet' || brakeHolds(world, decision.policyId);
    if (decision.action !== 'hold' || !restingReasons.has(decision.reason) || !isBraked) {
      wrongs.push(`${volumeId} rests on ${decision.action} ${decision.reason}: ${decision.message}`);
    }
    const wanted = view.pinTier ?? ((truth.iops.get(volumeId) ?? 0) >= HIGH_IOPS ? 'hot' : 'cold');
    const isThere = volume.replicas.every(({ pool }) => pool.startsWith(wanted));
    if (isThere && decision.reason === 'NoEligiblePool')
      wrongs.push(`${volumeId} is on its tier, and ${decision.message}`);
    if (decision.reason !== 'OnWantedTier') continue;
    if (!isThere) wrongs.push(`${volumeId} is said to be on its tier and is not all ${wanted}`);
  }
  const countOf = (end: MigrationEvent['name'], policyId: string): number =>
    new Set(
      bus.events.flatMap(({ name, data }) => (name === end && data.policyId === policyId ? data.migrationId : [])),
    ).size;
  for (const [policyId, { status }] of kubernetes.policies) {
    const count = countOf('migration.completed', policyId);
    if ((status?.totalMigrations ?? 0) !== count) {
      wrongs.push(`the status of ${policyId} counts ${status?.totalMigrations} moves, there were ${count}`);
    }
    const failed = countOf('migration.failed', policyId);
    if ((status?.failedMigrations ?? 0) !== failed) {
      wrongs.push(`the status of ${policyId} counts ${status?.failedMigrations} failures, there were ${failed}`);
    }
    if ((status?.activeMigrations ?? 0) !== 0) wrongs.push(`the status of ${policyId} shows moves in flight`);
  }
  return wrongs;
}
