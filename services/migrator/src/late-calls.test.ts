import { expect, test } from 'vitest';
import { checkLeases, checkRest } from '../test/checks.ts';
import { createFleetWorld, SIZE_BYTES, type FleetWorld } from '../test/fleet-world.ts';

const VOLUME = '00000000-0000-4000-8000-000000000001';
const MINUTE_MS = 60_000;

/** Two migrators; the first that asks for the count stands still before it, so long that the other ends the move. */
function lateWorld(onStandstill: (world: FleetWorld) => void): FleetWorld {
  let stood = false;
  const world: FleetWorld = createFleetWorld({
    random: numbers(),
    version: '2.12.2',
    steer: 'cordon',
    nodes: ['n1', 'n2', 'n3', 'n4'],
    tiersOf: () => ['hot', 'cold'],
    fleetMax: 2,
    faultRate: 0,
    standstillRate: 0,
    standsStillFor: (_, { path }) => {
      if (stood || !path.endsWith('/replica_count/3')) return 0;
      stood = true;
      onStandstill(world);
      return 20 * MINUTE_MS;
    },
    troubled: () => false,
    onCutOff: () => undefined,
  });
  world.model.createVolume({
    uuid: VOLUME,
    sizeBytes: SIZE_BYTES,
    placement: ['cold-n1', 'cold-n2'],
    publishedOn: 'n1',
  });
  world.start('one');
  world.start('two');
  world.startHeartbeat();
  return world;
}

const activeMove = (world: FleetWorld): string | undefined => {
  const record = world.bucket.records().get(VOLUME)?.intent;
  return record?.state === 'active' ? record.migrationId : undefined;
};
const terminalEvents = (world: FleetWorld): string[] =>
  world.events.filter(({ name }) => /completed|failed|aborted/.test(name)).map(({ name }) => name);

test('a replica that a process asked for after its move had ended is taken away again', async () => {
  const world = lateWorld(() => world.clock.after(MINUTE_MS, () => world.aborts.add(`${VOLUME}-move-1`)));
  world.clock.after(2 * MINUTE_MS, () => world.request(VOLUME, 1));
  expect(await world.runUntil(() => terminalEvents(world).length === 1, 20 * MINUTE_MS)).toBe(true);
  expect(world.model.volume(VOLUME)?.replicaCount).toBe(2);

  const hasThree = (): boolean => world.model.volume(VOLUME)?.replicaCount === 3;
  expect(await world.runUntil(hasThree, 40 * MINUTE_MS)).toBe(true);
  expect(await world.runUntil(() => terminalEvents(world).length === 2, 10 * MINUTE_MS)).toBe(true);
  expect(world.poolsOf(VOLUME)).toEqual(['cold-n1', 'cold-n2']);
  expect(world.bucket.records().get(VOLUME)?.intent).toMatchObject({ outcome: 'aborted', reason: 'LateCall' });
  checkRest(world, new Map([[VOLUME, new Set([2])]]), false);
  await world.stopAll();
  await checkLeases(world, [VOLUME]);
  expect(world.wrongs).toEqual([]);
});

test('a replica that a person asked for meanwhile is left alone', async () => {
  const world = lateWorld(() => world.clock.after(MINUTE_MS, () => world.aborts.add(`${VOLUME}-move-1`)));
  world.clock.after(2 * MINUTE_MS, () => world.request(VOLUME, 1));
  expect(await world.runUntil(() => terminalEvents(world).length === 1, 20 * MINUTE_MS)).toBe(true);
  // The late call finds the count that it wants, and is refused.
  void world.model.handle({ method: 'PUT', path: `/v0/volumes/${VOLUME}/replica_count/3` });
  await world.runUntil(() => false, 60 * MINUTE_MS);
  expect(world.lateCalls.size).toBe(1);
  expect(world.model.volume(VOLUME)?.replicaCount).toBe(3);
  expect(terminalEvents(world)).toEqual(['migration.aborted']);
  expect(activeMove(world)).toBeUndefined();
  await world.stopAll();
  expect(world.wrongs).toEqual([]);
});

/** Different numbers, the same each time. */
function numbers(): () => number {
  let state = 1;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}
