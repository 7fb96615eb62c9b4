import { clusterBytes, poolUsedBytes, replicaAllocatedBytes } from './capacity.ts';
import type { Pool, Replica, StorageNode } from './entities.ts';
import { nqnPrefix, type JsonObject } from './json.ts';
import { volumeSpecBody } from './volume-bodies.ts';
import type { World } from './world.ts';

export function nodeBody(world: World, node: StorageNode): JsonObject {
  const identity = {
    grpcEndpoint: node.grpcEndpoint,
    id: node.id,
    node_nqn: `${nqnPrefix}node-name:${node.id}`,
    version: `v${world.version}`,
  };
  const cordon = cordonState(node);
  return {
    id: node.id,
    spec: {
      ...identity,
      ...(cordon === undefined ? {} : { cordondrainstate: cordon }),
      ...(node.labels.size === 0 ? {} : { labels: Object.fromEntries(node.labels) }),
    },
    state: { ...identity, status: node.seenOnline ? 'Online' : 'Unknown' },
  };
}

function cordonState(node: StorageNode): JsonObject | undefined {
  const { cordonLabels: cordonlabels, drainLabels: drainlabels } = node;
  if (drainlabels.length > 0) {
    const targets = [...node.nexuses].some((nexus) => nexus.exists);
    return targets
      ? { drainingstate: { cordonlabels: [...cordonlabels], drainlabels: [...drainlabels] } }
      : { drainedstate: { cordonlabels: [...cordonlabels], drainlabels: [...drainlabels] } };
  }
  return cordonlabels.length > 0 ? { cordonedstate: { cordonlabels: [...cordonlabels] } } : undefined;
}

export function poolBody(world: World, pool: Pool): JsonObject {
  const spec = poolSpecBody(world, pool);
  if (!pool.node.seenOnline) return { id: pool.id, spec };
  return {
    id: pool.id,
    spec,
    state: {
      capacity: pool.capacityBytes,
      disks: [...pool.disks],
      id: pool.id,
      node: pool.node.id,
      status: pool.faulted ? 'Faulted' : 'Online',
      used: poolUsedBytes(world, pool),
      committed: pool.committedBytes,
      ...(world.capabilities.volumeHealth ? { encrypted: false } : {}),
    },
  };
}

function poolSpecBody(world: World, pool: Pool): JsonObject {
  const { replicas, snapshots, restores, import: imports } = pool.cordon;
  const cordoned = world.capabilities.poolCordon && (replicas || snapshots || restores || imports);
  return {
    disks: [...pool.disks],
    id: pool.id,
    labels: Object.fromEntries(pool.labels),
    node: pool.node.id,
    status: 'Created',
    ...(cordoned ? { cordonDrain: { cordoned: { replicas, snapshots, restores, import: imports } } } : {}),
  };
}

export function replicaBody(world: World, replica: Replica): JsonObject {
  const { pool } = replica;
  const allocated = replica.thin ? replicaAllocatedBytes(world, replica) : replica.sizeBytes;
  return {
    node: pool.node.id,
    pool: pool.id,
    poolUuid: pool.uuid,
    share: replica.shared ? 'nvmf' : 'none',
    size: replica.sizeBytes,
    space: {
      capacity_bytes: replica.sizeBytes,
      allocated_bytes: allocated,
      allocated_bytes_snapshots: replica.snapshotBytes,
      allocated_bytes_all_snapshots: replica.snapshotBytes,
      cluster_size: clusterBytes,
      clusters: Math.ceil(replica.sizeBytes / clusterBytes),
      allocated_clusters: Math.ceil(allocated / clusterBytes),
    },
    state: 'Online',
    thin: replica.thin,
    uri: replica.shared
      ? `nvmf://${pool.node.address}:8420/${nqnPrefix}${replica.uuid}?uuid=${replica.uuid}`
      : `bdev:///${replica.uuid}?uuid=${replica.uuid}`,
    uuid: replica.uuid,
    kind: 'Regular',
  };
}

export function specsBody(world: World): JsonObject {
  return {
    nexuses: [...world.nexuses.values()].map((nexus) => ({
      children: nexus.children.map((child) => child.uri),
      managed: true,
      node: nexus.node.id,
      share: 'nvmf',
      size: nexus.sizeBytes,
      status: 'Created',
      uuid: nexus.uuid,
    })),
    pools: [...world.pools.values()].map((pool) => poolSpecBody(world, pool)),
    replicas: [...world.replicas.values()].map((replica) => ({
      managed: true,
      owners: {
        nexuses: [...replica.nexusOwners],
        ...(replica.owner === undefined ? {} : { volume: replica.owner.uuid }),
      },
      pool: replica.pool.id,
      share: replica.shared ? 'nvmf' : 'none',
      size: replica.sizeBytes,
      status: replica.record,
      thin: replica.thin,
      uuid: replica.uuid,
    })),
    volumes: [...world.volumes.values()].map(volumeSpecBody),
  };
}
