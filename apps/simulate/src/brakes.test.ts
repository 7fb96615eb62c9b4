import { expect, test, vi } from 'vitest';
import { createCalmWorld } from './calm-world.ts';
import { profileOf } from './world/profile-of.ts';
import { volumeIdOf } from './world/profile.ts';
import { iopsFor } from './world/world.ts';

const VOLUME = volumeIdOf(1);
const MINUTE_MS = 60_000;
vi.setConfig({ testTimeout: MINUTE_MS });

test('moves of the last hour count against the brake also for a scorer that has just started', async () => {
  const policies = profileOf(1).policies.slice(0, 1);
  const world = createCalmWorld(
    { [VOLUME]: ['cold-n1'] },
    {
      policies: policies.map(({ id, spec }) => ({
        id,
        spec: {
          ...spec,
          cooldownPeriod: '0s',
          windows: [],
          volumeSelector: { matchLabels: {} },
          limits: { ...spec.limits, maxMovesPerHour: 2 },
        },
      })),
    },
  );
  const completed = (): number => world.bus.events.filter(({ name }) => name === 'migration.completed').length;
  expect(await world.runUntil(() => completed() === 1, 20 * MINUTE_MS)).toBe(true);
  world.truth.iops.set(VOLUME, iopsFor('cold'));
  expect(await world.runUntil(() => completed() === 2, 20 * MINUTE_MS)).toBe(true);

  world.fleet.scale('scorer', 0);
  await world.runUntil(() => world.fleet.running('scorer').length === 0, MINUTE_MS);
  world.fleet.scale('scorer', 1);
  world.truth.iops.set(VOLUME, iopsFor('hot'));
  const isBraked = (): boolean => world.bus.facts('decision.made').get(VOLUME)?.reason === 'BrakeFleet';
  expect(await world.runUntil(isBraked, 5 * MINUTE_MS)).toBe(true);
  await world.runUntil(() => false, 5 * MINUTE_MS);
  expect(completed()).toBe(2);
  expect(await world.runUntil(() => completed() === 3, 70 * MINUTE_MS)).toBe(true);
  await world.stop();
});
