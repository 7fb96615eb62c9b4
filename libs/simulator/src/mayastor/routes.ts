import { specsBody } from './bodies.ts';
import { nexusRoute, replicaRoute } from './nexus-routes.ts';
import { nodeRoute } from './node-routes.ts';
import { poolRoute } from './pool-routes.ts';
import { ok, read, type MayastorRequest, type Routed } from './route.ts';
import { volumeRoute } from './volume-routes.ts';
import type { World } from './world.ts';

/** The route of a request; undefined where the server has none, which it answers with 404 and no body. */
export function routeOf(world: World, request: MayastorRequest): Routed | undefined {
  const mark = request.path.indexOf('?');
  const rawPath = mark < 0 ? request.path : request.path.slice(0, mark);
  const rawQuery = mark < 0 ? '' : request.path.slice(mark + 1);
  const [empty, version, area, ...raw] = rawPath.split('/');
  if (empty !== '' || version !== 'v0' || area === undefined) return undefined;
  const call = {
    world,
    method: request.method,
    segments: raw.map(decoded),
    query: rawQuery === '' ? noQuery : new URLSearchParams(rawQuery),
    rawQuery,
    body: request.body,
  };
  switch (area) {
    case 'volumes':
      return volumeRoute(call);
    case 'pools':
      return poolRoute(call);
    case 'nodes':
      return nodeRoute(call);
    case 'nexuses':
      return nexusRoute(call);
    case 'replicas':
      return replicaRoute(call);
    case 'specs':
      return call.method === 'GET' && raw.length === 0 ? read(() => ok(specsBody(world))) : undefined;
    default:
      return undefined;
  }
}

const noQuery = new URLSearchParams();

function decoded(segment: string): string {
  if (!segment.includes('%')) return segment;
  try {
    return decodeURIComponent(segment);
  } catch {
    // A stray percent sign stands for itself.
    return segment;
  }
}
