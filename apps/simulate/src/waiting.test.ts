import { expect, test, vi } from 'vitest';
import { createCalmWorld } from './calm-world.ts';
import { volumeIdOf } from './world/profile.ts';

const MINUTE_MS = 60_000;
const volumes = [1, 2, 3].map(volumeIdOf);
const placements = Object.fromEntries(volumes.map((id, index) => [id, [`cold-n${index + 1}`]]));

test('of the moves of one process that wait for the fence, the first alone asks for it', async () => {
  const world = createCalmWorld(placements, { migrators: 1, fleetMax: 3 });
  let asked = 0;
  const acquireFence = world.leaseServer.acquireFence.bind(world.leaseServer);
  vi.spyOn(world.leaseServer, 'acquireFence').mockImplementation((request) => {
    asked += 1;
    return acquireFence(request);
  });
  const endedMoves = (): number => world.bus.events.filter(({ name }) => name === 'migration.completed').length;
  expect(await world.runUntil(() => endedMoves() === 3, 60 * MINUTE_MS)).toBe(true);
  expect(await world.stop()).toEqual([]);
  // Each move once to grow and once to shrink, and nobody is turned away by a process that knows it would be.
  expect(asked).toBe(6);
});

test('a move whose owner lives is asked for every few seconds, and taken up soon after the owner has died', async () => {
  const [volumeId = ''] = volumes;
  const world = createCalmWorld({ [volumeId]: ['cold-n1'] }, { rebuildMs: 10 * MINUTE_MS });
  let asked = 0;
  const acquireLease = world.leaseServer.acquireLease.bind(world.leaseServer);
  vi.spyOn(world.leaseServer, 'acquireLease').mockImplementation((request) => {
    if (request.kind === 'owner') asked += 1;
    return acquireLease(request);
  });
  const ownerOf = (): string | undefined => {
    const intent = world.bus.intents.get(volumeId)?.intent;
    return intent?.state === 'active' ? intent.owner : undefined;
  };
  expect(await world.runUntil(() => ownerOf() !== undefined, 10 * MINUTE_MS)).toBe(true);
  const owner = ownerOf();
  await world.runUntil(() => false, 10_000);
  asked = 0;
  await world.runUntil(() => false, 30_000);
  expect(asked).toBeGreaterThanOrEqual(4);
  expect(asked).toBeLessThanOrEqual(8);

  world.fleet
    .running('migrator')
    .find(({ name }) => name === owner)
    ?.kill();
  const diedAtMs = world.clock.monotonicMs();
  expect(await world.runUntil(() => ownerOf() !== owner, 5 * MINUTE_MS)).toBe(true);
  // The lease lapses, and another life of it passes, in which a call of the dead may still be under way.
  expect(world.clock.monotonicMs() - diedAtMs).toBeLessThan(34_000);
  await world.stop();
});
