import { expect, test, vi } from 'vitest';
import { through } from './aimed/in-between.ts';
import { createCalmWorld, type CalmWorld } from './calm-world.ts';
import { volumeIdOf } from './world/profile.ts';

const VOLUME = volumeIdOf(1);
const MINUTE_MS = 60_000;
vi.setConfig({ testTimeout: MINUTE_MS });

/**
 * Two migrators. The first that asks for one replica more stands still before it, so long that the other ends the move,
 * which a person aborts. The volume is held from then on, so that no other begins.
 */
function lateWorld(): { readonly world: CalmWorld; readonly ends: () => string[] } {
  let hasStood = false;
  const world = createCalmWorld({ [VOLUME]: ['cold-n1', 'cold-n2'] }, {}, (road) =>
    through(road, async (request, transport, process) => {
      const isIt = !hasStood && request.path.endsWith('/replica_count/3') && request.mayStart?.() !== false;
      if (!isIt) return transport.send(request);
      hasStood = true;
      const abort = world.bus.intents.get(VOLUME)?.intent.migrationId;
      world.kubernetes.putPersistentVolume(VOLUME, { abort, hold: 'true' });
      process.pauseFor(20 * MINUTE_MS);
      await process.running();
      return transport.send({ ...request, mayStart: () => true });
    }),
  );
  const ends = (): string[] =>
    world.bus.events.filter(({ name }) => /completed|failed|aborted/.test(name)).map(({ name }) => name);
  return { world, ends };
}

test('a replica that a process asked for after its move had ended is taken away again', async () => {
  const { world, ends } = lateWorld();
  const count = (): number | undefined => world.model.volume(VOLUME)?.replicaCount;
  expect(await world.runUntil(() => ends().length === 1, 20 * MINUTE_MS)).toBe(true);
  expect(count()).toBe(2);
  expect(await world.runUntil(() => count() === 3, 30 * MINUTE_MS)).toBe(true);
  expect(await world.runUntil(() => ends().length === 2, 10 * MINUTE_MS)).toBe(true);
  expect(
    world.model
      .volume(VOLUME)
      ?.replicas.map(({ pool }) => pool)
      .sort(),
  ).toEqual(['cold-n1', 'cold-n2']);
  expect(world.bus.intents.get(VOLUME)?.intent).toMatchObject({ outcome: 'aborted', reason: 'LateCall' });
  expect(await world.stop()).toEqual([]);
});

test('a replica that a person asked for meanwhile is left alone', async () => {
  const { world, ends } = lateWorld();
  expect(await world.runUntil(() => ends().length === 1, 20 * MINUTE_MS)).toBe(true);
  const growths = (): number =>
    world.model.ledger.calls().filter(({ path }) => path.endsWith('/replica_count/3')).length;
  const before = growths();
  world.truth.wantedCounts.get(VOLUME)?.add(3);
  // The late call finds the count that it wants, and is refused.
  void world.model.handle({ method: 'PUT', path: `/v0/volumes/${VOLUME}/replica_count/3` });
  await world.runUntil(() => false, 40 * MINUTE_MS);
  expect(growths() - before).toBe(2);
  expect(world.model.volume(VOLUME)?.replicaCount).toBe(3);
  expect(ends()).toEqual(['migration.aborted']);
  expect(world.bus.intents.get(VOLUME)?.intent.state).toBe('ended');
  expect(await world.stop()).toEqual([]);
});

test('a cordon that a process set after its move had ended goes again, though it came when its answer was given up', async () => {
  let hasStood = false;
  const world = createCalmWorld({ [VOLUME]: ['cold-n1', 'cold-n2'] }, {}, (road) =>
    through(road, async (request, transport, process) => {
      const { method, path, body } = request;
      const isIt = !hasStood && method === 'PUT' && path === '/pools/hot-n4/cordon' && request.mayStart?.() !== false;
      if (!isIt) return transport.send(request);
      hasStood = true;
      process.pauseFor(20 * MINUTE_MS);
      await process.running();
      const cordon = { method, path: `/v0${path}`, body: JSON.parse(body ?? '{}') as unknown };
      world.clock.after(20_000, () => void world.model.handle(cordon));
      return { kind: 'lost', reason: 'timeout', message: 'no answer in time' };
    }),
  );
  const cordons = (): readonly string[] => world.model.ledger.cordons();
  expect(await world.runUntil(() => world.clock.monotonicMs() > 19 * MINUTE_MS, 20 * MINUTE_MS)).toBe(true);
  expect(hasStood).toBe(true);
  expect(cordons()).toEqual([]);
  expect(await world.runUntil(() => cordons().length > 0, 5 * MINUTE_MS)).toBe(true);
  expect(await world.runUntil(() => cordons().length === 0, MINUTE_MS)).toBe(true);
  expect(await world.stop()).toEqual([]);
});
