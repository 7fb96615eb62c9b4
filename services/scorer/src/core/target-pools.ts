import type { PoolObserved, VolumeObserved } from '@couchestor/shared/messages';
import {
  aboveCapacityLimit,
  copyBytes,
  poolRefusal,
  refusalIsTopology,
  type PlacementPool,
  type PolicySpec,
  type PoolRefusal,
  type Tier,
} from '@couchestor/shared/policy';
import type { Cluster, TierPools } from './cluster.ts';
import type { Hold } from './decision.ts';
import type { InFlight } from './in-flight.ts';
import { placementVolume } from './placement-volume.ts';

export interface TargetQuestion {
  readonly volume: VolumeObserved;
  readonly tier: Tier;
  readonly spec: Pick<PolicySpec, 'limits' | 'maxPoolUsedPercent'>;
  readonly cluster: Cluster;
  readonly tierPools: TierPools;
  readonly inFlight: InFlight;
  /** Nodes that hold the only replica of another volume of its affinity group, where it has but one itself. */
  readonly affinityNodes: ReadonlySet<string>;
}

export type Targets =
  | {
      readonly kind: 'found';
      /** Pools that can take the first replica now, then those that can take one once a round has freed their node. */
      readonly pools: readonly string[];
    }
  | { readonly kind: 'none'; readonly hold: Hold };

/**
 * The pools of a tier that could take the replicas of a volume, best first: those that may start now, with the fewest
 * moves in flight, on the node with the fewest, with the largest share of free space.
 *
 * A node takes one replica of a volume at most. Where each node has pools of both tiers, the node of a replica is free
 * for the next one only after that replica has left, so the whole move is possible if one pool can take a replica now
 * and, counting those that come free, there are as many nodes as replicas to move. A move that could only begin would
 * leave the volume on two tiers for good.
 */
export function targetsFor(question: TargetQuestion): Targets {
  const { volume, tier, tierPools } = question;
  const all = tierPools.poolsOf[tier];
  if (all.length === 0) {
    const message = `Target pool not found: no pool belongs to the ${tier} tier alone.`;
    return { kind: 'none', hold: { reason: 'TargetPoolMissing', message } };
  }
  const toMove = volume.replicas.filter(({ pool }) => pool === undefined || tierPools.tierOf.get(pool) !== tier);
  const occupied = new Set(volume.replicas.flatMap(({ node }) => node ?? []));
  const staying = new Set(
    volume.replicas.filter((replica) => !toMove.includes(replica)).flatMap(({ node }) => node ?? []),
  );
  const now: PoolObserved[] = [];
  const later: PoolObserved[] = [];
  const refusals: Refusal[] = [];
  for (const pool of all) {
    const refusal = refusalOf(question, pool, staying);
    if (refusal !== undefined) refusals.push(refusal);
    else (occupied.has(pool.node) ? later : now).push(pool);
  }
  if (refusals.length === all.length && refusals.every((refusal) => isTopology(refusal))) {
    const message = `Its topology, fixed when it was created, excludes every pool of the ${tier} tier.`;
    return { kind: 'none', hold: { reason: 'TopologyExcludesTier', message } };
  }
  const nodes = new Set([...now, ...later].map(({ node }) => node)).size;
  if (now.length === 0 || nodes < toMove.length) {
    const occupiedNow = now.length === 0 ? later.map((): Refusal => 'NodeOccupied') : [];
    const message = explainNone(tier, toMove.length, nodes, [...refusals, ...occupiedNow]);
    return { kind: 'none', hold: { reason: 'NoEligiblePool', message } };
  }
  const mayStart = now.filter((pool) => hasRoomForMove(question, pool));
  if (mayStart.length === 0) {
    const message = `Every pool of the ${tier} tier that could take it, or its node, is receiving as many moves as limits.perPool and limits.perNode allow.`;
    return { kind: 'none', hold: { reason: 'BrakePool', message } };
  }
  const busy = now.filter((pool) => !mayStart.includes(pool));
  return {
    kind: 'found',
    pools: [mayStart, busy, later].flatMap((group) => bestFirst(group, question.inFlight)).map(({ name }) => name),
  };
}

type Refusal = PoolRefusal | 'AffinityGroup';

const isTopology = (refusal: Refusal): boolean => refusal !== 'AffinityGroup' && refusalIsTopology(refusal);

function refusalOf(question: TargetQuestion, pool: PoolObserved, staying: ReadonlySet<string>): Refusal | undefined {
  const { volume, cluster, inFlight, spec } = question;
  const placement = placementPool(pool);
  const expected = { ...placement, committedBytes: pool.committedBytes + inFlight.committedTo(pool.name) };
  const arriving = inFlight.bytesTo(pool.name);
  const filled = { ...expected, usedBytes: pool.usedBytes + arriving };
  const refusal = poolRefusal(placementVolume(volume), filled, cluster.placementNodes.get(pool.node), staying);
  if (refusal !== undefined) return refusal;
  if (question.affinityNodes.has(pool.node)) return 'AffinityGroup';
  const above = aboveCapacityLimit(placement, copyBytes(placementVolume(volume)), arriving, spec.maxPoolUsedPercent);
  return above ? 'AboveCapacityLimit' : undefined;
}

function hasRoomForMove({ inFlight, spec }: TargetQuestion, pool: PoolObserved): boolean {
  return inFlight.movesTo(pool.name) < spec.limits.perPool && inFlight.movesToNode(pool.node) < spec.limits.perNode;
}

function bestFirst(pools: readonly PoolObserved[], inFlight: InFlight): readonly PoolObserved[] {
  const freeShare = (pool: PoolObserved): number =>
    1 - (pool.usedBytes + inFlight.bytesTo(pool.name)) / Math.max(1, pool.capacityBytes);
  return [...pools].sort(
    (a, b) =>
      inFlight.movesTo(a.name) - inFlight.movesTo(b.name) ||
      inFlight.movesToNode(a.node) - inFlight.movesToNode(b.node) ||
      freeShare(b) - freeShare(a) ||
      (a.name < b.name ? -1 : 1),
  );
}

const refusalTexts: Readonly<Record<Refusal, string>> = {
  NodeUnknown: 'on a node that is not known',
  NodeOffline: 'on a node that is not online',
  NodeCordoned: 'on a cordoned node',
  NodeOccupied: 'on a node that holds a replica of it',
  NodeNotAllowed: 'on a node that its topology excludes',
  NodeTopology: 'on a node that its topology excludes',
  PoolNotOnline: 'not online',
  PoolCordoned: 'cordoned',
  PoolTooSmall: 'smaller than the volume',
  PoolTopology: 'excluded by its topology',
  Encryption: 'not encrypted as it is',
  NoSpace: 'without the space',
  OverCommitted: 'committed too far',
  AboveCapacityLimit: 'fuller afterwards than capacity.maxPoolUsedPercent allows',
  AffinityGroup: 'on a node that its affinity group uses',
};

function explainNone(tier: Tier, toMove: number, nodes: number, refusals: readonly Refusal[]): string {
  const counts = new Map<string, number>();
  for (const refusal of refusals) counts.set(refusalTexts[refusal], (counts.get(refusalTexts[refusal]) ?? 0) + 1);
  const parts = [...counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([text, count]) => `${count} ${text}`);
  const needs = nodes < toMove ? ` ${toMove} replicas need as many nodes, and ${nodes} could take one.` : '';
  const why = parts.length === 0 ? '' : ` Of its pools: ${parts.join(', ')}.`;
  return `No pool of the ${tier} tier can take it.${why}${needs}`;
}

function placementPool(pool: PoolObserved): PlacementPool {
  const { name, node, cordoned, capacityBytes, usedBytes, committedBytes, mayastorLabels, encrypted, status } = pool;
  return {
    name,
    node,
    online: status === 'Online',
    cordoned,
    capacityBytes,
    usedBytes,
    committedBytes,
    mayastorLabels,
    ...(encrypted === undefined ? {} : { encrypted }),
  };
}
