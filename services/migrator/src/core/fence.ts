import { cordonLabelOf, type ActiveIntent, type Round } from '@couchestor/shared/messages';
import { poolRefusal, refusalLasts } from '@couchestor/shared/policy';
import { nodesOf, type Capabilities, type Cluster, type SeenPool, type SeenVolume } from './evidence.ts';
import type { Step } from './step.ts';

/** What keeps a new replica off every pool but one, for the moment in which Mayastor chooses. */

/** Node cordons cannot choose between two pools of one node: every pool there must do as well. */
export function standsAlone(pool: SeenPool, isAsGood: (other: string) => boolean, cluster: Cluster): boolean {
  return [...cluster.pools.values()].every((other) => other.node !== pool.node || isAsGood(other.name));
}

/**
 * Everything that Mayastor could choose beside the target: pools on nodes without a replica of the volume, unless they
 * are out of the question for good. What somebody else cordoned already is written down and left alone.
 */
export function fenceAround(
  target: SeenPool,
  volume: SeenVolume,
  cluster: Cluster,
  capabilities: Capabilities,
): NonNullable<Round['fence']> {
  const occupied = nodesOf(volume);
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

/** The step that puts up what is missing of the fence; undefined when all of it stands. */
export function closeFence(
  { migrationId }: ActiveIntent,
  fence: NonNullable<Round['fence']>,
  { pools, nodes }: Cluster,
): Step | undefined {
  switch (fence.kind) {
    case 'pool': {
      const open = fence.ours.filter((name) => pools.get(name)?.cordoned === false);
      return open.length === 0 ? undefined : { kind: 'fencePools', pools: open };
    }
    case 'node': {
      const label = cordonLabelOf(migrationId);
      const open = fence.ours.filter((name) => nodes.get(name)?.cordonLabels.includes(label) === false);
      return open.length === 0 ? undefined : { kind: 'fenceNodes', nodes: open };
    }
  }
}
