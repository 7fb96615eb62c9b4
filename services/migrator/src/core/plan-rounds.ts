import { strict as assert } from 'node:assert';
import type { ActiveIntent, FailureReason, Round } from '@couchestor/shared/messages';
import {
  aboveCapacityLimit,
  copyBytes,
  poolRefusal,
  zonesAfter,
  zonesOf,
  type PoolRefusal,
} from '@couchestor/shared/policy';
import { formatTimestamp } from '@couchestor/shared/units';
import {
  misfitBefore,
  nodesOf,
  tierPoolsOf,
  type Arriving,
  type Capabilities,
  type Cluster,
  type SeenPool,
  type SeenReplica,
  type SeenVolume,
  type Surroundings,
} from './evidence.ts';
import { fenceAround, standsAlone } from './fence.ts';

export type RoundPlan =
  /** With the zones that the volume lies in, to be kept from its first round on. */
  | { readonly kind: 'rounds'; readonly rounds: readonly Round[]; readonly zones: number }
  | { readonly kind: 'blocked'; readonly reason: FailureReason; readonly message: string };

/**
 * Which replica goes next, and where to. Each round names exactly one pool, so that the limits and the capacity that
 * were checked are those of the pool that fills; the fence keeps the new replica off every other pool that Mayastor
 * could choose.
 *
 * A node takes one replica of a volume at most. Where every node of the tier holds one already, a replica steps aside
 * to a pool of any kind on a spare node, once: what it leaves is the place of the next, and it follows last. Without a
 * spare node a policy may allow that a replica leaves before the new one comes, as long as two stay.
 */
export function planRounds(
  intent: ActiveIntent,
  volume: SeenVolume,
  cluster: Surroundings,
  capabilities: Capabilities,
  nowMs: number,
): RoundPlan {
  const tierPools = tierPoolsOf(intent);
  const off = volume.replicas.filter((replica) => !tierPools.has(replica.pool));
  const [any] = off;
  assert.ok(any !== undefined, 'a replica is off the tier');
  const obstacleOf = ({ replicaId }: SeenReplica): string | undefined =>
    obstacleTo(replicaId, volume, cluster, capabilities);
  const movable = off.filter((replica) => obstacleOf(replica) === undefined);
  const obstacle = obstacleOf(any);
  if (obstacle !== undefined && movable.length === 0) {
    return { kind: 'blocked', reason: 'NoPlacement', message: obstacle };
  }

  const occupied = nodesOf(volume);
  const zonesNow = zonesOf(occupied, cluster.nodes).size;
  // Somebody else may have left it with fewer; then it stays at that.
  const zonesNeeded = Math.min(intent.zones ?? zonesNow, zonesNow);
  const tier = intent.targetPools.flatMap((name) => cluster.pools.get(name) ?? []);
  const refusalOf = (pool: SeenPool, nodes: ReadonlySet<string>): PoolRefusal | undefined =>
    refusalFor(intent, volume, pool, cluster, nodes);
  const pick = (pools: readonly SeenPool[], nodes: ReadonlySet<string>): readonly SeenPool[] =>
    roomiestFirst(
      pools.filter((pool) => refusalOf(pool, nodes) === undefined),
      cluster.arriving,
    );
  const isOfTier = (name: string): boolean => tierPools.has(name);
  /** Where nodes are cordoned, Mayastor may take any pool of the node that is left. */
  const hasItsNode = (pool: SeenPool): boolean =>
    capabilities.method === 'poolCordon' || standsAlone(pool, isOfTier, cluster);
  const round = (source: SeenReplica, pool: SeenPool): Round => ({
    number: intent.roundsStarted + 1,
    startedAt: formatTimestamp(nowMs),
    replicasBefore: volume.replicas.map(({ replicaId, pool, node }) => ({ replicaId, pool, node })),
    sourceReplicaId: source.replicaId,
    targetPool: pool.name,
    targetNode: pool.node,
    fence: fenceAround(pool, volume, cluster, capabilities),
    growths: 0,
    shrinks: 0,
  });
  const offer = (source: SeenReplica, pools: readonly SeenPool[]): RoundPlan => ({
    kind: 'rounds',
    rounds: pools.slice(0, ROUNDS_OFFERED_MAX).map((pool) => round(source, pool)),
    zones: zonesNow,
  });

  const placesOf = ({ node }: SeenReplica): readonly SeenPool[] => {
    const others = new Set(occupied);
    others.delete(node);
    const here = tier.filter((pool) => pool.node === node && hasItsNode(pool));
    return pick(here, others);
  };
  /** The pools that leave the volume in as many zones as it needs, those in the zone of the source first. */
  const inZonesFor = ({ node: from }: SeenReplica, pools: readonly SeenPool[]): readonly SeenPool[] => {
    const isNear = (pool: SeenPool): boolean => zonesOf([from, pool.node], cluster.nodes).size < 2;
    const kept = pools.filter((pool) => zonesAfter(occupied, from, pool.node, cluster.nodes) >= zonesNeeded);
    return [...kept.filter(isNear), ...kept.filter((pool) => !isNear(pool))];
  };
  const leavesAPlace = new Set(off.filter((replica) => placesOf(replica).length > 0));
  const targets = pick(tier, occupied).filter(hasItsNode);
  // With few free places those go first that leave one; else what is beside the target goes last, for reading over the
  // network is better postponed.
  const isScarce = new Set(targets.map(({ node }) => node)).size < off.length;
  const sources = movable.sort(
    (a, b) =>
      (isScarce ? Number(leavesAPlace.has(b)) - Number(leavesAPlace.has(a)) : 0) ||
      distance(a.node, volume) - distance(b.node, volume) ||
      (a.replicaId < b.replicaId ? -1 : 1),
  );
  const offerFirst = (pools: readonly SeenPool[]): RoundPlan | undefined => {
    const source = sources.find((replica) => inZonesFor(replica, pools).length > 0);
    return source === undefined ? undefined : offer(source, inZonesFor(source, pools));
  };
  const direct = offerFirst(targets);
  if (direct !== undefined) return direct;

  // Neither of these is begun unless all can come to their place; where nodes are cordoned, a replica never leaves one,
  // since its own pool lies there.
  if (off.every((replica) => leavesAPlace.has(replica))) {
    const aside = offerFirst(pick([...cluster.pools.values()], occupied));
    if (aside !== undefined) return aside;
    const [source] = sources;
    assert.ok(source !== undefined, 'a replica can be moved');
    if (intent.allowReducedRedundancy && volume.replicas.length > LEAST_REDUCED) {
      const rounds = placesOf(source).map((pool): Round => {
        const { fence: _later, ...rest } = round(source, pool);
        return { ...rest, order: 'shrinkFirst' };
      });
      return { kind: 'rounds', rounds, zones: zonesNow };
    }
  }
  const isTarget = new Set(targets);
  const hindrances = new Map(
    tier.map((pool): [string, Hindrance] => [
      pool.name,
      refusalOf(pool, occupied) ?? (isTarget.has(pool) ? 'FewerZones' : 'NodeShared'),
    ]),
  );
  return blocked(intent, hindrances);
}

const ROUNDS_OFFERED_MAX = 8;
/** So many replicas stay, all of them healthy, where one goes before the new one comes. */
const LEAST_REDUCED = 2;

/** Why a new replica cannot come to the pool while these nodes hold one; undefined if it can. */
export function refusalFor(
  intent: ActiveIntent,
  volume: SeenVolume,
  pool: SeenPool,
  cluster: Surroundings,
  occupied: ReadonlySet<string>,
): PoolRefusal | undefined {
  const refusal = poolRefusal(volume, pool, cluster.nodes.get(pool.node), occupied);
  if (refusal !== undefined) return refusal;
  return wouldOverfill(intent, volume, pool, cluster.arriving) ? 'AboveCapacityLimit' : undefined;
}

/** Whether the pool, with this copy and all that is on its way there, would be fuller than the policy allows. */
export function wouldOverfill(
  { maxPoolUsedPercent }: ActiveIntent,
  volume: SeenVolume,
  pool: SeenPool,
  arriving: Arriving,
): boolean {
  return aboveCapacityLimit(pool, copyBytes(volume), arriving.get(pool.name) ?? 0, maxPoolUsedPercent);
}

function roomiestFirst(pools: readonly SeenPool[], arriving: Arriving): readonly SeenPool[] {
  const freeBytes = (pool: SeenPool): number => pool.capacityBytes - pool.usedBytes - (arriving.get(pool.name) ?? 0);
  return [...pools].sort((a, b) => freeBytes(b) - freeBytes(a) || (a.name < b.name ? -1 : 1));
}

/** What somebody does to the nodes of the volume that a move of this replica would get in the way of. */
export function obstacleTo(
  sourceReplicaId: string,
  volume: SeenVolume,
  { nodes, pools }: Cluster,
  { method }: Capabilities,
): string | undefined {
  const own = [...volume.replicas.map((replica) => replica.node), volume.target?.node];
  const drained = own.find((node) => node !== undefined && nodes.get(node)?.draining === true);
  if (drained !== undefined) return `node ${drained} is drained; the move begins again when that is over`;
  if (method !== 'poolCordon') return undefined;
  // The steer is a cordon, and Mayastor would not know which of two cordoned nodes is meant, or of a node and a pool.
  const staying = volume.replicas.filter(({ replicaId }) => replicaId !== sourceReplicaId);
  const node = staying.find((one) => nodes.get(one.node)?.cordoned === true)?.node;
  if (node !== undefined) return `node ${node} holds a replica that stays and is cordoned; lift that cordon`;
  const pool = staying.find((one) => pools.get(one.pool)?.cordoned === true)?.pool;
  if (pool !== undefined) return `pool ${pool} holds a replica that stays and is cordoned; lift that cordon`;
  const source = volume.replicas.find(({ replicaId }) => replicaId === sourceReplicaId);
  const misfit = source === undefined ? undefined : misfitBefore(source, staying, volume, { nodes, pools });
  return misfit === undefined
    ? undefined
    : `the replica on pool ${misfit.pool} stays and does not fit the topology of the volume any more; label the pool and node ${misfit.node} as the volume wants it`;
}

function distance(node: string, volume: SeenVolume): number {
  return node === volume.target?.node ? 1 : 0;
}

/** `NodeShared`: cordons of nodes cannot keep a replica off the other pools of the node. */
type Hindrance = PoolRefusal | 'NodeShared';

/** @param hindrances of the pools of the tier that Mayastor knows */
function blocked(
  intent: ActiveIntent,
  hindrances: ReadonlyMap<string, Hindrance>,
): Extract<RoundPlan, { kind: 'blocked' }> {
  const known = [...hindrances];
  if (known.length === 0) {
    return {
      kind: 'blocked',
      reason: 'TargetPoolNotFound',
      message: `Mayastor knows none of the pools ${list(intent.targetPools)}; check the labels of the DiskPools`,
    };
  }
  const away: ReadonlySet<Hindrance> = new Set(['PoolNotOnline', 'NodeOffline', 'NodeUnknown']);
  // What is beside a replica of the volume could take no other, online or not.
  const possible = known.filter(([, hindrance]) => hindrance !== 'NodeOccupied');
  if (possible.length > 0 && possible.every(([, hindrance]) => away.has(hindrance))) {
    const names = possible.map(([name]) => name);
    return {
      kind: 'blocked',
      reason: 'TargetPoolOffline',
      message: `none of the pools ${list(names)} is online; check the status of the DiskPools and their nodes`,
    };
  }
  const why = known.map(([name, hindrance]) => `${name}: ${hindrance}`);
  const hint = possible.length === 0 ? `; ${wayOut(intent)}` : '';
  return { kind: 'blocked', reason: 'NoPlacement', message: `no pool can take the next replica (${list(why)})${hint}` };
}

function wayOut({ replicaCount, allowReducedRedundancy }: ActiveIntent): string {
  const spare = 'a pool with room on a node without a replica would let one step aside';
  return replicaCount > LEAST_REDUCED && !allowReducedRedundancy
    ? `${spare}, and moves.allowReducedRedundancy would let one leave first`
    : spare;
}

function list(names: readonly string[]): string {
  const shown = names.slice(0, 8).join(', ');
  return names.length > 8 ? `${shown} and ${names.length - 8} more` : shown;
}
