import type { ObservedWorld } from '@couchestor/migrator/parts';
import type { Request } from '@couchestor/shared/bus';
import type { MigrationRequested, PolicyObserved, VolumeObserved } from '@couchestor/shared/messages';
import type { MayastorModel } from '@couchestor/simulator/mayastor';
import { GIB, volumeIdOf } from '../world/profile.ts';
import type { MatrixShape } from './matrix-shapes.ts';

/** What the one move of a cell is about, as watcher and scorer would tell it. */

export const VOLUME = volumeIdOf(1);
export const POOL_BYTES = 1_000 * GIB;
const POLICY_ID = 'policy';
const REQUEST_LIFE_MS = 10 * 60_000;

export function nodeOf(pool: string): string {
  return pool.slice(pool.indexOf('-') + 1);
}

export function observedWorld(
  { allowReducedRedundancy = false, version = '2.12.2' }: MatrixShape,
  model: MayastorModel,
): ObservedWorld {
  const policy: PolicyObserved = {
    policyId: POLICY_ID,
    name: 'tiering',
    generation: 1,
    createdAt: '2026-01-01T00:00:00Z',
    spec: {
      hotPoolSelector: { matchLabels: { tier: 'nvme' } },
      coldPoolSelector: { matchLabels: { tier: 'sata' } },
      cooldownPeriod: '0s',
      moves: { allowReducedRedundancy },
    },
  };
  return {
    policy: () => policy,
    volume: (): VolumeObserved | undefined => {
      const truth = model.volume(VOLUME);
      if (truth === undefined) return undefined;
      return {
        volumeId: VOLUME,
        persistentVolume: {
          name: `pvc-${VOLUME}`,
          uid: VOLUME,
          phase: 'Bound',
          storageClassName: 'mayastor',
          labels: {},
        },
        sizeBytes: GIB,
        thin: true,
        replicaCount: truth.replicaCount,
        specStatus: 'Created',
        status: 'Online',
        selfHeal: true,
        ...(truth.target === undefined ? {} : { targetNode: truth.target.node }),
        rebuilding: false,
        snapshotCount: 0,
        fromSnapshot: false,
        replicas: truth.replicas.map(({ uuid, node, pool }) => ({ replicaId: uuid, node, pool, state: 'Online' })),
      };
    },
    pools: () =>
      model.poolIds().map((name) => ({
        diskPoolId: name,
        name,
        node: nodeOf(name),
        labels: { tier: name.slice(0, 4) },
        mayastorLabels: {},
        status: 'Online' as const,
        capacityBytes: POOL_BYTES,
        usedBytes: 0,
        committedBytes: 0,
        cordoned: false,
      })),
    cluster: () => ({ paused: false, mayastorVersions: [version] }),
    synced: () => true,
  };
}

export function requestFor(shape: MatrixShape, model: MayastorModel, nowMs: number): Request {
  const data: MigrationRequested = {
    migrationId: 'move-1',
    proposalId: 'proposal',
    attempt: 0,
    volumeId: VOLUME,
    volumeName: `pvc-${VOLUME}`,
    policyId: POLICY_ID,
    policyName: 'tiering',
    policyGeneration: 1,
    fromTier: 'mixed',
    toTier: 'hot',
    reason: 'AboveHighWatermark',
    notAfter: new Date(nowMs + REQUEST_LIFE_MS).toISOString(),
    replicaCount: shape.placement.length,
    replicas: (model.volume(VOLUME)?.replicas ?? []).map(({ uuid, pool, node }) => ({ replicaId: uuid, pool, node })),
    targetPools: model.poolIds().filter((pool) => pool.startsWith('nvme-')),
    sizeBytes: GIB,
  };
  return {
    name: 'migration.requested',
    subject: `couchestor.v1.migration.requested.${VOLUME}`,
    id: 'move-1',
    source: 'scorer',
    time: new Date(nowMs).toISOString(),
    data,
  };
}
