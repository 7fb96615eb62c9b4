import type { MigrationEvent } from '@couchestor/shared/bus';
import { CALLS_PER_SECOND, FLEET_BYTES } from '../services/migrator.ts';
import { SIZE_BYTES } from '../world/profile.ts';
import { GROWTH_DIES } from '../world/provoking.ts';
import type { World } from '../world/world.ts';
import { isRepair } from './starts.ts';

/** How much at a time: calls, moves, and what pools hold. */

const SECOND_MS = 1_000;

/** Migrators together send no more calls within any second than the budget has. */
export function budgetExceeded({ truth: { sentAtMs } }: World): string | undefined {
  const first = sentAtMs.findIndex((atMs, index) => {
    const last = sentAtMs[index + CALLS_PER_SECOND];
    return last !== undefined && last - atMs < SECOND_MS;
  });
  const fromMs = sentAtMs[first];
  sentAtMs.splice(0, Math.max(0, sentAtMs.length - CALLS_PER_SECOND));
  return fromMs === undefined ? undefined : `more than ${CALLS_PER_SECOND} calls within a second from ${fromMs} ms on`;
}

export function limitExceeded({ bus, profile, truth }: World): string | undefined {
  let fleet = 0;
  let bytes = 0;
  const used = new Map<string, { count: number; limit: number }>();
  const use = (key: string, limit: number): void => {
    const entry = used.get(key) ?? { count: 0, limit };
    // The limit of a policy may change while moves under the former one are in flight.
    used.set(key, { count: entry.count + 1, limit: Math.max(entry.limit, limit) });
  };
  for (const { intent } of bus.intents.values()) {
    if (intent.state !== 'active' || intent.attention !== undefined || isRepair(intent, truth)) continue;
    fleet += 1;
    bytes += intent.sizeBytes;
    use(`policy ${intent.policyId}`, intent.limits.policy);
    if (intent.round !== undefined) {
      use(`pool ${intent.round.targetPool}`, intent.limits.perPool);
      use(`node ${intent.round.targetNode}`, intent.limits.perNode);
    }
  }
  if (fleet > profile.fleetMax) return `${fleet} moves in flight, at most ${profile.fleetMax} may be`;
  if (bytes > (profile.fleetBytes ?? FLEET_BYTES)) return `${bytes} bytes in flight`;
  for (const [key, { count, limit }] of used)
    if (count > limit) return `${count} moves on ${key}, the limit is ${limit}`;
  return undefined;
}

/** Where nobody but moves fills pools, also by calls whose effect came late. */
export function overfull({ model, profile, truth, bus }: World, event?: MigrationEvent): string[] {
  const { deeds: named } = profile.emphasis ?? {};
  const isLeftAlone = profile.deeds === 0 || named?.every((name) => name === GROWTH_DIES) === true;
  if (profile.isThin || !isLeftAlone || truth.lostCalls.length > 0) return [];
  const events = event === undefined ? bus.events : [event];
  const limit = Math.max(
    ...[...truth.policyVersions.values()].flat().map(({ spec }) => spec.capacity.maxPoolUsedPercent),
  );
  const replicas = new Map<string, number>();
  for (const id of model.volumeIds())
    for (const { pool } of model.volume(id)?.replicas ?? []) replicas.set(pool, (replicas.get(pool) ?? 0) + 1);
  return [...replicas].flatMap(([pool, count]) => {
    const percent = (100 * count * SIZE_BYTES) / profile.poolBytes[pool.startsWith('hot') ? 'hot' : 'cold'];
    const isFilled = events.some(
      ({ name, data }) => name === 'migration.replica-added' && 'pool' in data && data.pool === pool,
    );
    return isFilled && percent > limit ? [`moves filled ${pool} to ${percent.toFixed(1)} %`] : [];
  });
}
