import type { MigrationRequested } from '@couchestor/shared/messages';
import { formatTimestamp } from '@couchestor/shared/units';
import { SIZE_BYTES } from './world/profile.ts';
import { type Random } from '@couchestor/shared/random';
import { oneOf, upTo } from './world/random.ts';
import type { World } from './world/world.ts';

const LIFE_MS = 60_000;

/**
 * A scorer of which nobody knows any more asks for a move, and knows nothing of cooldowns, holds, pauses and scores. What
 * it says of the volume is true, so that the migrator is the only one left to refuse.
 *
 * @param wanted the volume; undefined for any
 * @param was its replicas as they were before; undefined for those that it has
 * @param decidedBy the generation of its policy then; undefined for that which it has
 * @returns the id of the migration, if one could be asked for
 */
export function requestOutOfTurn(
  { model, profile, bus, kubernetes, truth, clock }: World,
  random: Random,
  wanted?: string,
  was?: MigrationRequested['replicas'],
  decidedBy?: number,
): string | undefined {
  const known = profile.volumes.filter(({ id }) => kubernetes.persistentVolumes.has(id));
  // Most telling is a volume that has just moved.
  const rested = known.filter(({ id }) => truth.completedAtMs.has(id) || truth.failures.has(id));
  const volumeId = wanted ?? oneOf(random, random() < 0.6 && rested.length > 0 ? rested : known)?.id;
  const volume = volumeId === undefined ? undefined : model.volume(volumeId);
  if (volumeId === undefined || volume === undefined) return undefined;
  const labels = kubernetes.persistentVolumes.get(volumeId)?.view.labels ?? {};
  const policy = profile.policies.find(({ spec }) =>
    Object.entries(spec.volumeSelector.matchLabels).every(([key, value]) => labels[key] === value),
  );
  const generation = decidedBy ?? (policy === undefined ? undefined : kubernetes.policies.get(policy.id)?.generation);
  if (policy === undefined || generation === undefined) return undefined;
  const replicas = was ?? volume.replicas.map(({ uuid, pool, node }) => ({ replicaId: uuid, pool, node }));
  const [first] = replicas;
  const fromTier = first?.pool.startsWith('hot') === true ? 'hot' : 'cold';
  if (!replicas.every(({ pool }) => pool.startsWith(fromTier))) return undefined;
  const toTier = fromTier === 'hot' ? 'cold' : 'hot';
  const migrationId = `0a750f7a-0000-4000-8000-${upTo(random, 16 ** 12)
    .toString(16)
    .padStart(12, '0')}`;
  truth.outOfTurn.add(migrationId);
  truth.notAfterMs.set(migrationId, clock.nowMs() + LIFE_MS);
  bus.request({
    migrationId,
    proposalId: migrationId,
    attempt: 0,
    volumeId,
    volumeName: `pvc-${volumeId}`,
    policyId: policy.id,
    policyName: policy.id,
    policyGeneration: generation,
    fromTier,
    toTier,
    reason: 'AboveHighWatermark',
    notAfter: formatTimestamp(clock.nowMs() + LIFE_MS),
    replicaCount: volume.replicaCount,
    replicas,
    targetPools: profile.nodes
      .filter((node) => profile.tiersOf(node).includes(toTier))
      .map((node) => `${toTier}-${node}`),
    sizeBytes: SIZE_BYTES,
  });
  return migrationId;
}
