import type { MigrationEvent } from '@couchestor/shared/bus';
import type { ActiveIntent, Intent } from '@couchestor/shared/messages';
import type { World } from '../world/world.ts';
import { closedAtMs } from './counts.ts';
import { fillsWithinACall, FRESH_MS, isWithin, NEWS_MS, NOTICE_MS } from './knowable.ts';

/** What a move comes to: what it is said to have done, and what it may fail for. */

export function redundancyLost({ model, truth, bus }: World): string | undefined {
  const violation = model.ledger.redundancyViolations().at(-1);
  if (violation === undefined) return undefined;
  const call = model.ledger.calls().find(({ number }) => number === violation.call);
  // People's own calls are theirs; and so is what a process sends that stood still after its last check.
  if (call === undefined || !/replica_count|children/.test(call.path)) return undefined;
  if (truth.latePaths.has(call.path.replace('/v0', ''))) return undefined;
  // The policy allows it where no node is free, and never below two.
  const record = bus.intents.get(violation.volume)?.intent;
  if (record?.state === 'active' && record.allowReducedRedundancy && violation.to >= 2) return undefined;
  const wasUnknowable = model.ledger
    .changes()
    .some(
      ({ volume, cause, atMs }) =>
        volume === violation.volume && cause.kind === 'fault' && isWithin(violation.atMs - atMs, NOTICE_MS),
    );
  if (wasUnknowable) return undefined;
  return `${violation.volume}: ${violation.from} to ${violation.to} healthy replicas by ${call.method} ${call.path}`;
}

/** Filled is what the target has said for a cache period. */
export function syncedTooSoon(
  next: Intent,
  previous: Intent | undefined,
  { model, clock, profile }: World,
): string | undefined {
  if (next.state !== 'active' || previous?.state !== 'active' || next.round?.syncedAt === undefined) return undefined;
  if (previous.round?.syncedAt === next.round.syncedAt) return undefined;
  const { volumeId } = next;
  const changes = model.ledger.changes().filter(({ volume }) => volume === volumeId);
  // What was lost and came back between two looks was not seen.
  const fault = changes.findLast(({ cause }) => cause.kind === 'fault');
  if (fault !== undefined && isWithin(clock.monotonicMs() - fault.atMs, 2 * NOTICE_MS)) return undefined;
  const filled = changes.findLast(({ from, to }) => to > from);
  const sinceMs = clock.monotonicMs() - (filled?.atMs ?? Number.NEGATIVE_INFINITY);
  return sinceMs < profile.cachePeriodMs - 1
    ? `${volumeId} is called filled ${sinceMs} ms after it was, less than a cache period`
    : undefined;
}

/** Where nobody dies or stands still by dice, a copy that is not filled in time is taken back. */
export function waitsTooLong({ bus, profile, clock }: World): string | undefined {
  if (profile.faultRate > 0) return undefined;
  for (const { intent } of bus.intents.values()) {
    const { addedAt, syncedAt } = intent.state === 'active' ? (intent.round ?? {}) : {};
    if (intent.state !== 'active' || addedAt === undefined || syncedAt !== undefined) continue;
    if (intent.rollback !== undefined || intent.attention !== undefined) continue;
    const overMs = clock.nowMs() - Date.parse(addedAt) - intent.syncTimeoutMs;
    if (overMs > NEWS_MS) return `the copy of ${intent.volumeId} goes on ${overMs} ms after its time was over`;
  }
  return undefined;
}

/** What is called completed has all its replicas on the tier, as far as anybody can know. */
export function completedElsewhere(
  next: Intent,
  previous: Intent | undefined,
  { model, clock }: World,
): string | undefined {
  if (next.state !== 'ended' || next.outcome !== 'completed' || previous?.state !== 'active') return undefined;
  const { volumeId, toTier } = next;
  const changedAtMs = model.ledger.changes().findLast(({ volume }) => volume === volumeId)?.atMs ?? 0;
  if (isWithin(clock.monotonicMs() - changedAtMs, FRESH_MS)) return undefined;
  const astray = model.volume(volumeId)?.replicas.find(({ pool }) => !pool.startsWith(toTier));
  return astray === undefined
    ? undefined
    : `the move of ${volumeId} to ${toTier} is completed with a replica on ${astray.pool}`;
}

/** Where all is repaired and Mayastor does as it is told, rounds lead to the tier. The fence of another is waited for. */
export function failsWithoutCause(next: Intent, previous: Intent | undefined, world: World): string | undefined {
  const { truth, profile } = world;
  if (next.state !== 'ended' || previous?.state !== 'active' || next.outcome !== 'failed') return undefined;
  // A growth that Mayastor did not follow is rolled back, whoever has a fence when that is over.
  const isBlocked = next.reason === 'NoPlacement' && previous.round === undefined && previous.rollback === undefined;
  const fenced = isBlocked ? fencedOff(previous, world) : undefined;
  if (fenced !== undefined)
    return `the move of ${next.volumeId} fails for ${fenced}, which the fence of another closes`;
  const begunAtMs = truth.accepted.get(next.migrationId)?.atMs ?? 0;
  const rightSinceMs = (truth.repairedAtMs ?? Number.POSITIVE_INFINITY) + NEWS_MS + profile.standstillMaxMs;
  if (profile.steer === 'ignored' || begunAtMs < rightSinceMs) return undefined;
  if (fillsWithinACall(profile)) return undefined;
  return next.reason === 'Unsettled' || next.reason === 'WrongVictim'
    ? `the move of ${next.volumeId} fails, though nothing is wrong: ${next.message}`
    : undefined;
}

/** A pool of the tier that is closed for a growth of another move, where this one could go. */
function fencedOff({ volumeId, targetPools }: ActiveIntent, { bus, model, clock, truth }: World): string | undefined {
  const occupied = new Set(model.volume(volumeId)?.replicas.map(({ node }) => node));
  const cordons = new Set(model.ledger.cordons());
  const isLong = (atMs: number | undefined): boolean => clock.monotonicMs() - (atMs ?? 0) > FRESH_MS;
  const fences = [...bus.intents.values()].flatMap(({ intent }) =>
    intent.state === 'active' && intent.volumeId !== volumeId && isLong(truth.storedAtMs.get(intent.volumeId))
      ? (intent.round?.fence?.ours ?? [])
      : [],
  );
  return targetPools.find(
    (pool) =>
      fences.includes(pool) &&
      cordons.has(`pool/${pool}/replicas`) &&
      isLong(closedAtMs(pool, model)) &&
      !occupied.has(pool.slice(pool.indexOf('-') + 1)),
  );
}

/** Where nobody else does anything, each replica is copied once, and one copy in vain is reason enough to stop. */
export function copiesInVain({ name, data }: MigrationEvent, { bus, profile }: World): string | undefined {
  if (name !== 'migration.replica-added' || profile.faultRate > 0 || profile.deeds > 0) return undefined;
  const record = bus.intents.get(data.volumeId)?.intent;
  if (record?.state !== 'active' || record.migrationId !== data.migrationId) return undefined;
  const copies = bus.events.filter((event) => event.name === name && event.data.migrationId === data.migrationId);
  const count = new Set(copies.map(({ id }) => id)).size;
  return count > record.replicaCount + 1
    ? `the move of ${data.volumeId} makes copy ${count} of its ${record.replicaCount} replicas`
    : undefined;
}

/** What is told to have gone has gone. */
export function saidToHaveGone({ name, data }: MigrationEvent, { model }: World): string | undefined {
  if (name !== 'migration.replica-removed' || !('replicaId' in data)) return undefined;
  const isThere = model.volume(data.volumeId)?.replicas.some(({ uuid }) => uuid === data.replicaId) === true;
  return isThere ? `${data.replicaId} of ${data.volumeId} is said to have gone and is there` : undefined;
}

/** The record of a volume outlives its moves: cooldown and back-off are read from it. */
export function forgottenBefore(next: Intent, previous: Intent | undefined, { bus }: World): string | undefined {
  const hasMoved = bus.events.some(
    ({ name, data }) => name === 'migration.accepted' && data.volumeId === next.volumeId,
  );
  return previous === undefined && hasMoved ? `the record of ${next.volumeId} had gone, which moved before` : undefined;
}
