import type { MayastorClient, MayastorNode, Pool, Volume } from '@couchestor/shared/mayastor';
import type { SeenNode, SeenPool, SeenReplica, SeenVolume } from '../core/evidence.ts';
import type { Mayastor } from '../ports.ts';

/** Mayastor's REST API seen with the protocol's eyes. */
export function createMayastor(client: MayastorClient): Mayastor {
  return {
    readVolume: async (volumeId, signal) => {
      const volume = await client.getVolume(volumeId, { signal });
      return volume === undefined ? 'absent' : seenVolume(volume);
    },
    readCluster: async (signal) => {
      const [pools, nodes] = await Promise.all([client.listPools({ signal }), client.listNodes({ signal })]);
      return { pools: pools.map(seenPool), nodes: nodes.map(seenNode) };
    },
    readOwners: async (volumeId, signal) => {
      const owners = await client.readOwners(volumeId, { signal });
      return new Map([...owners].map(([replicaId, { nexusIds }]) => [replicaId, nexusIds]));
    },
    probeIdle: async (volumeId, mayStart, signal) => {
      const answer = await client.probeIdle(volumeId, { mayStart, signal });
      return answer === 'absent' ? 'unknown' : answer;
    },
    setReplicaCount: (volumeId, count, mayStart) => client.setReplicaCount(volumeId, count, { mayStart }),
    cordonPool: (pool, mayStart) => client.cordonPool(pool, { mayStart }),
    uncordonPool: (pool, mayStart) => client.uncordonPool(pool, { mayStart }),
    cordonNode: (node, label, mayStart) => client.cordonNode(node, label, { mayStart }),
    uncordonNode: (node, label, mayStart) => client.uncordonNode(node, label, { mayStart }),
    removeChild: (nexusId, childUri, mayStart) => client.removeChild(nexusId, childUri, { mayStart }),
  };
}

export function seenVolume(volume: Volume): SeenVolume {
  const childUris = new Map(volume.target?.children.map((child) => [child.replicaId, child.uri]));
  const allocated = volume.replicas.map((replica) => replica.allocatedBytes);
  const { poolLabels, nodeLabels, allowedNodes } = volume.topology;
  return {
    volumeId: volume.id,
    created: volume.specStatus === 'Created',
    replicaCount: volume.replicaCount,
    status: volume.status,
    selfHeal: volume.selfHeal,
    hasSnapshots: (volume.snapshotCount ?? 0) > 0 || volume.restored,
    sizeBytes: volume.sizeBytes,
    thin: volume.thin,
    encrypted: volume.encrypted,
    ...(allocated.includes(undefined) ? {} : { allocatedBytes: Math.max(0, ...allocated.map(Number)) }),
    topology: {
      poolInclusion: poolLabels.inclusion,
      nodeInclusion: nodeLabels.inclusion,
      nodeExclusion: nodeLabels.exclusion,
      allowedNodes,
    },
    target:
      volume.target === undefined
        ? undefined
        : { nexusId: volume.target.id, node: volume.target.node, online: volume.target.state === 'Online' },
    replicas: volume.replicas.map((replica): SeenReplica => ({
      replicaId: replica.id,
      node: replica.node ?? '',
      pool: replica.pool ?? '',
      state: replica.state,
      // A replica without a target to say so has no state as a child, whatever an old answer still shows.
      childState: volume.target === undefined ? undefined : replica.childStatus,
      childUri: childUris.get(replica.id),
      rebuildPercent: replica.rebuildPercent,
    })),
  };
}

export function seenPool(pool: Pool): SeenPool {
  return {
    name: pool.id,
    node: pool.node ?? '',
    online: pool.status === 'Online' && pool.specStatus === 'Created' && !pool.draining,
    cordoned: pool.cordoned.replicas,
    capacityBytes: pool.capacityBytes ?? 0,
    usedBytes: pool.usedBytes ?? 0,
    committedBytes: pool.committedBytes ?? 0,
    mayastorLabels: pool.labels,
    encrypted: pool.encrypted,
  };
}

export function seenNode(node: MayastorNode): SeenNode {
  return {
    name: node.id,
    online: node.status === 'Online',
    cordoned: node.cordonLabels.length > 0 || node.drainLabels.length > 0,
    cordonLabels: node.cordonLabels,
    draining: node.drainLabels.length > 0,
    labels: node.labels,
  };
}
