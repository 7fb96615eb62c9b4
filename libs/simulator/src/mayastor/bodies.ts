import { clusterBytes, poolUsedBytes, replicaAllocatedBytes } from './capacity.ts';
import type {
  ChildView,
  Nexus,
  NexusView,
  Pool,
  Replica,
  Snapshot,
  StorageNode,
  Topology,
  Volume,
} from './entities.ts';
import { now, type World } from './world.ts';
import { replicaState, targetView, volumeStatus } from './volume-state.ts';
import { isSeen, viewOf } from './view.ts';

/** JSON as it goes over the wire. Each call makes a new one, so nobody can reach into the model through an answer. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

const nqnPrefix = 'nqn.2019-05.io.openebs:';

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

export function nexusBody(nexus: Nexus, view: NexusView): JsonObject {
  return {
    children: view.children.map(childBody),
    deviceUri: `nvmf://${nexus.node.address}:8420/${nqnPrefix}${nexus.volume.uuid}`,
    node: nexus.node.id,
    rebuilds: view.rebuilds,
    protocol: 'nvmf',
    size: nexus.sizeBytes,
    state: view.state,
    uuid: nexus.uuid,
  };
}

function childBody(child: ChildView): JsonObject {
  return {
    ...(child.progress === undefined ? {} : { rebuildProgress: child.progress }),
    state: child.state,
    uri: child.uri,
  };
}

export function volumeBody(world: World, volume: Volume): JsonObject {
  const target = targetView(world, volume);
  return { spec: volumeSpecBody(volume), state: volumeStateBody(world, volume, target) };
}

function volumeSpecBody(volume: Volume): JsonObject {
  const { target, labels, topology, affinityGroup, maxSnapshots } = volume;
  return {
    ...(labels === undefined ? {} : { labels }),
    num_replicas: volume.replicaCount,
    size: volume.sizeBytes,
    status: volume.record,
    ...(target === undefined ? {} : { target: targetSpecBody(target.node.id, target.frontendNodes) }),
    uuid: volume.uuid,
    ...(topology === undefined ? {} : { topology: topologyBody(topology) }),
    policy: { self_heal: volume.selfHeal },
    thin: volume.thin,
    ...(volume.hadSnapshots ? { as_thin: true } : {}),
    ...(affinityGroup === undefined ? {} : { affinity_group: { id: affinityGroup } }),
    num_snapshots: volume.snapshots.size,
    ...(maxSnapshots === undefined ? {} : { max_snapshots: maxSnapshots }),
  };
}

function targetSpecBody(node: string, frontendNodes: readonly string[]): JsonObject {
  const hosts = frontendNodes.map((name) => ({ name, nqn: `${nqnPrefix}node-name:${name}` }));
  return { node, protocol: 'nvmf', ...(hosts.length === 0 ? {} : { frontend_nodes: hosts }) };
}

function topologyBody(topology: Topology): JsonObject {
  const labelled = topology.pool_topology?.labelled;
  const nodeLabelled = topology.node_topology?.labelled;
  const explicit = topology.node_topology?.explicit;
  return {
    ...(explicit === undefined && nodeLabelled === undefined
      ? {}
      : {
          node_topology:
            explicit === undefined
              ? { labelled: { exclusion: { ...nodeLabelled?.exclusion }, inclusion: { ...nodeLabelled?.inclusion } } }
              : {
                  explicit: {
                    allowed_nodes: [...explicit.allowed_nodes],
                    preferred_nodes: [...explicit.preferred_nodes],
                  },
                },
        }),
    ...(labelled === undefined
      ? {}
      : {
          pool_topology: {
            labelled: { exclusion: { ...labelled.exclusion }, inclusion: { ...labelled.inclusion } },
          },
        }),
  };
}

function volumeStateBody(world: World, volume: Volume, target: NexusView | undefined): JsonObject {
  const nexus = volume.target?.nexus;
  return {
    ...(target === undefined || nexus === undefined ? {} : { target: nexusBody(nexus, target) }),
    size: volume.sizeBytes,
    status: volumeStatus(volume, target),
    uuid: volume.uuid,
    replica_topology: replicaTopology(world, volume, target),
    usage: volumeUsage(world, volume),
    ...(world.capabilities.volumeHealth ? { health: volumeHealth(volume, target) } : {}),
  };
}

function isHealthy(volume: Volume, replica: Replica): boolean {
  return volume.healthy === undefined || volume.healthy.has(replica.uuid);
}

function replicaTopology(world: World, volume: Volume, target: NexusView | undefined): JsonObject {
  const topology: { [key: string]: Json } = {};
  // The order of this map means nothing; sorted by uuid it is at least the same for the same replicas.
  const replicas = [...volume.replicas].sort((a, b) => (a.uuid < b.uuid ? -1 : 1));
  for (const replica of replicas) {
    const child = target?.children.find((entry) => entry.replica === replica);
    const state = replicaState(replica);
    topology[replica.uuid] = {
      node: replica.pool.node.id,
      pool: replica.pool.id,
      state,
      ...(child === undefined ? {} : { 'child-status': child.state }),
      ...(child?.progress === undefined ? {} : { 'rebuild-progress': child.progress }),
      ...(state === 'Unknown' ? {} : { usage: replicaUsage(world, replica) }),
      ...(world.capabilities.volumeHealth ? { healthy: isHealthy(volume, replica) } : {}),
    };
  }
  return topology;
}

function replicaUsage(world: World, replica: Replica): JsonObject {
  return {
    capacity: replica.madeFor.sizeBytes,
    allocated: replica.thin ? replicaAllocatedBytes(world, replica) : replica.sizeBytes,
    allocated_snapshots: replica.snapshotBytes,
    allocated_all_snapshots: replica.snapshotBytes,
  };
}

function volumeUsage(world: World, volume: Volume): JsonObject {
  let most = 0;
  let mostReplica = 0;
  let mostSnapshots = 0;
  let total = 0;
  let totalSnapshots = 0;
  for (const replica of volume.replicas) {
    if (replicaState(replica) === 'Unknown') continue;
    const own = replica.thin ? replicaAllocatedBytes(world, replica) : replica.sizeBytes;
    most = Math.max(most, own + replica.snapshotBytes);
    mostReplica = Math.max(mostReplica, own);
    mostSnapshots = Math.max(mostSnapshots, replica.snapshotBytes);
    total += own;
    totalSnapshots += replica.snapshotBytes;
  }
  return {
    capacity: volume.sizeBytes,
    allocated: most,
    allocated_replica: mostReplica,
    allocated_snapshots: mostSnapshots,
    allocated_all_snapshots: mostSnapshots,
    total_allocated: total + totalSnapshots,
    total_allocated_replicas: total,
    total_allocated_snapshots: totalSnapshots,
  };
}

function volumeHealth(volume: Volume, target: NexusView | undefined): JsonObject {
  const healthy = [...volume.replicas].filter((replica) => isHealthy(volume, replica));
  const online = healthy.filter((replica) => replicaState(replica) === 'Online').length;
  return {
    cleanShutdown: volume.cleanShutdown,
    healthyReplicas: healthy.length,
    cleanReplicas: healthy.length,
    onlineHealthyReplicas: online,
    onlineCleanReplicas: online,
    liveHealthyReplicas: target?.children.filter((child) => child.state === 'Online').length ?? 0,
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

export function nexusesBody(world: World): Json[] {
  const bodies: Json[] = [];
  for (const nexus of world.nexuses.values())
    if (isSeen(world, nexus)) bodies.push(nexusBody(nexus, viewOf(world, nexus)));
  return bodies;
}

const blockBytes = 512;

export function rebuildHistoryBody(world: World, nexus: Nexus): JsonObject {
  const wallMs = world.clock.nowMs() - now(world);
  const time = (ms: number): string => new Date(wallMs + ms).toISOString().replace('Z', '000000Z');
  return {
    targetUuid: nexus.uuid,
    records: nexus.history.map((record) => ({
      childUri: record.childUri,
      srcUri: record.sourceUri,
      rebuildJobState: record.outcome,
      blocksTotal: Math.floor(record.bytesTotal / blockBytes),
      blocksRecovered: Math.floor(record.bytesRecovered / blockBytes),
      blocksTransferred: Math.floor(Math.min(record.bytesRecovered, nexus.volume.allocatedBytes) / blockBytes),
      blocksRemaining: Math.floor((record.bytesTotal - record.bytesRecovered) / blockBytes),
      blockSize: blockBytes,
      isPartial: record.partial,
      startTime: time(record.startedAtMs),
      endTime: time(record.endedAtMs),
    })),
  };
}

export function snapshotBody(world: World, snapshot: Snapshot): JsonObject {
  const wallMs = world.clock.nowMs() - now(world);
  const timestamp = new Date(wallMs + snapshot.createdAtMs).toISOString();
  return {
    definition: {
      metadata: {
        status: 'Created',
        timestamp,
        size: snapshot.sizeBytes,
        spec_size: snapshot.sizeBytes,
        total_allocated_size: snapshot.allocatedBytes,
        txn_id: '1',
        transactions: {
          '1': snapshot.replicas.map((part) => ({ uuid: part.uuid, source_id: part.source, status: 'Created' })),
        },
        num_restores: 0,
        num_snapshot_replicas: snapshot.replicas.length,
      },
      spec: { uuid: snapshot.uuid, source_volume: snapshot.volume },
    },
    state: {
      uuid: snapshot.uuid,
      allocated_size: snapshot.allocatedBytes,
      source_volume: snapshot.volume,
      timestamp,
      ready_as_source: false,
      replica_snapshots: snapshot.replicas.map((part) => ({
        online: {
          uuid: part.uuid,
          source_id: part.source,
          pool_id: part.pool.id,
          pool_uuid: part.pool.uuid,
          timestamp: timestamp.replace('Z', '000000Z'),
          size: snapshot.sizeBytes,
          allocated_size: snapshot.allocatedBytes,
          predecessor_alloc_size: 0,
        },
      })),
    },
  };
}
