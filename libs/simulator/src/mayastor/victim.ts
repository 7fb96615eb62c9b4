import type { Child, ChildState, Replica, Volume } from './entities.ts';
import { matchesLabels } from './placement.ts';
import { viewOf } from './view.ts';
import { picked, type World } from './world.ts';

interface Candidate {
  readonly replica: Replica;
  readonly healthy: boolean;
  readonly inNexus: boolean;
  readonly childRank: number;
  readonly progress: number;
  readonly local: boolean;
  readonly groupReplicas: number;
  readonly cordonedNode: boolean;
  readonly cordonedPool: boolean;
  readonly nodeMismatch: boolean;
  readonly poolMismatch: boolean;
}

/**
 * The replica that goes when the count of a volume drops, or undefined if none may. A healthy one only goes while more
 * healthy ones are there than wanted.
 */
export function removalVictim(world: World, volume: Volume, wanted: number): Replica | undefined {
  const candidates = candidatesOf(world, volume);
  const unhealthy = candidates.filter((candidate) => !candidate.healthy);
  const healthy = candidates.filter((candidate) => candidate.healthy);
  if (unhealthy.length === 0 && healthy.length <= wanted) return undefined;
  const eligible = unhealthy.length > 0 ? unhealthy : healthy;
  return world.capabilities.topologyAwareVictim
    ? firstByTopology(world, volume, eligible)
    : firstByMapOrder(eligible)?.replica;
}

/** Owned replicas in the order of the core's map. */
export function ownedReplicas(world: World, volume: Volume): Replica[] {
  return [...volume.replicas].sort((a, b) => world.replicas.indexOf(a.uuid) - world.replicas.indexOf(b.uuid));
}

function candidatesOf(world: World, volume: Volume): Candidate[] {
  const nexus = volume.target?.nexus;
  const view = nexus !== undefined && nexus.exists ? viewOf(world, nexus) : undefined;
  const groupCount = (replica: Replica): number => {
    if (volume.affinityGroup === undefined) return 0;
    let count = 0;
    for (const other of replica.pool.replicas) if (other.madeFor.affinityGroup === volume.affinityGroup) count += 1;
    return count;
  };
  return ownedReplicas(world, volume).map((replica): Candidate => {
    const child = view?.children.find((entry) => entry.replica === replica);
    return {
      replica,
      healthy: volume.healthy === undefined || volume.healthy.has(replica.uuid),
      inNexus: child !== undefined,
      childRank: child === undefined ? 3 : rankOf(child.state),
      progress: child?.progress ?? 100,
      local: nexus !== undefined && replica.pool.node === nexus.node,
      groupReplicas: groupCount(replica),
      cordonedNode: replica.pool.node.cordonLabels.length > 0,
      cordonedPool: replica.pool.cordon.replicas,
      nodeMismatch: !matchesLabels(volume.topology?.node_topology?.labelled, replica.pool.node.labels, true),
      poolMismatch: !matchesLabels(
        volume.topology?.pool_topology?.labelled,
        replica.pool.labels,
        world.capabilities.poolTopologyExclusion,
      ),
    };
  });
}

function rankOf(state: ChildState): number {
  switch (state) {
    case 'Faulted':
      return 0;
    case 'Degraded':
      return 1;
    case 'Online':
      return 2;
  }
}

const first = (a: boolean, b: boolean): number => Number(b) - Number(a);

/** Up to 2.8: a stable sort over the core's map, so its order decides between equals. */
function firstByMapOrder(candidates: readonly Candidate[]): Candidate | undefined {
  return candidates.toSorted(
    (a, b) =>
      first(a.inNexus, b.inNexus) ||
      a.childRank - b.childRank ||
      a.progress - b.progress ||
      first(!a.local, !b.local) ||
      b.groupReplicas - a.groupReplicas,
  )[0];
}

/** Since 2.9: topology and node cordons count, and nothing says which of the rest goes. */
function firstByTopology(world: World, volume: Volume, candidates: readonly Candidate[]): Replica | undefined {
  // Whether a cordoned pool counts is unproven, so each removal may go either way.
  const poolCordonCounts = candidates.some((candidate) => candidate.cordonedPool) && world.random() < 0.5;
  const steered = world.steer === 'cordon';
  const compare = (a: Candidate, b: Candidate): number =>
    first(!a.inNexus, !b.inNexus) ||
    a.childRank - b.childRank ||
    a.progress - b.progress ||
    first(a.nodeMismatch, b.nodeMismatch) ||
    first(a.poolMismatch, b.poolMismatch) ||
    (poolCordonCounts ? first(a.cordonedPool, b.cordonedPool) : 0) ||
    (steered ? first(a.cordonedNode, b.cordonedNode) : 0) ||
    first(!a.local, !b.local) ||
    b.groupReplicas - a.groupReplicas;
  const [best] = candidates.toSorted(compare);
  if (best === undefined) return undefined;
  const equals = candidates
    .filter((candidate) => compare(best, candidate) === 0)
    .sort((a, b) => a.replica.createdAtMs - b.replica.createdAtMs);
  if (equals.length === 1) return best.replica;
  const ids = equals.map((candidate) => candidate.replica.uuid);
  return picked(equals, world.choose('victim', ids, volume.uuid)).replica;
}

/** The child that a nexus has of a replica. */
export function childOf(volume: Volume, replica: Replica): Child | undefined {
  return volume.target?.nexus.children.find((child) => child.replica === replica);
}
