import { RedisUnavailableError } from '@couchestor/shared/leases';
import type { ActiveIntent } from '@couchestor/shared/messages';
import { describe, expect, test, vi } from 'vitest';
import { through } from './aimed/in-between.ts';
import { createCalmWorld, type CalmWorld } from './calm-world.ts';
import { volumeIdOf } from './world/profile.ts';

const VOLUME = volumeIdOf(1);
const MINUTE_MS = 60_000;
vi.setConfig({ testTimeout: MINUTE_MS });

const isCordon = ({ method, path }: { readonly method: string; readonly path: string }): boolean =>
  method === 'PUT' && /\/pools\/(hot|cold)-.*\/cordon/.test(path);

describe('the fence of a dead migrator', () => {
  const [fencing, other, ...onTier] = [1, 2, 3, 4].map(volumeIdOf) as [string, string, string, string];
  const moveOf = (world: CalmWorld, id: string): ActiveIntent | undefined => {
    const record = world.bus.intents.get(id)?.intent;
    return record?.state === 'active' ? record : undefined;
  };
  /** The first volume goes to n3, which is emptier; its migrator dies when it has closed n4, where alone the other can go. */
  const fencedWorld = async (hold: 'true' | undefined, isReady: (world: CalmWorld) => boolean): Promise<CalmWorld> => {
    const world = createCalmWorld(
      {
        [fencing]: ['cold-n1', 'cold-n2'],
        [other]: ['cold-n1', 'hot-n3'],
        ...Object.fromEntries(onTier.map((id) => [id, ['hot-n4']])),
      },
      { tiersOf: (node) => (node === 'n3' || node === 'n4' ? ['hot'] : ['cold']), migrators: 3 },
    );
    world.kubernetes.putPersistentVolume(other, { hold });
    const isClosed = (): boolean =>
      world.model.ledger.cordons().includes('pool/hot-n4/replicas') &&
      moveOf(world, fencing)?.round?.fence?.ours.includes('hot-n4') === true;
    expect(await world.runUntil(() => isClosed() && isReady(world), 30 * MINUTE_MS)).toBe(true);
    const owner = moveOf(world, fencing)?.owner;
    for (const migrator of world.fleet.running('migrator')) if (migrator.name === owner) migrator.kill();
    return world;
  };
  const expectAllToMove = async (world: CalmWorld): Promise<void> => {
    const moved = (): Set<string> =>
      new Set(world.bus.events.flatMap(({ name, data }) => (name === 'migration.completed' ? data.volumeId : [])));
    expect(await world.runUntil(() => moved().size === 2, 60 * MINUTE_MS)).toBe(true);
    expect(world.bus.events.filter(({ name }) => name === 'migration.failed')).toEqual([]);
    expect(await world.stop()).toEqual([]);
  };

  test('is no reason to fail for a move that it keeps from its only pool, which waits', async () => {
    const world = await fencedWorld('true', () => true);
    world.kubernetes.putPersistentVolume(other, { hold: undefined });
    await expectAllToMove(world);
  });

  test('chooses no victim: a move that has filled its new replica behind it waits until it is gone', async () => {
    await expectAllToMove(
      await fencedWorld(undefined, (world) => {
        const [one, two] = [moveOf(world, fencing), moveOf(world, other)];
        return two?.round?.newReplicaId !== undefined && two.owner !== one?.owner;
      }),
    );
  });
});

/** Of the cordons of a fence the first has no answer and comes late, and the second is granted no call by Redis. */
function halfFencedWorld(): CalmWorld {
  let cordons = 0;
  const world = createCalmWorld({ [VOLUME]: ['cold-n1'] }, {}, (road) =>
    through(road, (request, transport) => {
      if (!isCordon(request)) return transport.send(request);
      cordons += 1;
      return cordons === 2
        ? Promise.reject(new RedisUnavailableError('takeCall', 'no answer in time'))
        : transport.send(request);
    }),
  );
  world.model.faults.onCall((call) =>
    cordons === 1 && isCordon(call) ? { kind: 'timeout', effectAfterMs: 12_000 } : undefined,
  );
  return world;
}

test('a cordon that comes late is taken away, also where another of its fence could not be asked for', async () => {
  const world = halfFencedWorld();
  const hasMoved = (): boolean => world.bus.events.some(({ name }) => name === 'migration.completed');
  expect(await world.runUntil(hasMoved, 20 * MINUTE_MS)).toBe(true);
  expect(await world.stop()).toEqual([]);
});
