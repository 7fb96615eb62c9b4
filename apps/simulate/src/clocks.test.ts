import { expect, test } from 'vitest';
import { createCalmWorld, type CalmWorld } from './calm-world.ts';
import type { SimulatedProcess } from './world/process.ts';
import { profileOf } from './world/profile-of.ts';
import { volumeIdOf, type Profile } from './world/profile.ts';
import { iopsFor } from './world/world.ts';

const VOLUME = volumeIdOf(1);
const MINUTE_MS = 60_000;
const COOLDOWN_MS = 4 * MINUTE_MS;

const cooling = (migrators: number): Partial<Profile> => ({
  migrators,
  policies: profileOf(1)
    .policies.slice(0, 1)
    .map(({ id, spec }) => ({
      id,
      spec: { ...spec, cooldownPeriod: '4m', windows: [], volumeSelector: { matchLabels: {} } },
    })),
});

/** Runs until the volume's record says so. */
async function untilIntent(
  world: CalmWorld,
  what: (intent: NonNullable<ReturnType<CalmWorld['bus']['intents']['get']>>['intent']) => boolean,
  withinMs = 30 * MINUTE_MS,
): Promise<boolean> {
  return world.runUntil(() => {
    const record = world.bus.intents.get(VOLUME);
    return record !== undefined && what(record.intent);
  }, withinMs);
}

function firstMigrator(world: CalmWorld): SimulatedProcess {
  const [migrator] = world.fleet.running('migrator');
  if (migrator === undefined) throw new Error('a migrator runs');
  return migrator;
}

test.each([-5 * MINUTE_MS, 5 * MINUTE_MS])(
  'a move that ends while the clock of its migrator is wrong by %i ms is followed by no other before the cooldown',
  async (wrongMs) => {
    const world = createCalmWorld({ [VOLUME]: ['cold-n1'] }, { ...cooling(1), rebuildMs: 3 * MINUTE_MS });
    expect(await untilIntent(world, ({ state }) => state === 'active')).toBe(true);
    firstMigrator(world).jumpWall(wrongMs);
    expect(await untilIntent(world, ({ state }) => state === 'ended')).toBe(true);
    const first = world.bus.intents.get(VOLUME)?.intent;
    expect(first).toMatchObject({ outcome: 'completed' });
    const endedAtMs = world.clock.monotonicMs();
    firstMigrator(world).jumpWall(-wrongMs);
    world.truth.iops.set(VOLUME, iopsFor('cold'));
    expect(await untilIntent(world, ({ migrationId }) => migrationId !== first?.migrationId)).toBe(true);
    expect(world.clock.monotonicMs() - endedAtMs).toBeGreaterThan(COOLDOWN_MS - 30_000);
    expect(await untilIntent(world, ({ state }) => state === 'ended')).toBe(true);
    expect(await world.stop()).toEqual([]);
  },
);

test('a migrator whose clock is wrong takes nothing up and says why; what it leaves another takes', async () => {
  const alone = createCalmWorld({ [VOLUME]: ['cold-n1'] }, cooling(1));
  expect(await alone.runUntil(() => alone.fleet.running('migrator').length > 0, MINUTE_MS)).toBe(true);
  firstMigrator(alone).jumpWall(MINUTE_MS);
  const reasons = (): string[] =>
    alone.bus.events.flatMap(({ name, data }) => (name === 'migration.refused' ? [data.reason] : []));
  expect(await alone.runUntil(() => reasons().length > 0, 30 * MINUTE_MS)).toBe(true);
  const decision = (): unknown => alone.bus.facts('decision.made').get(VOLUME);
  // As long as it lasts it is asked for again and again.
  expect(await alone.runUntil(() => reasons().length > 4, 30 * MINUTE_MS)).toBe(true);
  const isHeld = (): boolean => alone.bus.facts('decision.made').get(VOLUME)?.reason === 'BackingOff';
  expect(await alone.runUntil(isHeld, MINUTE_MS)).toBe(true);
  expect(decision()).toMatchObject({
    action: 'hold',
    message: expect.stringContaining('clocks of this migrator and of the watcher are 1m apart'),
  });
  expect(new Set(reasons())).toEqual(new Set(['ClockSkew']));
  expect(alone.bus.intents.size).toBe(0);
  firstMigrator(alone).jumpWall(-MINUTE_MS);
  expect(await untilIntent(alone, ({ state }) => state === 'active', 3 * MINUTE_MS)).toBe(true);
  expect(await untilIntent(alone, ({ state }) => state === 'ended')).toBe(true);
  expect(await alone.stop()).toEqual([]);

  const world = createCalmWorld({ [VOLUME]: ['cold-n1'] }, cooling(2));
  expect(await world.runUntil(() => world.fleet.running('migrator').length > 1, MINUTE_MS)).toBe(true);
  const wrong = firstMigrator(world);
  wrong.jumpWall(-MINUTE_MS);
  expect(await untilIntent(world, ({ state }) => state === 'active')).toBe(true);
  const record = world.bus.intents.get(VOLUME)?.intent;
  expect(record?.state === 'active' && record.owner).not.toBe(wrong.name);
  expect(await untilIntent(world, ({ state }) => state === 'ended')).toBe(true);
  expect(await world.stop()).toEqual([]);
});
