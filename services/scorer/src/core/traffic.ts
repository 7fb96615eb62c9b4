import { HOUR_MS } from '@couchestor/shared/units';
import type { EndedMove, MoveStart, World } from './world.ts';

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
  const ended = new Map<string, EndedMove[]>();
  const starts = new Map<string, MoveStart>(world.recentStarts.map((start) => [start.migrationId, start]));
  for (const intent of world.intents.values()) {
    const { migrationId, policyId, startedAtMs } = intent;
    starts.set(migrationId, { migrationId, policyId, startedAtMs });
    if (intent.state === 'ended') {
      const others = ended.get(policyId);
      if (others === undefined) ended.set(policyId, [intent]);
      else others.push(intent);
    } else if (intent.attention === undefined) {
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
    ...failuresOf(ended.get(policyId) ?? []),
  });
}

function failuresOf(ended: readonly EndedMove[]): Pick<Traffic, 'failuresInRow' | 'lastFailureAtMs'> {
  const newestFirst = [...ended].sort((a, b) => b.endedAtMs - a.endedAtMs || (a.migrationId < b.migrationId ? -1 : 1));
  let failuresInRow = 0;
  let lastFailureAtMs = -Infinity;
  for (const { outcome, endedAtMs } of newestFirst) {
    if (outcome === 'completed') break;
    // What a person rolled back says nothing about the next move.
    if (outcome === 'aborted') continue;
    failuresInRow += 1;
    lastFailureAtMs = Math.max(lastFailureAtMs, endedAtMs);
  }
  return { failuresInRow, lastFailureAtMs };
}
