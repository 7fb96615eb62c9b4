import { answerOf } from './core.ts';
import { rebuildHistoryBody } from './nexus-bodies.ts';
import { volumeBody } from './volume-bodies.ts';
import { failures } from './errors.ts';
import { byteSegment, maxSnapshotsBody, newVolumeBody, paging, publishBody, uuidSegment } from './request-reading.ts';
import { noContent, ok, read, write, type Call, type Routed } from './route.ts';
import { setReplicaCount } from './scaling.ts';
import { snapshotRoute, volumeSnapshotRoute } from './snapshot-routes.ts';
import { publish, unpublish } from './targets.ts';
import { withVolume } from './volume-lock.ts';
import { clearShutdownTargets, createVolume, destroyVolume, volumeOf } from './volumes.ts';
import type { World } from './world.ts';

export function volumeRoute(call: Call): Routed | undefined {
  const { world, method, segments, query, body } = call;
  const [first, second, third] = segments;
  if (first === undefined) return method === 'GET' ? listVolumes(world, query) : undefined;
  if (first === 'snapshots') return snapshotRoute(call, segments.slice(1));
  if (second === 'snapshots') return volumeSnapshotRoute(call, uuidSegment(first), segments.slice(2));
  const key = `${method} ${segments.slice(1, 2).join('/')}`;
  if (segments.length === 3 && key === 'PUT replica_count' && third !== undefined) {
    const id = uuidSegment(first);
    const wanted = byteSegment(third);
    return write((cause) =>
      withVolume(world, id, 'SetReplica', async (volume) => {
        const refusal = await setReplicaCount(world, volume, wanted, cause);
        if (refusal !== undefined) return answerOf(refusal);
        return ok(volumeBody(world, volume));
      }),
    );
  }
  if (segments.length > 2) return undefined;
  const id = uuidSegment(first);
  switch (key) {
    case 'GET ':
      return read(() => ok(volumeBody(world, volumeOf(world, id))));
    case 'PUT ': {
      const wanted = newVolumeBody(id, body);
      return write(async (cause) => ok(volumeBody(world, await createVolume(world, wanted, cause))), true);
    }
    case 'DELETE ':
      return write(async (cause) => {
        await withVolume(world, id, 'Destroy', (volume) => destroyVolume(world, volume, cause));
        return noContent;
      }, true);
    case 'PUT target': {
      const wanted = publishBody(body);
      return write(
        () =>
          withVolume(world, id, 'Publish', async (volume) => {
            await publish(world, volume, wanted);
            return ok(volumeBody(world, volume));
          }),
        true,
      );
    }
    case 'DELETE target':
      return write(
        () =>
          withVolume(world, id, 'Unpublish', async (volume) => {
            await unpublish(world, volume);
            return ok(volumeBody(world, volume));
          }),
        true,
      );
    case 'GET rebuild-history':
      return read(() => {
        const nexus = volumeOf(world, id).target?.nexus;
        if (nexus === undefined) throw failures.targetNotAvailable();
        return ok(rebuildHistoryBody(world, nexus));
      });
    case 'PUT property': {
      const maxSnapshots = maxSnapshotsBody(body);
      return write(() =>
        withVolume(world, id, 'SetVolumeProperty', (volume) => {
          volume.maxSnapshots = maxSnapshots;
          return Promise.resolve(ok(volumeBody(world, volume)));
        }),
      );
    }
    case 'DELETE shutdown_targets':
      return write(() =>
        withVolume(world, id, 'DestroyShutdownTargets', (volume) => {
          clearShutdownTargets(world, volume);
          return Promise.resolve(noContent);
        }),
      );
    default:
      return undefined;
  }
}

function listVolumes(world: World, query: URLSearchParams): Routed {
  const { maxEntries, startingToken } = paging(query);
  const id = query.get('volume_id');
  return read(() => {
    if (id !== null) {
      const volume = world.volumes.get(id);
      return ok({ entries: volume === undefined ? [] : [volumeBody(world, volume)] });
    }
    const all = maxEntries <= 0;
    const start = all ? 0 : Math.max(0, startingToken);
    const end = all ? world.volumes.size : start + maxEntries;
    const entries = world.volumes.slice(start, end).map((volume) => volumeBody(world, volume));
    return ok(end < world.volumes.size ? { entries, next_token: end } : { entries });
  });
}
