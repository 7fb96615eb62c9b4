import type { PoolObserved, VolumeObserved } from '@couchestor/shared/messages';
import {
  aboveCapacityLimit,
  copyBytes,
  poolRefusal,
  refusalIsTopology,
  zonesAfter,
  zonesOf,
  type PlacementVolume,
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
  readonly spec: Pick<PolicySpec, 'limits' | 'maxPoolUsedPercent' | 'moves'>;
  readonly cluster: Cluster;
  readonly tierPools: TierPools;
  readonly inFlight: InFlight;
  /** Nodes that hold the only replica of another volume of its affinity group, where it has but one itself. */
  readonly affinityNodes: ReadonlySet<string>;
  /** Nodes to or from which Mayastor copies by itself, to repair a volume. */
  readonly repairing: ReadonlySet<string>;
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
 * leave the volume on two tiers for good. Where every node of the tier holds a replica already, one of them can step
 * aside to a spare node, or leave first if the policy allows that.
 *
 * Zones are failure domains: a volume lies in no fewer of them at any time of its move.
 */
export function targetsFor(question: TargetQuestion): Targets {
  const survey = surveyPools(question, false);
  const hold = lastingHold(question, survey);
  if (hold !== undefined) return { kind: 'none', hold };
  const { now, later } = survey;
  // Which pool the first round fills is not one of the tier's; the migrator counts it.
  if (now.length === 0) return { kind: 'found', pools: bestFirst(later, question.inFlight).map(({ name }) => name) };
  const mayStart = now.filter((pool) => hasRoomForMove(question, pool));
  if (mayStart.length === 0) {
    const message = `Every pool of the ${question.tier} tier that could take it, or its node, is receiving as many moves as limits.perPool and limits.perNode allow, or Mayastor repairs a volume there.`;
    return { kind: 'none', hold: { reason: 'BrakePool', message } };
  }
  const busy = now.filter((pool) => !mayStart.includes(pool));
  return {
    kind: 'found',
    pools: [mayStart, busy, later].flatMap((group) => bestFirst(group, question.inFlight)).map(({ name }) => name),
  };
}

/**
 * Why the pools of the tier cannot take the volume, moves in flight aside; undefined if they can. Cheaper than
 * `targetsFor`, since it looks no further once enough pools are found: it is asked for every volume that wants to move.
 */
export function targetHold(question: TargetQuestion): Hold | undefined {
  return lastingHold(question, surveyPools(question, true));
}

/** How many copies the move of so many replicas takes: one more where the first steps aside to a spare node. */
export function copiesFor(question: TargetQuestion, replicasToMove: number): number {
  const survey = surveyPools(question, true);
  return survey.now.length === 0 && survey.detour === 'spareNode' ? replicasToMove + 1 : replicasToMove;
}

interface Survey {
  /** Pools that can take a replica as things are. */
  readonly now: readonly PoolObserved[];
  /** Pools that can once the replica on their node has left, or one in their zone has come elsewhere. */
  readonly later: readonly PoolObserved[];
  readonly refusals: readonly Refusal[];
  readonly replicasToMove: number;
  /** Nodes that could take one replica each, in the end. */
  readonly nodes: number;
  /** Zones that its replicas lie in, and the most that they could lie in then. */
  readonly zones: { readonly now: number; readonly atBest: number };
  /** How the first replica could make room where no pool can take one as things are. */
  readonly detour: 'spareNode' | 'shrinkFirst' | undefined;
}

function surveyPools(question: TargetQuestion, untilEnough: boolean): Survey {
  const { volume, tier, tierPools } = question;
  const toMove = volume.replicas.filter(({ pool }) => pool === undefined || tierPools.tierOf.get(pool) !== tier);
  const occupied = new Set(volume.replicas.flatMap(({ node }) => node ?? []));
  const staying = new Set(
    volume.replicas.filter((replica) => !toMove.includes(replica)).flatMap(({ node }) => node ?? []),
  );
  const placement = placementVolume(volume);
  const known = question.cluster.placementNodes;
  const zonesNow = zonesOf(occupied, known);
  const zonesAtBest = (nodes: Iterable<string>): number => {
    const kept = zonesOf(staying, known);
    const further = [...zonesOf(nodes, known)].filter((zone) => !kept.has(zone)).length;
    return Math.min(zonesNow.size, kept.size + Math.min(toMove.length, further));
  };
  /** Whether one of the replicas can go there and leave the volume in as many zones. */
  const keepsZones = ({ node: to }: PoolObserved): boolean =>
    zonesNow.size < 2 ||
    toMove.some(({ node }) => node !== undefined && zonesAfter(occupied, node, to, known) >= zonesNow.size);
  const [now, later, refusals]: [PoolObserved[], PoolObserved[], Refusal[]] = [[], [], []];
  const nodes = new Set<string>();
  for (const pool of tierPools.poolsOf[tier]) {
    const refusal = refusalOf(question, placement, pool, staying);
    if (refusal !== undefined) {
      refusals.push(refusal);
      continue;
    }
    nodes.add(pool.node);
    (!occupied.has(pool.node) && keepsZones(pool) ? now : later).push(pool);
    if (!untilEnough || now.length === 0 || nodes.size < toMove.length) continue;
    if (zonesAtBest(nodes) >= zonesNow.size) break;
  }
  const leavesAPlace = now.length === 0 && toMove.every(({ node }) => node !== undefined && nodes.has(node));
  const detour = leavesAPlace ? detourFor(question, placement, occupied, keepsZones) : undefined;
  const zones = { now: zonesNow.size, atBest: zonesAtBest(nodes) };
  return { now, later, refusals, replicasToMove: toMove.length, nodes: nodes.size, zones, detour };
}

/** So many healthy replicas stay where one leaves before the new one comes. */
const LEAST_REDUCED = 2;

function detourFor(
  question: TargetQuestion,
  placement: PlacementVolume,
  occupied: ReadonlySet<string>,
  keepsZones: (pool: PoolObserved) => boolean,
): Survey['detour'] {
  const { volume, spec, cluster } = question;
  const isSpare = (pool: PoolObserved): boolean =>
    refusalOf(question, placement, pool, occupied) === undefined && keepsZones(pool);
  if ([...cluster.pools.values()].some(isSpare)) return 'spareNode';
  return spec.moves.allowReducedRedundancy && volume.replicaCount > LEAST_REDUCED ? 'shrinkFirst' : undefined;
}

function lastingHold({ volume, tier, tierPools }: TargetQuestion, survey: Survey): Hold | undefined {
  const { now, later, refusals, replicasToMove, nodes, zones, detour } = survey;
  const all = tierPools.poolsOf[tier];
  if (all.length === 0) {
    const message = `Target pool not found: no pool belongs to the ${tier} tier alone.`;
    return { reason: 'TargetPoolMissing', message };
  }
  if (refusals.length === all.length && refusals.every((refusal) => isTopology(refusal))) {
    const message = `Its topology, fixed when it was created, excludes every pool of the ${tier} tier.`;
    return { reason: 'TopologyExcludesTier', message };
  }
  const isEnough = now.length > 0 && nodes >= replicasToMove && zones.atBest >= zones.now;
  if (isEnough || detour !== undefined) return undefined;
  if (zones.atBest < zones.now && nodes >= replicasToMove) {
    const message = `Its replicas lie in ${zones.now} zones; on the pools of the ${tier} tier that could take them they would lie in ${zones.atBest}.`;
    return { reason: 'NoEligiblePool', message };
  }
  const isTaken = (node: string): boolean => volume.replicas.some((replica) => replica.node === node);
  const occupiedNow =
    now.length === 0 ? later.map(({ node }): Refusal => (isTaken(node) ? 'NodeOccupied' : 'FewerZones')) : [];
  const message = explainNone(tier, replicasToMove, nodes, [...refusals, ...occupiedNow]);
  return { reason: 'NoEligiblePool', message };
}

type Refusal = PoolRefusal | 'AffinityGroup';

const isTopology = (refusal: Refusal): boolean => refusal !== 'AffinityGroup' && refusalIsTopology(refusal);

function refusalOf(
  { cluster, inFlight, spec, affinityNodes }: TargetQuestion,
  volume: PlacementVolume,
  pool: PoolObserved,
  staying: ReadonlySet<string>,
): Refusal | undefined {
  const shown = cluster.placementPools.get(pool.name);
  if (shown === undefined) return 'NodeUnknown';
  const arriving = inFlight.bytesTo(pool.name);
  const committed = inFlight.committedTo(pool.name);
  const expected =
    arriving === 0 && committed === 0
      ? shown
      : { ...shown, usedBytes: shown.usedBytes + arriving, committedBytes: shown.committedBytes + committed };
  const refusal = poolRefusal(volume, expected, cluster.placementNodes.get(pool.node), staying);
  if (refusal !== undefined) return refusal;
  if (affinityNodes.has(pool.node)) return 'AffinityGroup';
  return aboveCapacityLimit(shown, copyBytes(volume), arriving, spec.maxPoolUsedPercent)
    ? 'AboveCapacityLimit'
    : undefined;
}

function hasRoomForMove({ inFlight, spec, repairing }: TargetQuestion, pool: PoolObserved): boolean {
  if (repairing.has(pool.node)) return false;
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
  FewerZones: 'in a zone that leaves it in fewer of them',
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
