import { strict as assert } from 'node:assert';
import type { ActiveIntent, FailureReason, ReplicaPlace, Round } from '@couchestor/shared/messages';
import { aboveCapacityLimit, copyBytes, poolRefusal, refusalLasts, type PoolRefusal } from '@couchestor/shared/policy';
import { formatTimestamp } from '@couchestor/shared/units';
import {
  tierPoolsOf,
  type Capabilities,
  type SeenNode,
  type SeenPool,
  type SeenReplica,
  type SeenVolume,
} from './evidence.ts';

export interface Cluster {
  readonly pools: ReadonlyMap<string, SeenPool>;
  readonly nodes: ReadonlyMap<string, SeenNode>;
}

export type RoundPlan =
  | { readonly kind: 'rounds'; readonly rounds: readonly Round[] }
  | { readonly kind: 'blocked'; readonly reason: FailureReason; readonly message: string };

/**
 * Which replica goes next, and where to. A replica beside the target goes last, because reading over the network is
 * better postponed. Each round names exactly one pool, so that the limits and the capacity that were checked are those
 * of the pool that fills; the fence keeps the new replica off every other pool that Mayastor could choose.
 */
export function planRounds(
  intent: ActiveIntent,
  volume: SeenVolume,
  cluster: Cluster,
  capabilities: Capabilities,
  nowMs: number,
): RoundPlan {
  const tierPools = tierPoolsOf(intent);
  const sources = volume.replicas
    .filter((replica) => !tierPools.has(replica.pool))
    .sort((a, b) => distance(a.node, volume) - distance(b.node, volume) || (a.replicaId < b.replicaId ? -1 : 1));
  const [first] = sources;
  assert.ok(first !== undefined, 'a replica is off the tier');
  const obstacleOf = ({ replicaId }: SeenReplica): string | undefined =>
    obstacleTo(replicaId, volume, cluster.nodes, capabilities);
  const source = sources.find((replica) => obstacleOf(replica) === undefined);
  if (source === undefined) {
    return { kind: 'blocked', reason: 'NoPlacement', message: obstacleOf(first) ?? 'no replica can be moved now' };
  }

  const occupied = new Set(volume.replicas.map((replica) => replica.node));
  const refusals = new Map<string, PoolRefusal>();
  const addedBytes = copyBytes(volume);
  const targets: SeenPool[] = [];
  for (const name of intent.targetPools) {
    const pool = cluster.pools.get(name);
    if (pool === undefined) continue;
    const refusal =
      poolRefusal(volume, pool, cluster.nodes.get(pool.node), occupied) ??
      (aboveCapacityLimit(pool, addedBytes, pool.arrivingBytes, intent.maxPoolUsedPercent)
        ? 'AboveCapacityLimit'
        : undefined);
    if (refusal !== undefined) refusals.set(name, refusal);
    else if (capabilities.method === 'poolCordon' || standsAlone(pool, tierPools, cluster)) targets.push(pool);
    else refusals.set(name, 'NodeOccupied');
  }
  if (targets.length === 0) return blocked(intent, cluster, refusals);

  const freeBytes = (pool: SeenPool): number => pool.capacityBytes - pool.usedBytes - pool.arrivingBytes;
  targets.sort((a, b) => freeBytes(b) - freeBytes(a) || (a.name < b.name ? -1 : 1));
  const replicasBefore: ReplicaPlace[] = volume.replicas.map(({ replicaId, pool, node }) => ({
    replicaId,
    pool,
    node,
  }));
  const rounds = targets.slice(0, ROUNDS_OFFERED_MAX).map((pool): Round => ({
    number: intent.roundsStarted + 1,
    startedAt: formatTimestamp(nowMs),
    replicasBefore,
    sourceReplicaId: source.replicaId,
    targetPool: pool.name,
    targetNode: pool.node,
    fence: fenceAround(pool, volume, cluster, occupied, capabilities),
    growths: 0,
    shrinks: 0,
  }));
  return { kind: 'rounds', rounds };
}

const ROUNDS_OFFERED_MAX = 8;

/** What somebody does to the nodes of the volume that a move of this replica would get in the way of. */
export function obstacleTo(
  sourceReplicaId: string,
  volume: SeenVolume,
  nodes: ReadonlyMap<string, SeenNode>,
  { method }: Capabilities,
): string | undefined {
  const own = [...volume.replicas.map((replica) => replica.node), ...(volume.target ? [volume.target.node] : [])];
  const drained = own.find((node) => nodes.get(node)?.draining === true);
  if (drained !== undefined) return `node ${drained} is drained; the move begins again when that is over`;
  // The steer is a cordon, and Mayastor would not know which of two cordoned nodes is meant.
  const cordoned = volume.replicas.find(
    ({ replicaId, node }) => replicaId !== sourceReplicaId && nodes.get(node)?.cordoned === true,
  );
  if (cordoned === undefined || method !== 'poolCordon') return undefined;
  return `node ${cordoned.node} holds a replica that stays and is cordoned; lift that cordon`;
}

function distance(node: string, volume: SeenVolume): number {
  return node === volume.target?.node ? 1 : 0;
}

/** Node cordons cannot choose between two pools of one node: every pool there must be of the wanted tier. */
function standsAlone(pool: SeenPool, tierPools: ReadonlySet<string>, cluster: Cluster): boolean {
  return [...cluster.pools.values()].every((other) => other.node !== pool.node || tierPools.has(other.name));
}

/**
 * Everything that Mayastor could choose beside the target: pools on nodes without a replica of the volume, unless they
 * are out of the question for good. What somebody else cordoned already is written down and left alone.
 */
function fenceAround(
  target: SeenPool,
  volume: SeenVolume,
  cluster: Cluster,
  occupied: ReadonlySet<string>,
  capabilities: Capabilities,
): NonNullable<Round['fence']> {
  const ours = new Set<string>();
  const foreign = new Set<string>();
  const byNode = capabilities.method === 'nodeCordon';
  for (const pool of cluster.pools.values()) {
    if (pool.name === target.name || occupied.has(pool.node)) continue;
    const node = cluster.nodes.get(pool.node);
    const refusal = poolRefusal(volume, pool, node, occupied);
    if (refusal !== undefined && refusalLasts(refusal)) continue;
    if (byNode) {
      if (pool.node !== target.node) (node?.cordoned === true ? foreign : ours).add(pool.node);
    } else {
      (pool.cordoned || node?.cordoned === true ? foreign : ours).add(pool.name);
    }
  }
  return { kind: byNode ? 'node' : 'pool', ours: [...ours].sort(), foreign: [...foreign].sort() };
}

function blocked(
  intent: ActiveIntent,
  cluster: Cluster,
  refusals: ReadonlyMap<string, PoolRefusal>,
): Extract<RoundPlan, { kind: 'blocked' }> {
  const known = intent.targetPools.filter((name) => cluster.pools.has(name));
  if (known.length === 0) {
    return {
      kind: 'blocked',
      reason: 'TargetPoolNotFound',
      message: `Mayastor knows none of the pools ${list(intent.targetPools)}; check the labels of the DiskPools`,
    };
  }
  const away: ReadonlySet<PoolRefusal | undefined> = new Set(['PoolNotOnline', 'NodeOffline', 'NodeUnknown']);
  if (known.every((name) => away.has(refusals.get(name)))) {
    return {
      kind: 'blocked',
      reason: 'TargetPoolOffline',
      message: `none of the pools ${list(known)} is online; check the status of the DiskPools and their nodes`,
    };
  }
  const why = known.map((name) => `${name}: ${refusals.get(name) ?? 'unknown'}`);
  return { kind: 'blocked', reason: 'NoPlacement', message: `no pool can take the next replica (${list(why)})` };
}

function list(names: readonly string[]): string {
  const shown = names.slice(0, 8).join(', ');
  return names.length > 8 ? `${shown} and ${names.length - 8} more` : shown;
}
