import { HOUR_MS } from '@couchestor/shared/units';
import type { ActiveMove, EndedMove, MoveStart, World } from './world.ts';

/** What moves for a policy now, and what did lately. */
export interface Traffic {
  /** Moves in flight; those that wait for a person hold no slot. */
  readonly inMotion: number;
  /** The same of all policies together. */
  readonly fleetInMotion: number;
  /** Begun within the last hour, oldest first. */
  readonly startsLastHour: readonly MoveStart[];
  /** Moves that failed since the last one that completed. */
  readonly failuresInRow: number;
  readonly lastFailureAtMs: number;
}

/** The traffic of each policy, by its id. */
export function trafficOf(
  world: Pick<World, 'intents' | 'recentStarts'>,
  nowMs: number,
): (policyId: string) => Traffic {
  const inMotion = new Map<string, number>();
  let fleetInMotion = 0;
  const telling = new Map<string, (EndedMove | ActiveMove)[]>();
  const sinceMs = nowMs - HOUR_MS;
  const starts = new Map<string, MoveStart>(
    world.recentStarts.filter(({ startedAtMs }) => startedAtMs > sinceMs).map((start) => [start.migrationId, start]),
  );
  for (const intent of world.intents.values()) {
    const { migrationId, policyId, startedAtMs } = intent;
    if (startedAtMs > sinceMs) starts.set(migrationId, { migrationId, policyId, startedAtMs });
    if (intent.state === 'ended' || intent.failuresInRow > 0) {
      const others = telling.get(policyId);
      if (others === undefined) telling.set(policyId, [intent]);
      else others.push(intent);
    }
    if (intent.state === 'active' && intent.attention === undefined) {
      inMotion.set(policyId, (inMotion.get(policyId) ?? 0) + 1);
      fleetInMotion += 1;
    }
  }
  const lately = [...starts.values()].sort(
    (a, b) => a.startedAtMs - b.startedAtMs || (a.migrationId < b.migrationId ? -1 : 1),
  );
  const startsOf = Map.groupBy(lately, ({ policyId }) => policyId);
  return (policyId) => ({
    inMotion: inMotion.get(policyId) ?? 0,
    fleetInMotion,
    startsLastHour: startsOf.get(policyId) ?? [],
    ...failuresOf(telling.get(policyId) ?? []),
  });
}

/**
 * A volume counts once, however often it failed. The record of a new try replaces that of the failure before it, which
 * counts until the try ends: or else the try itself would lift the brake.
 */
function failuresOf(records: readonly (EndedMove | ActiveMove)[]): Pick<Traffic, 'failuresInRow' | 'lastFailureAtMs'> {
  const completed = records.filter((record) => record.state === 'ended' && record.outcome === 'completed');
  const lastCompleted = completed.reduce<EndedMove | ActiveMove | undefined>(
    (last, next) => (last === undefined || isLater(next, last) ? next : last),
    undefined,
  );
  let failuresInRow = 0;
  let lastFailureAtMs = -Infinity;
  for (const record of records) {
    if (lastCompleted !== undefined && !isLater(record, lastCompleted)) continue;
    // What a person rolled back says nothing about the next move.
    if (record.state === 'ended' && record.outcome !== 'failed') continue;
    failuresInRow += 1;
    if (record.state === 'ended') lastFailureAtMs = Math.max(lastFailureAtMs, record.endedAtMs);
  }
  return { failuresInRow, lastFailureAtMs };
}

function isLater(record: EndedMove | ActiveMove, other: EndedMove | ActiveMove): boolean {
  const laterMs = toldAtMs(record) - toldAtMs(other);
  return laterMs > 0 || (laterMs === 0 && record.migrationId < other.migrationId);
}

const toldAtMs = (record: EndedMove | ActiveMove): number =>
  record.state === 'ended' ? record.endedAtMs : record.startedAtMs;
