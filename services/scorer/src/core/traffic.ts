import { HOUR_MS } from '@couchestor/shared/units';
import type { ActiveMove, EndedMove, MoveStart, World } from './world.ts';

/** What moves for a policy now, and what did lately. */
export interface Traffic {
  /** Moves in flight; those that wait for a person hold no slot. */
  readonly inMotion: number;
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
  const telling = new Map<string, (EndedMove | ActiveMove)[]>();
  const starts = new Map<string, MoveStart>(world.recentStarts.map((start) => [start.migrationId, start]));
  for (const intent of world.intents.values()) {
    const { migrationId, policyId, startedAtMs } = intent;
    starts.set(migrationId, { migrationId, policyId, startedAtMs });
    if (intent.state === 'ended' || intent.failuresInRow > 0) {
      const others = telling.get(policyId);
      if (others === undefined) telling.set(policyId, [intent]);
      else others.push(intent);
    }
    if (intent.state === 'active' && intent.attention === undefined) {
      inMotion.set(policyId, (inMotion.get(policyId) ?? 0) + 1);
    }
  }
  const lately = [...starts.values()]
    .filter(({ startedAtMs }) => startedAtMs > nowMs - HOUR_MS)
    .sort((a, b) => a.startedAtMs - b.startedAtMs || (a.migrationId < b.migrationId ? -1 : 1));
  const startsOf = Map.groupBy(lately, ({ policyId }) => policyId);
  return (policyId) => ({
    inMotion: inMotion.get(policyId) ?? 0,
    startsLastHour: startsOf.get(policyId) ?? [],
    ...failuresOf(telling.get(policyId) ?? []),
  });
}

/**
 * A volume counts once, however often it failed. The record of a new try replaces that of the failure before it, which
 * counts until the try ends: or else the try itself would lift the brake.
 */
function failuresOf(records: readonly (EndedMove | ActiveMove)[]): Pick<Traffic, 'failuresInRow' | 'lastFailureAtMs'> {
  const newestFirst = [...records].sort(
    (a, b) => toldAtMs(b) - toldAtMs(a) || (a.migrationId < b.migrationId ? -1 : 1),
  );
  let failuresInRow = 0;
  let lastFailureAtMs = -Infinity;
  for (const record of newestFirst) {
    if (record.state === 'active') {
      failuresInRow += 1;
      continue;
    }
    if (record.outcome === 'completed') break;
    // What a person rolled back says nothing about the next move.
    if (record.outcome === 'aborted') continue;
    failuresInRow += 1;
    lastFailureAtMs = Math.max(lastFailureAtMs, record.endedAtMs);
  }
  return { failuresInRow, lastFailureAtMs };
}

const toldAtMs = (record: EndedMove | ActiveMove): number =>
  record.state === 'ended' ? record.endedAtMs : record.startedAtMs;
