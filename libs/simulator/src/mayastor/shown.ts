import { poolUsedBytes, replicaAllocatedBytes } from './capacity.ts';
import type { ChildState, NexusView, Pool, Replica, StorageNode, Volume } from './entities.ts';
import { replicaState, targetView, volumeStatus, type VolumeStatus } from './volume-state.ts';
import type { World } from './world.ts';

/**
 * What the REST API shows, as a client would read it, without the JSON in between: for simulations that ask millions of
 * times. A test of theirs holds it to what the client makes of the real answers.
 */
export interface Shown {
  volume(id: string): ShownVolume | undefined;
  volumes(): readonly ShownVolume[];
  pools(): readonly ShownPool[];
  nodes(): readonly ShownNode[];
  owners(volumeId: string): ReadonlyMap<string, ShownOwners>;
}

interface ShownVolume {
  readonly id: string;
  readonly sizeBytes: number;
  readonly replicaCount: number;
  readonly specStatus: Volume['record'];
  readonly status: VolumeStatus;
  readonly selfHeal: boolean;
  readonly thin: boolean;
  readonly asThin: boolean;
  readonly encrypted: boolean;
  readonly snapshotCount: number;
  readonly restored: boolean;
  readonly affinityGroup: string | undefined;
  readonly topology: ShownTopology;
  readonly publishedOn: string | undefined;
  readonly target: ShownTarget | undefined;
  readonly replicas: readonly ShownReplica[];
}

interface ShownTarget {
  readonly id: string;
  readonly node: string;
  readonly state: NexusView['state'];
  readonly rebuilds: number;
  readonly children: readonly {
    readonly uri: string;
    readonly replicaId: string;
    readonly state: ChildState;
    readonly rebuildPercent: number | undefined;
  }[];
}

interface ShownReplica {
  readonly id: string;
  readonly node: string;
  readonly pool: string;
  readonly state: 'Unknown' | 'Online' | 'Faulted';
  readonly childStatus: ChildState | undefined;
  readonly rebuildPercent: number | undefined;
  readonly allocatedBytes: number | undefined;
  readonly healthy: boolean | undefined;
}

interface ShownRequirement {
  readonly inclusion: Readonly<Record<string, string>>;
  readonly exclusion: Readonly<Record<string, string>>;
  readonly affinityKeys: readonly string[];
}

interface ShownTopology {
  readonly poolLabels: ShownRequirement;
  readonly nodeLabels: ShownRequirement;
  readonly allowedNodes: readonly string[];
}

interface ShownPool {
  readonly id: string;
  readonly node: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly specStatus: 'Created';
  readonly status: 'Online' | 'Faulted' | 'Unknown';
  readonly capacityBytes: number | undefined;
  readonly usedBytes: number | undefined;
  readonly committedBytes: number | undefined;
  readonly cordoned: Pool['cordon'];
  readonly draining: boolean;
  readonly encrypted: boolean;
}

interface ShownNode {
  readonly id: string;
  readonly status: 'Online' | 'Unknown';
  readonly version: string;
  readonly cordonLabels: readonly string[];
  readonly drainLabels: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

interface ShownOwners {
  readonly replicaId: string;
  readonly pool: string;
  readonly volumeId: string;
  readonly nexusIds: readonly string[];
}

export function createShown(world: World): Shown {
  return {
    volume: (id) => {
      const volume = world.volumes.get(id);
      return volume === undefined ? undefined : shownVolume(world, volume);
    },
    volumes: () => world.volumes.slice(0, world.volumes.size).map((volume) => shownVolume(world, volume)),
    pools: () => [...world.pools.values()].map((pool) => shownPool(world, pool)),
    nodes: () => [...world.nodes.values()].map((node) => shownNode(world, node)),
    owners: (volumeId) => {
      const owners = new Map<string, ShownOwners>();
      for (const replica of world.replicas.values()) {
        if (replica.owner?.uuid !== volumeId) continue;
        const { uuid: replicaId, pool, nexusOwners } = replica;
        owners.set(replicaId, { replicaId, pool: pool.id, volumeId, nexusIds: [...nexusOwners] });
      }
      return owners;
    },
  };
}

function shownVolume(world: World, volume: Volume): ShownVolume {
  const view = targetView(world, volume);
  const nexus = volume.target?.nexus;
  return {
    id: volume.uuid,
    sizeBytes: volume.sizeBytes,
    replicaCount: volume.replicaCount,
    specStatus: volume.record,
    status: volumeStatus(volume, view),
    selfHeal: volume.selfHeal,
    thin: volume.thin,
    asThin: volume.hadSnapshots,
    encrypted: false,
    snapshotCount: volume.snapshots.size,
    restored: false,
    affinityGroup: volume.affinityGroup,
    topology: shownTopology(volume),
    publishedOn: volume.target?.node.id,
    target:
      view === undefined || nexus === undefined
        ? undefined
        : {
            id: nexus.uuid,
            node: nexus.node.id,
            state: view.state,
            rebuilds: view.rebuilds,
            children: view.children.map(({ uri, replica, state, progress }) => ({
              uri,
              replicaId: replica.uuid,
              state,
              rebuildPercent: progress,
            })),
          },
    replicas: [...volume.replicas]
      .sort((a, b) => (a.uuid < b.uuid ? -1 : 1))
      .map((replica) => shownReplica(world, volume, replica, view)),
  };
}

function shownReplica(world: World, volume: Volume, replica: Replica, view: NexusView | undefined): ShownReplica {
  const child = view?.children.find((entry) => entry.replica === replica);
  const state = replicaState(replica);
  return {
    id: replica.uuid,
    node: replica.pool.node.id,
    pool: replica.pool.id,
    state,
    childStatus: child?.state,
    rebuildPercent: child?.progress,
    allocatedBytes:
      state === 'Unknown' ? undefined : replica.thin ? replicaAllocatedBytes(world, replica) : replica.sizeBytes,
    healthy: world.capabilities.volumeHealth
      ? volume.healthy === undefined || volume.healthy.has(replica.uuid)
      : undefined,
  };
}

const nothing = {};
const anywhere: ShownTopology = {
  poolLabels: { inclusion: nothing, exclusion: nothing, affinityKeys: [] },
  nodeLabels: { inclusion: nothing, exclusion: nothing, affinityKeys: [] },
  allowedNodes: [],
};

function shownTopology({ topology }: Volume): ShownTopology {
  if (topology === undefined) return anywhere;
  const pool = topology.pool_topology?.labelled;
  const node = topology.node_topology;
  const explicit = node?.explicit;
  // The one or the other, as in a body.
  const labelled = explicit === undefined ? node?.labelled : undefined;
  return {
    poolLabels: { inclusion: pool?.inclusion ?? {}, exclusion: pool?.exclusion ?? {}, affinityKeys: [] },
    nodeLabels: { inclusion: labelled?.inclusion ?? {}, exclusion: labelled?.exclusion ?? {}, affinityKeys: [] },
    allowedNodes: explicit?.allowed_nodes ?? [],
  };
}

const labelsShown = new WeakMap<ReadonlyMap<string, string>, Readonly<Record<string, string>>>();
function shownLabels(labels: ReadonlyMap<string, string>): Readonly<Record<string, string>> {
  const known = labelsShown.get(labels) ?? Object.fromEntries(labels);
  labelsShown.set(labels, known);
  return known;
}

function shownPool(world: World, pool: Pool): ShownPool {
  const isSeen = pool.node.seenOnline;
  const { poolCordon } = world.capabilities;
  const { replicas, snapshots, restores, import: imports } = pool.cordon;
  return {
    id: pool.id,
    node: pool.node.id,
    labels: shownLabels(pool.labels),
    specStatus: 'Created',
    status: isSeen ? (pool.faulted ? 'Faulted' : 'Online') : 'Unknown',
    capacityBytes: isSeen ? pool.capacityBytes : undefined,
    usedBytes: isSeen ? poolUsedBytes(world, pool) : undefined,
    committedBytes: isSeen ? pool.committedBytes : undefined,
    cordoned: {
      replicas: poolCordon && replicas,
      snapshots: poolCordon && snapshots,
      restores: poolCordon && restores,
      import: poolCordon && imports,
    },
    draining: false,
    encrypted: false,
  };
}

function shownNode(world: World, node: StorageNode): ShownNode {
  return {
    id: node.id,
    status: node.seenOnline ? 'Online' : 'Unknown',
    version: `v${world.version}`,
    cordonLabels: [...node.cordonLabels],
    drainLabels: [...node.drainLabels],
    labels: shownLabels(node.labels),
  };
}
