import { expect, test } from 'vitest';
import { createFleetWorld, SIZE_BYTES, type FleetWorld } from '../test/fleet-world.ts';

const MINUTE_MS = 60_000;
const volumeAt = (index: number): string => `00000000-0000-4000-8000-00000000000${index}`;

/** Two migrators in a fleet of one move at a time, and three volumes that can move. */
function crowdedWorld(): { readonly world: FleetWorld; readonly readsOf: (volumeId: string) => number } {
  const world = createFleetWorld({
    random: () => 0.5,
    version: '2.12.2',
    steer: 'cordon',
    nodes: ['n1', 'n2', 'n3', 'n4'],
    tiersOf: () => ['hot', 'cold'],
    fleetMax: 1,
    faultRate: 0,
    standstillRate: 0,
    troubled: () => false,
    onCutOff: () => undefined,
  });
  for (const index of [1, 2, 3]) {
    const uuid = volumeAt(index);
    world.model.createVolume({ uuid, sizeBytes: SIZE_BYTES, placement: [`cold-n${index}`], publishedOn: `n${index}` });
  }
  const reads: string[] = [];
  world.model.faults.onCall(({ method, path }) => {
    if (method === 'GET') reads.push(path);
    return undefined;
  });
  world.start('one');
  world.start('two');
  world.startHeartbeat();
  return { world, readsOf: (volumeId) => reads.filter((path) => path.includes(volumeId)).length };
}

const stateOf = (world: FleetWorld, index: number): string | undefined =>
  world.bucket.records().get(volumeAt(index))?.intent.state;

test('requests that find no room ask nothing of Mayastor, and are taken up once there is some', async () => {
  const { world, readsOf } = crowdedWorld();
  const [first, second, third] = [1, 2, 3].map(volumeAt) as [string, string, string];
  world.clock.after(2 * MINUTE_MS, () => world.request(first, 1));
  expect(await world.runUntil(() => stateOf(world, 1) === 'active', 5 * MINUTE_MS)).toBe(true);
  world.request(second, 1);
  world.request(third, 1);
  const before = [readsOf(second), readsOf(third)];
  expect(await world.runUntil(() => stateOf(world, 1) === 'ended', 30 * MINUTE_MS)).toBe(true);
  expect([readsOf(second), readsOf(third)]).toEqual(before);
  expect(readsOf(first)).toBeGreaterThan(0);

  world.request(second, 2);
  expect(await world.runUntil(() => stateOf(world, 2) === 'active', 10 * MINUTE_MS)).toBe(true);
  expect(readsOf(second)).toBeGreaterThan(before[0] ?? 0);
  await world.stopAll();
  expect(world.wrongs).toEqual([]);
});

test('a request that Mayastor contradicts gives its room back', async () => {
  const { world } = crowdedWorld();
  const [first, second] = [1, 2].map(volumeAt) as [string, string];
  let scaled = false;
  world.model.faults.onCall(({ method, path }) => {
    if (scaled || method !== 'GET' || !path.endsWith(first)) return undefined;
    scaled = true;
    // By a person, after the facts were compared, before Mayastor is read.
    void world.model.handle({ method: 'PUT', path: `/v0/volumes/${first}/replica_count/2` });
    return { kind: 'delay', beforeMs: 1_000 };
  });
  world.clock.after(2 * MINUTE_MS, () => world.request(first, 1));
  const refused = (): boolean => world.events.some(({ name }) => name === 'migration.refused');
  expect(await world.runUntil(refused, 10 * MINUTE_MS)).toBe(true);
  expect(scaled).toBe(true);
  world.request(second, 1);
  expect(await world.runUntil(() => stateOf(world, 2) === 'active', 10 * MINUTE_MS)).toBe(true);
  await world.stopAll();
});
