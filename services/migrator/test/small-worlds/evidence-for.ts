import { cordonLabelOf } from '@couchestor/shared/messages';
import type { Evidence, SeenReplica } from '../../src/core/evidence.ts';
import { aNode, aPool, aVolume, START_MS } from '../evidence.ts';
import { isUp, nodeOf, type Shared, type Sight, type Volume } from './small-world.ts';

const STABLE_MS = [0, 40_000, 40 * 60_000] as const;

/** What the protocol is shown of a volume: the truth, all of it. */
export function evidenceFor({ world, volume, shared }: Sight): Evidence {
  const { count, replicas, published, intent } = volume;
  const names = new Set(shared.cordons.map((cordon) => cordon.slice(cordon.indexOf('/') + 1)));
  const isWhole = replicas.length === count && replicas.every((one) => one.health === 'synced' && isUp(shared, one));
  const nodes = [...new Set(world.pools.map(nodeOf))];
  return {
    nowMs: START_MS + (volume.late ? 60 * 60_000 : 60_000),
    volume: volume.deleted
      ? 'absent'
      : aVolume({
          placement: [],
          volumeId: intent.volumeId,
          replicaCount: count,
          replicas: replicas.map((replica) => seen(volume, shared, replica)),
          status: isWhole || !published ? 'Online' : 'Degraded',
          target: published ? { nexusId: 'nexus', node: 'n1', online: true } : undefined,
        }),
    stableForMs: STABLE_MS[volume.stable],
    idle: 'idle',
    cluster: {
      pools: new Map(
        world.pools.map((pool) => [pool, aPool(pool, { cordoned: names.has(pool), online: isUp(shared, { pool }) })]),
      ),
      nodes: new Map(
        nodes.map((node) => [
          node,
          aNode(node, {
            online: !shared.nodesDown.includes(node),
            cordoned: names.has(node),
            cordonLabels: labelsOf(shared, node),
          }),
        ]),
      ),
    },
    owners: new Map(replicas.map(({ id }) => [id, ['nexus']])),
    arriving: new Map(),
    fenceHeld: shared.fence === intent.migrationId,
    mayAct: shared.mayAct,
    abortRequested: false,
  };
}

function seen({ published }: Volume, shared: Shared, { id, pool, health }: Volume['replicas'][number]): SeenReplica {
  const up = isUp(shared, { pool });
  const childState = health === 'out' ? undefined : !up ? 'Faulted' : health === 'synced' ? 'Online' : 'Degraded';
  return {
    replicaId: id,
    pool,
    node: nodeOf(pool),
    state: up ? 'Online' : 'Unknown',
    childState: published ? childState : undefined,
    childUri: health === 'out' ? undefined : uriOf(id),
    rebuildPercent: published && up && health === 'filling' ? 50 : undefined,
  };
}

export const uriOf = (replicaId: string): string => `nvmf://${replicaId}`;

function labelsOf({ cordons }: Shared, node: string): string[] {
  return cordons
    .filter((cordon) => cordon.endsWith(`/${node}`))
    .map((cordon) =>
      cordon.startsWith('person/') ? 'maintenance' : cordonLabelOf(cordon.slice(0, cordon.indexOf('/'))),
    );
}
