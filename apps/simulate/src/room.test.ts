import { expect, test, vi } from 'vitest';
import { createCalmWorld, type CalmWorld } from './calm-world.ts';
import { volumeIdOf } from './world/profile.ts';

const MINUTE_MS = 60_000;
vi.setConfig({ testTimeout: MINUTE_MS });
const volumes = [1, 2, 3].map(volumeIdOf);

/** Three volumes that want to move, in a fleet of one move at a time. */
function crowdedWorld(): CalmWorld {
  const placements = Object.fromEntries(volumes.map((id, index) => [id, [`cold-n${index + 1}`]]));
  return createCalmWorld(placements, { fleetMax: 1 });
}

const active = ({ bus }: CalmWorld): string[] => volumes.filter((id) => bus.intents.get(id)?.intent.state === 'active');

test('requests that find no room ask nothing of Mayastor, and are taken up once there is some', async () => {
  const world = crowdedWorld();
  const reads: string[] = [];
  world.model.faults.onCall(({ method, path }) => {
    if (method === 'GET') reads.push(path);
    return undefined;
  });
  const readsOf = (volumeId: string): number => reads.filter((path) => path.endsWith(`/volumes/${volumeId}`)).length;
  expect(await world.runUntil(() => active(world).length === 1, 10 * MINUTE_MS)).toBe(true);
  const [first = ''] = active(world);
  const others = volumes.filter((id) => id !== first);
  const hasAnother = (): boolean => world.bus.pendingRequests().some(({ data }) => data.volumeId !== first);
  expect(await world.runUntil(hasAnother, MINUTE_MS)).toBe(true);
  expect(await world.runUntil(() => active(world)[0] !== first, 10 * MINUTE_MS)).toBe(true);
  expect(readsOf(first)).toBeGreaterThan(0);
  expect(others.map(readsOf)).toEqual([0, 0]);

  const completed = (): number => world.bus.events.filter(({ name }) => name === 'migration.completed').length;
  expect(await world.runUntil(() => completed() === 3, 20 * MINUTE_MS)).toBe(true);
  for (const id of others) expect(readsOf(id)).toBeGreaterThan(0);
  expect(await world.stop()).toEqual([]);
});

test('a request that Mayastor contradicts gives its room back', async () => {
  const world = crowdedWorld();
  let scaled: string | undefined;
  world.model.faults.onCall(({ method, path }) => {
    const read = volumes.find((id) => path.endsWith(`/volumes/${id}`));
    if (scaled !== undefined || method !== 'GET' || read === undefined) return undefined;
    scaled = read;
    world.truth.wantedCounts.get(read)?.add(2);
    // By a person, after the facts were compared, before Mayastor is read.
    void world.model.handle({ method: 'PUT', path: `/v0/volumes/${read}/replica_count/2` });
    return { kind: 'delay', beforeMs: 1_000 };
  });
  const isRefused = (): boolean => world.bus.events.some(({ name }) => name === 'migration.refused');
  expect(await world.runUntil(isRefused, 10 * MINUTE_MS)).toBe(true);
  expect(active(world)).toEqual([]);
  expect(await world.runUntil(() => active(world).length === 1, 10 * MINUTE_MS)).toBe(true);
  expect(active(world)).not.toContain(scaled);
  await world.stop();
});

test('where no migrator reached Redis for minutes, nothing begins before what is in flight counts again', async () => {
  const world = crowdedWorld();
  const isRequested = (): boolean => world.bus.pendingRequests().length > 0;
  expect(await world.runUntil(() => active(world).length === 1, 10 * MINUTE_MS)).toBe(true);
  expect(await world.runUntil(isRequested, MINUTE_MS)).toBe(true);
  // What the move holds lapses; then all is answered again, but for what would register it.
  for (const migrator of world.fleet.running('migrator')) {
    world.surroundings.network.cut(migrator, 'redis', 3 * MINUTE_MS);
    world.surroundings.network.cut(migrator, 'redis register', 4 * MINUTE_MS);
  }
  expect(await world.runUntil(() => world.leaseServer.census().holders === 0, 3 * MINUTE_MS)).toBe(true);
  expect(active(world)).toHaveLength(1);
  let most = 0;
  const completed = (): number => world.bus.events.filter(({ name }) => name === 'migration.completed').length;
  const areAllMoved = (): boolean => {
    most = Math.max(most, active(world).length);
    return completed() === 3;
  };
  expect(await world.runUntil(areAllMoved, 30 * MINUTE_MS)).toBe(true);
  expect(most).toBe(1);
  expect(await world.stop()).toEqual([]);
});
