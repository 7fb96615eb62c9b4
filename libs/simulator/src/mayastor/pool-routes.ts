import { poolBody } from './bodies.ts';
import { failures } from './errors.ts';
import { labelRoute } from './label-routes.ts';
import { cordonPool, poolOf, uncordonPool } from './nodes-and-pools.ts';
import { eraseReplica } from './replicas.ts';
import { poolCordonBody, uuidSegment } from './request-reading.ts';
import { noContent, ok, read, write, type Call, type MayastorAnswer, type Routed } from './route.ts';
import { volumeOf } from './volumes.ts';
import type { Cause } from './cause.ts';
import type { World } from './world.ts';

export function poolRoute(call: Call): Routed | undefined {
  const { world, method, segments, query, body } = call;
  const [id, what, ...rest] = segments;
  if (id === undefined) return method === 'GET' ? listPools(world, query) : undefined;
  switch (`${method} ${what ?? ''}`) {
    case 'GET ':
      return read(() => ok(poolBody(world, poolOf(world, id))));
    case 'PUT cordon':
    case 'DELETE cordon': {
      if (!world.capabilities.poolCordon || rest.length > 0) return undefined;
      const flags = poolCordonBody(body);
      const change = method === 'PUT' ? cordonPool : uncordonPool;
      return write(async () => ok(poolBody(world, await change(world, id, flags))));
    }
    case 'PUT label':
    case 'DELETE label':
      return labelRoute(call, rest, {
        resource: 'Pool',
        find: () => poolOf(world, id),
        show: (pool) => poolBody(world, pool),
      });
    case 'DELETE replicas': {
      const [replica] = rest;
      if (replica === undefined || rest.length > 1) return undefined;
      const uuid = uuidSegment(replica);
      return write((cause) => deleteReplica(world, uuid, cause));
    }
    default:
      return undefined;
  }
}

async function deleteReplica(world: World, uuid: string, cause: Cause): Promise<MayastorAnswer> {
  const replica = world.replicas.get(uuid);
  if (replica === undefined) throw failures.replicaNotFound(uuid);
  if (replica.owner !== undefined || replica.nexusOwners.length > 0) throw failures.replicaInUse(uuid);
  await eraseReplica(world, replica, cause);
  return noContent;
}

function listPools(world: World, query: URLSearchParams): Routed {
  const id = query.get('volume_id');
  return read(() => {
    let pools = [...world.pools.values()];
    if (id !== null) {
      const held = new Set([...volumeOf(world, id).replicas].map((replica) => replica.pool));
      pools = pools.filter((pool) => held.has(pool));
    }
    return ok(pools.map((pool) => poolBody(world, pool)));
  });
}
