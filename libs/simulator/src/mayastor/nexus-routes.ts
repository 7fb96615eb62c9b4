import { replicaBody } from './bodies.ts';
import type { Json } from './json.ts';
import { nexusBody, nexusesBody } from './nexus-bodies.ts';
import type { Nexus, Replica } from './entities.ts';
import { failures } from './errors.ts';
import { uuidSegment } from './request-reading.ts';
import { noContent, ok, read, write, type Call, type Routed } from './route.ts';
import { removeNexusChild } from './targets.ts';
import { isSeen, viewOf } from './view.ts';
import type { World } from './world.ts';

function knownNexus(world: World, uuid: string): Nexus {
  const nexus = world.nexuses.get(uuid);
  if (nexus === undefined || !isSeen(world, nexus)) throw failures.nexusNotFound(uuid);
  return nexus;
}

export function nexusRoute(call: Call): Routed | undefined {
  const { world, method, segments, rawQuery } = call;
  const [first, what, ...rest] = segments;
  if (first === undefined) return method === 'GET' ? read(() => ok(nexusesBody(world))) : undefined;
  const uuid = uuidSegment(first);
  if (method === 'GET' && what === undefined) {
    return read(() => {
      const nexus = knownNexus(world, uuid);
      return ok(nexusBody(nexus, viewOf(world, nexus)));
    });
  }
  if (method !== 'DELETE' || what !== 'children' || rest.length === 0) return undefined;
  // A child given without encoding arrives in pieces, its query apart; text without a scheme is taken for an aio device.
  const joined = rest.join('/') + (rawQuery === '' ? '' : `?${rawQuery}`);
  const uri = joined.includes(':') ? joined : `aio://${joined}`;
  return write(async (cause) => {
    const nexus = knownNexus(world, uuid);
    await removeNexusChild(world, nexus, uri, cause);
    world.wake(nexus.volume);
    return noContent;
  });
}

export function replicaRoute(call: Call): Routed | undefined {
  const { world, method, segments } = call;
  const [first] = segments;
  if (method !== 'GET' || segments.length > 1) return undefined;
  if (first !== undefined) {
    const uuid = uuidSegment(first);
    return read(() => {
      const replica = world.replicas.get(uuid);
      if (replica === undefined || !isListed(replica)) throw failures.replicaNotFound(uuid);
      return ok(replicaBody(world, replica));
    });
  }
  return read(() => {
    const bodies: Json[] = [];
    for (const pool of world.pools.values()) {
      for (const replica of pool.replicas) if (isListed(replica)) bodies.push(replicaBody(world, replica));
    }
    return ok(bodies);
  });
}

/** What the engines report, whether or not a record names it. */
function isListed(replica: Replica): boolean {
  return replica.exists && replica.pool.node.seenOnline;
}
