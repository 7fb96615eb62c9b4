import { snapshotBody } from './volume-bodies.ts';
import { failures } from './errors.ts';
import { paging, uuidSegment } from './request-reading.ts';
import { noContent, ok, read, write, type Call, type MayastorAnswer, type Routed } from './route.ts';
import { withVolume } from './volume-lock.ts';
import { createSnapshot, destroySnapshot } from './volumes.ts';
import type { World } from './world.ts';

export function volumeSnapshotRoute(call: Call, id: string, rest: readonly string[]): Routed | undefined {
  const { world, method, query } = call;
  const [first] = rest;
  if (first === undefined) return method === 'GET' ? listSnapshots(world, query, id) : undefined;
  if (rest.length > 1) return undefined;
  const uuid = uuidSegment(first);
  switch (method) {
    case 'PUT':
      return write(() =>
        withVolume(world, id, 'CreateSnapshot', async (volume) => {
          await createSnapshot(world, volume, uuid);
          return knownSnapshot(world, uuid);
        }),
      );
    case 'GET':
      return read(() => knownSnapshot(world, uuid));
    case 'DELETE':
      return write(async () => {
        await destroySnapshot(world, uuid);
        return noContent;
      });
    default:
      return undefined;
  }
}

export function snapshotRoute(call: Call, rest: readonly string[]): Routed | undefined {
  const { world, method, query } = call;
  const [first] = rest;
  if (first === undefined) return method === 'GET' ? listSnapshots(world, query, undefined) : undefined;
  if (rest.length > 1) return undefined;
  const uuid = uuidSegment(first);
  if (method === 'GET') return read(() => knownSnapshot(world, uuid));
  if (method !== 'DELETE') return undefined;
  return write(async () => {
    await destroySnapshot(world, uuid);
    return noContent;
  });
}

function knownSnapshot(world: World, uuid: string): MayastorAnswer {
  const snapshot = world.snapshots.get(uuid);
  if (snapshot === undefined) throw failures.snapshotNotFound(uuid);
  return ok(snapshotBody(world, snapshot));
}

function listSnapshots(world: World, query: URLSearchParams, volume: string | undefined): Routed {
  const { maxEntries, startingToken } = paging(query);
  return read(() => {
    const all = [...world.snapshots.values()].filter((entry) => volume === undefined || entry.volume === volume);
    const start = maxEntries <= 0 ? 0 : Math.max(0, startingToken);
    const end = maxEntries <= 0 ? all.length : start + maxEntries;
    const entries = all.slice(start, end).map((snapshot) => snapshotBody(world, snapshot));
    return ok(end < all.length ? { entries, next_token: end } : { entries });
  });
}
