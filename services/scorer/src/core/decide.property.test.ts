import type { Score } from '@couchestor/shared/messages';
import { placementOf, type Tier } from '@couchestor/shared/policy';
import { wantedTier } from '@couchestor/shared/scoring';
import { GIB } from '@couchestor/shared/units';
import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import {
  anActiveMove,
  anEndedMove,
  aNode,
  aPolicy,
  aPool,
  aSpec,
  aVolume,
  aWorld,
  NOW_MS,
  wishes,
  withWarm,
} from '../../test/worlds.ts';
import { decide, type Outcome } from './decide.ts';
import type { IntentState, OutstandingRequest, Wishes, World, WorldVolume } from './world.ts';

const tier = fc.constantFrom<Tier>('hot', 'warm', 'cold');
const numbers = [1, 2, 3, 4, 5];
const number = fc.constantFrom(...numbers);
const places = numbers.flatMap((number) => (['hot', 'warm', 'cold'] as const).map((tier) => [tier, number] as const));
const rarely = fc.integer({ min: 0, max: 9 }).map((n) => n === 9);
const mostly = rarely.map((no) => !no);
const somePool = fc.record({ there: mostly, cordoned: rarely, usedGib: fc.integer({ min: 0, max: 900 }) });
const iops = fc.oneof(
  fc.constantFrom(0, 99.9, 100, 100.1, 499.9, 500, 999.9, 1_000, 1e9),
  fc.double({ min: 0, max: 10_000, noNaN: true }),
);
const score: fc.Arbitrary<Score> = fc.oneof(
  { weight: 20, arbitrary: iops.map((iops): Score => ({ kind: 'value', iops, coverage: 1 })) },
  fc.constantFrom('NoSeries' as const, 'Stale' as const).map((reason): Score => ({ kind: 'unknown', reason })),
);
const aroundNow = fc.integer({ min: NOW_MS - 2 * 3_600_000, max: NOW_MS + 3_600_000 });
const someWishes: fc.Arbitrary<Wishes> = fc.record({
  lastMigration: fc.oneof(
    { weight: 9, arbitrary: fc.constant({ kind: 'never' as const }) },
    aroundNow.map((atMs) => ({ kind: 'at' as const, atMs })),
    fc.constant({ kind: 'unreadable' as const, text: '?' }),
  ),
  hold: fc.oneof(
    { weight: 6, arbitrary: fc.constant({ kind: 'none' as const }) },
    aroundNow.map((atMs) => ({ kind: 'until' as const, atMs })),
    fc.constant({ kind: 'forever' as const }),
  ),
  pin: fc.oneof(
    { weight: 6, arbitrary: fc.constant({ kind: 'none' as const }) },
    tier.map((tier) => ({ kind: 'tier' as const, tier })),
  ),
});
const someVolume = (id: string): fc.Arbitrary<WorldVolume> =>
  fc
    .record({
      pools: fc
        .uniqueArray(number, { minLength: 0, maxLength: 3 })
        .chain((numbers) => fc.tuple(...numbers.map((number) => tier.map((tier) => `${tier}-${number}`)))),
      wishes: someWishes,
      change: fc.record(
        {
          sizeBytes: fc.integer({ min: 1, max: 400 }).map((gib) => gib * GIB),
          thin: fc.boolean(),
          rebuilding: rarely,
          snapshotCount: rarely.map(Number),
          encrypted: rarely,
          affinityGroup: fc.constantFrom('db', 'web'),
        },
        { requiredKeys: [] },
      ),
    })
    .map(({ pools, wishes, change }) => ({ ...aVolume(id, pools, change), wishes }));

const someIntent = (id: string): fc.Arbitrary<IntentState | undefined> =>
  fc.oneof(
    { weight: 8, arbitrary: fc.constant(undefined) },
    fc
      .record({ targetPool: tier.map((tier) => `${tier}-1`), startedAtMs: aroundNow })
      .map((change) => anActiveMove({ migrationId: `move-${id}`, ...change })),
    fc
      .record({
        outcome: fc.constantFrom('completed' as const, 'failed' as const, 'aborted' as const),
        endedAtMs: aroundNow,
        startedAtMs: aroundNow,
        fromTier: tier,
      })
      .map((change) => anEndedMove({ migrationId: `move-${id}`, ...change })),
  );

const ids = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
const someWorld: fc.Arbitrary<World> = fc
  .record({
    volumes: fc.tuple(...ids.map((id) => someVolume(id))),
    scores: fc.tuple(...ids.map(() => score)),
    intents: fc.tuple(...ids.map((id) => someIntent(id))),
    outstandingIds: fc.subarray(ids, { maxLength: 2 }),
    pools: fc.tuple(...places.map(() => somePool)),
    nodes: fc.tuple(...numbers.map(() => fc.record({ there: mostly, draining: rarely }))),
    stored: fc.record({
      maxConcurrentMigrations: fc.integer({ min: 1, max: 5 }),
      dryRun: rarely,
      limits: fc.record({
        perPool: fc.integer({ min: 1, max: 3 }),
        perNode: fc.integer({ min: 1, max: 3 }),
        maxVolumesInMotionPercent: fc.integer({ min: 1, max: 100 }),
        maxMovesPerHour: fc.integer({ min: 1, max: 12 }),
      }),
      metrics: fc.record({ maxUnknownPercent: fc.integer({ min: 1, max: 100 }) }),
    }),
    warm: fc.boolean(),
    paused: rarely,
  })
  .map(({ volumes, scores, intents, outstandingIds, pools, nodes, stored, warm, paused }) => {
    const scoreById = Object.fromEntries(ids.map((id, index) => [id, scores[index] ?? 0]));
    const outstanding = new Map(
      outstandingIds.map((id): [string, OutstandingRequest] => [
        id,
        { migrationId: `request-${id}`, policyId: 'policy-1', sentAtMs: NOW_MS, notAfterMs: NOW_MS + 1 },
      ]),
    );
    return aWorld({
      volumes,
      policies: [aPolicy(scoreById, { ...stored, ...(warm ? withWarm : {}) })],
      intents: new Map(
        ids.flatMap((id, index): [string, IntentState][] => {
          const intent = intents[index];
          return intent === undefined ? [] : [[id, intent]];
        }),
      ),
      outstanding,
      pools: places.flatMap(([tier, number], index) => {
        const pool = pools[index];
        if (pool?.there !== true) return [];
        return [aPool(tier, number, { cordoned: pool.cordoned, usedBytes: pool.usedGib * GIB })];
      }),
      nodes: numbers.flatMap((number, index) => {
        const node = nodes[index];
        return node?.there === true ? [aNode(number, { draining: node.draining })] : [];
      }),
      cluster: { paused, mayastorVersions: ['2.12.2'] },
    });
  });

const RUNS = { numRuns: 600 };
// Enough for a machine that is busy with much else.
vi.setConfig({ testTimeout: 60_000 });

test('every volume of every world gets exactly one decision, and each request belongs to one that says move', () => {
  fc.assert(
    fc.property(someWorld, (world) => {
      const { decisions, requests } = decide(world, NOW_MS);
      expect(decisions.map(({ volumeId }) => volumeId)).toEqual(ids);
      const moving = decisions.filter(({ action }) => action === 'move').map(({ volumeId }) => volumeId);
      expect(requests.map(({ volumeId }) => volumeId).sort()).toEqual(moving);
    }),
    RUNS,
  );
});

test('the order in which the world is listed changes nothing', () => {
  fc.assert(
    fc.property(someWorld, fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })), (world, chance) => {
      const shuffled = <T>(items: Iterable<T>): T[] =>
        [...items]
          .map((item) => ({ item, key: Number(chance.next().value) }))
          .sort((a, b) => a.key - b.key)
          .map(({ item }) => item);
      const other: World = {
        ...world,
        volumes: shuffled(world.volumes),
        pools: shuffled(world.pools),
        nodes: shuffled(world.nodes),
        intents: new Map(shuffled(world.intents)),
        outstanding: new Map(shuffled(world.outstanding)),
      };
      const inOrder = (outcome: Outcome): Outcome => ({
        ...outcome,
        decisions: [...outcome.decisions].sort((a, b) => (a.volumeId < b.volumeId ? -1 : 1)),
      });
      expect(inOrder(decide(other, NOW_MS))).toEqual(inOrder(decide(world, NOW_MS)));
    }),
    RUNS,
  );
});

test('no limit is exceeded, and unknown or resting volumes never move', () => {
  let moves = 0;
  fc.assert(
    fc.property(someWorld, (world) => {
      const { requests, decisions } = decide(world, NOW_MS);
      moves += requests.length;
      const [policy] = world.policies;
      if (policy?.kind !== 'valid') return;
      const { limits, maxConcurrentMigrations, dryRun } = policy.spec;
      const active = [...world.intents.values()].filter(({ state }) => state === 'active');
      const lately = [...world.intents.values()].filter(({ startedAtMs }) => startedAtMs > NOW_MS - 3_600_000);
      // What was asked for before cannot be taken back; it only must not become more.
      const before = world.outstanding.size;
      const claims = new Set([...world.outstanding.keys(), ...requests.map(({ volumeId }) => volumeId)]).size;
      const atMost = (limit: number, used: number): void =>
        expect(claims).toBeLessThanOrEqual(Math.max(before, limit - used));
      expect(requests.length === 0 || (!dryRun && world.cluster?.paused === false)).toBe(true);
      atMost(Math.max(0, maxConcurrentMigrations - active.length) + 2 + before, 0);
      atMost(Math.max(1, Math.floor((ids.length * limits.maxVolumesInMotionPercent) / 100)), active.length);
      atMost(limits.maxMovesPerHour, lately.length);
      for (const { volumeId, targetPools } of requests) {
        const decision = decisions.find((decision) => decision.volumeId === volumeId);
        expect(decision?.score.kind === 'value' || decision?.reason === 'Pinned').toBe(true);
        expect(targetPools.length).toBeGreaterThan(0);
        expect(world.intents.get(volumeId)?.state).not.toBe('active');
      }
    }),
    RUNS,
  );
  expect(moves).toBeGreaterThan(100);
});

test('more IOPS never want a colder tier, for a volume on any tier that the watermarks lead to', () => {
  fc.assert(
    fc.property(
      iops,
      iops,
      fc.boolean(),
      fc.array(tier, { minLength: 1, maxLength: 3 }),
      (a, b, warm, replicaTiers) => {
        const spec = aSpec(warm ? withWarm : {});
        const placement = placementOf(replicaTiers);
        const warmth = (iops: number): number | undefined => {
          const wanted = wantedTier({
            spec,
            score: { kind: 'value', iops, coverage: 1 },
            pin: wishes().pin,
            placement,
            replicaTiers,
          });
          return wanted.kind === 'tier' && wanted.reason !== 'FinishMixed' ? heat[wanted.tier] : undefined;
        };
        const [less, more] = [warmth(Math.min(a, b)), warmth(Math.max(a, b))];
        expect(less === undefined || more === undefined || more >= less).toBe(true);
      },
    ),
    RUNS,
  );
});
const heat: Readonly<Record<Tier, number>> = { cold: 0, warm: 1, hot: 2 };

test('a volume wholly on one tier and within its limits never moves', () => {
  fc.assert(
    fc.property(someWorld, fc.double({ min: 100.1, max: 499.9, noNaN: true }), (world, resting) => {
      const policies = world.policies.map((policy) =>
        policy.kind === 'invalid'
          ? policy
          : { ...policy, scores: aPolicy(Object.fromEntries(ids.map((id) => [id, resting]))).scores },
      );
      const { decisions } = decide({ ...world, policies }, NOW_MS);
      for (const { action, reason, tierNow } of decisions) {
        expect(action === 'hold' || tierNow === 'mixed' || reason === 'Pinned').toBe(true);
      }
    }),
    RUNS,
  );
});
