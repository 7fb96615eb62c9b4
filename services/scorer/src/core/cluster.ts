import type { NodeObserved, PoolObserved, VolumeObserved } from '@couchestor/shared/messages';
import {
  placementOf,
  tierOfPool,
  tiers,
  type Placement,
  type PlacementNode,
  type PlacementPool,
  type PolicySpec,
  type Tier,
} from '@couchestor/shared/policy';

/** Pools and nodes by name, as many volumes are held against them. */
export interface Cluster {
  readonly pools: ReadonlyMap<string, PoolObserved>;
  readonly nodes: ReadonlyMap<string, NodeObserved>;
  /** The same, in the words of the question where a replica may lie. */
  readonly placementPools: ReadonlyMap<string, PlacementPool>;
  readonly placementNodes: ReadonlyMap<string, PlacementNode>;
}

export function indexCluster(pools: readonly PoolObserved[], nodes: readonly NodeObserved[]): Cluster {
  // Of two DiskPools of one name (one of them on its way out) the same one wins in whatever order they come.
  const byName = [...pools].sort((a, b) => (a.diskPoolId < b.diskPoolId ? -1 : 1));
  return {
    pools: new Map(byName.map((pool) => [pool.name, pool])),
    placementPools: new Map(byName.map((pool) => [pool.name, placementPool(pool)])),
    nodes: new Map(nodes.map((node) => [node.name, node])),
    placementNodes: new Map(
      nodes.map(({ name, status, cordonLabels, draining, labels }) => [
        name,
        { name, online: status === 'Online', cordoned: draining || cordonLabels.length > 0, labels },
      ]),
    ),
  };
}

/** The pools of each tier of a policy, by name in ascending order. */
export interface TierPools {
  readonly tierOf: ReadonlyMap<string, Tier>;
  readonly poolsOf: Readonly<Record<Tier, readonly PoolObserved[]>>;
}

export function tierPools(spec: PolicySpec, cluster: Cluster): TierPools {
  const tierOf = new Map<string, Tier>();
  const poolsOf: Record<Tier, PoolObserved[]> = { hot: [], warm: [], cold: [] };
  for (const pool of [...cluster.pools.values()].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const tier = tierOfPool(spec, pool.labels);
    if (tier === undefined) continue;
    tierOf.set(pool.name, tier);
    poolsOf[tier].push(pool);
  }
  return { tierOf, poolsOf };
}

/** Whether the tiers of a policy have pools at all, for its condition PoolsAvailable. */
export function poolsReport(
  spec: PolicySpec,
  { poolsOf }: TierPools,
): { readonly available: boolean; readonly reason: string; readonly message: string } {
  const configured = tiers.filter((tier) => tier !== 'warm' || spec.poolSelectors.warm !== undefined);
  const missing = configured.filter((tier) => poolsOf[tier].length === 0);
  if (missing.length > 0) {
    const message = `Target pool not found: no pool carries the labels of the tier ${missing.join(' nor of ')}, or only such that match several tiers.`;
    return { available: false, reason: 'TargetPoolMissing', message };
  }
  const away = configured.filter((tier) => poolsOf[tier].every(({ status }) => status !== 'Online'));
  if (away.length > 0) {
    return {
      available: false,
      reason: 'PoolsNotOnline',
      message: `Target pool offline: no pool of the tier ${away.join(' nor of ')} is online.`,
    };
  }
  const counts = configured.map((tier) => `${poolsOf[tier].length} ${tier}`);
  return { available: true, reason: 'PoolsAvailable', message: `Pools: ${counts.join(', ')}.` };
}

export interface WhereItIs {
  readonly placement: Placement;
  /** One for each replica, in their order; undefined where its pool belongs to no tier or is not known. */
  readonly replicaTiers: readonly (Tier | undefined)[];
}

/**
 * Where a volume's replicas are. A replica whose pool is not known at the moment says nothing about the placement, or
 * else each outage of a node would show the volumes on it as mixed.
 */
export function whereItIs(volume: VolumeObserved, { tierOf }: Pick<TierPools, 'tierOf'>): WhereItIs {
  const replicaTiers = volume.replicas.map(({ pool }) => (pool === undefined ? undefined : tierOf.get(pool)));
  const placed = volume.replicas.every(({ pool }) => pool !== undefined)
    ? replicaTiers
    : replicaTiers.filter((_, index) => volume.replicas[index]?.pool !== undefined);
  return { placement: placementOf(placed), replicaTiers };
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
