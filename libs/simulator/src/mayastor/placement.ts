import type { LabelledTopology, Pool, Volume } from './entities.ts';
import { picked, type World } from './world.ts';
import { freeBytes } from './capacity.ts';

const mebibyte = 1024 * 1024;
const thinSlackBytes = 16 * mebibyte;
const thinShare = 0.4;
const overcommitPercent = 250;

/** Pools that could take one more replica, best first. Equals stand in an order that the model chooses. */
export function placementCandidates(world: World, volume: Volume): Pool[] {
  const candidates: Pool[] = [];
  for (const pool of world.pools.values()) if (accepts(world, volume, pool)) candidates.push(pool);
  return ranked(world, volume, candidates);
}

function accepts(world: World, volume: Volume, pool: Pool): boolean {
  const { node } = pool;
  if (node.cordonLabels.length > 0 || node.drainLabels.length > 0 || !node.seenOnline) return false;
  const explicit = volume.topology?.node_topology?.explicit;
  if (explicit !== undefined && explicit.allowed_nodes.length > 0 && !explicit.allowed_nodes.includes(node.id)) {
    return false;
  }
  for (const replica of volume.replicas) if (replica.pool.node === node) return false;
  if (!matchesLabels(volume.topology?.node_topology?.labelled, node.labels, true)) return false;
  if (pool.faulted || pool.cordon.replicas) return false;
  if (!matchesLabels(volume.topology?.pool_topology?.labelled, pool.labels, world.capabilities.poolTopologyExclusion)) {
    return false;
  }
  if (!hasRoom(world, volume, pool)) return false;
  return affinityAllows(world, volume, pool);
}

function hasRoom(world: World, volume: Volume, pool: Pool): boolean {
  const sizeBytes = volume.sizeBytes + world.capabilities.replicaOverheadBytes;
  if (pool.capacityBytes <= sizeBytes) return false;
  const free = freeBytes(world, pool);
  if (!volume.thin) return free > sizeBytes;
  if ((pool.committedBytes + sizeBytes) * 100 >= overcommitPercent * pool.capacityBytes) return false;
  let allocated = 0;
  for (const replica of volume.replicas) allocated = Math.max(allocated, replica.allocatedBytes);
  const needed = Math.min(sizeBytes, allocated + thinShare * sizeBytes);
  return free > thinSlackBytes && free > needed;
}

/** Single-replica volumes of one group must not share a node. */
function affinityAllows(world: World, volume: Volume, pool: Pool): boolean {
  if (volume.affinityGroup === undefined || volume.replicaCount > 1) return true;
  for (const other of world.affinityGroups.get(volume.affinityGroup) ?? []) {
    if (other === volume || other.replicaCount > 1) continue;
    for (const replica of other.replicas) if (replica.pool.node === pool.node) return false;
  }
  return true;
}

/** Whether labels satisfy what a topology asks; an empty wanted value means that the key must exist. */
export function matchesLabels(
  wanted: LabelledTopology | undefined,
  labels: ReadonlyMap<string, string>,
  exclusionCounts: boolean,
): boolean {
  if (wanted === undefined) return true;
  for (const [key, value] of Object.entries(wanted.inclusion ?? {})) {
    const label = labels.get(key);
    if (label === undefined || (value !== '' && label !== value)) return false;
  }
  const exclusion = Object.entries(wanted.exclusion ?? {});
  if (!exclusionCounts || exclusion.length === 0) return true;
  // One key whose value differs is enough, and a pool that has none of the keys is refused: odd, but so it is.
  return exclusion.some(([key, value]) => labels.has(key) && value !== '' && labels.get(key) !== value);
}

interface Weights {
  readonly replicas: number;
  readonly free: number;
  readonly overcommit: number;
  readonly group: number;
}

function weightsOf(volume: Volume): Weights {
  const grouped = volume.affinityGroup !== undefined && volume.replicaCount > 1;
  if (volume.thin) return { replicas: grouped ? 15 : 25, free: 40, overcommit: 35, group: grouped ? 10 : 0 };
  return { replicas: grouped ? 25 : 40, free: 60, overcommit: 0, group: grouped ? 15 : 0 };
}

interface Ranked {
  readonly pool: Pool;
  readonly replicas: number;
  readonly free: number;
  readonly overcommit: number;
  readonly group: number;
}

function ranked(world: World, volume: Volume, pools: readonly Pool[]): Pool[] {
  if (pools.length < 2) return [...pools];
  const weights = weightsOf(volume);
  const rows = pools.map((pool): Ranked => ({
    pool,
    replicas: pool.replicas.size,
    free: freeBytes(world, pool),
    overcommit: volume.thin ? Math.max(0, pool.committedBytes / pool.capacityBytes - 1) : 0,
    group: weights.group === 0 ? 0 : groupReplicas(world, volume, pool),
  }));
  const result: Pool[] = [];
  const left = rows.toSorted((a, b) => scoreDifference(weights, a, b));
  while (left.length > 0) {
    const [first] = left;
    if (first === undefined) break;
    const equals = left.filter((row) => scoreDifference(weights, first, row) === 0);
    const chosen =
      equals.length === 1
        ? first
        : picked(
            equals,
            world.choose(
              'placement',
              equals.map((row) => row.pool.id),
              volume.uuid,
            ),
          );
    result.push(chosen.pool);
    left.splice(left.indexOf(chosen), 1);
  }
  return result;
}

/** Negative when `a` is the better one: each criterion gives its weight in proportion to the two values. */
function scoreDifference(weights: Weights, a: Ranked, b: Ranked): number {
  const difference =
    share(weights.replicas, b.replicas, a.replicas) +
    share(weights.free, a.free, b.free) +
    share(weights.overcommit, b.overcommit, a.overcommit) +
    share(weights.group, b.group, a.group);
  return Math.abs(difference) < 1e-9 ? 0 : -difference;
}

function share(weight: number, mine: number, other: number): number {
  const sum = mine + other;
  return sum === 0 ? 0 : (weight * (mine - other)) / sum;
}

function groupReplicas(world: World, volume: Volume, pool: Pool): number {
  let count = 0;
  for (const replica of pool.replicas) {
    if (replica.madeFor.affinityGroup === volume.affinityGroup && world.volumes.has(replica.madeFor.uuid)) count += 1;
  }
  return count;
}
