import { replicaAllocatedBytes } from './capacity.ts';
import type { NexusView, Replica, Snapshot, Topology, Volume } from './entities.ts';
import { nqnPrefix, type Json, type JsonObject } from './json.ts';
import { nexusBody } from './nexus-bodies.ts';
import { replicaState, targetView, volumeStatus } from './volume-state.ts';
import { now, type World } from './world.ts';

export function volumeBody(world: World, volume: Volume): JsonObject {
  const target = targetView(world, volume);
  return { spec: volumeSpecBody(volume), state: volumeStateBody(world, volume, target) };
}

export function volumeSpecBody(volume: Volume): JsonObject {
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
