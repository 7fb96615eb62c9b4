import { expect, test } from 'vitest';
import { slowNews } from './aimed/in-between.ts';
import { createCalmWorld } from './calm-world.ts';
import { profileOf } from './world/profile-of.ts';
import { GIB, volumeIdOf } from './world/profile.ts';

const MINUTE_MS = 60_000;
const volumes = [1, 2].map(volumeIdOf);

test.each([0, 3_000, 20_000])(
  'two moves that may fill one pool at a time do not fill it beyond its limit, with news that come after %i ms',
  async (lateMs) => {
    const world = createCalmWorld(
      Object.fromEntries(volumes.map((id) => [id, ['cold-n1']])),
      {
        // Room for one more copy, or for two beyond the limit of the policy; and a pool shows late what is on it.
        isThin: false,
        poolBytes: { hot: 11.5 * GIB, cold: 400 * GIB },
        cachePeriodMs: 30_000,
        rebuildMs: MINUTE_MS,
        policies: profileOf(1)
          .policies.slice(0, 1)
          .map(({ id, spec }) => ({
            id,
            spec: {
              ...spec,
              cooldownPeriod: '1h',
              windows: [],
              volumeSelector: { matchLabels: {} },
              maxConcurrentMigrations: 2,
              limits: { ...spec.limits, perPool: 2, perNode: 2 },
            },
          })),
      },
      undefined,
      (bus) => slowNews(bus, lateMs),
    );
    const perPool = (): number[] => {
      const pools = volumes.flatMap((id) => world.model.volume(id)?.replicas.map(({ pool }) => pool) ?? []);
      return [...Map.groupBy(pools, (pool) => pool)].flatMap(([pool, all]) =>
        pool.startsWith('hot') ? [all.length] : [],
      );
    };
    let most = 0;
    const allMoved = (): boolean => {
      most = Math.max(most, ...perPool());
      return volumes.every((id) => world.bus.intents.get(id)?.intent.state === 'ended');
    };
    expect(await world.runUntil(allMoved, 60 * MINUTE_MS)).toBe(true);
    expect(volumes.map((id) => world.bus.intents.get(id)?.intent)).toEqual(
      volumes.map(() => expect.objectContaining({ outcome: 'completed' })),
    );
    expect(most).toBe(1);
    expect(await world.stop()).toEqual([]);
  },
);
