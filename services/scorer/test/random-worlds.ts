import type { NodeObserved, RefusalReason, Score } from '@couchestor/shared/messages';
import { GIB } from '@couchestor/shared/units';
import type { ScoreTable } from '../src/core/score-table.ts';
import type { IntentState, WindowState, Wishes, World, WorldPolicy, WorldVolume } from '../src/core/world.ts';
import { anActiveMove, anEndedMove, aNode, aPolicy, aPool, aVolume, aWorld, NOW_MS, withWarm } from './worlds.ts';

/**
 * Worlds by number, the same one each time: made without a library, since a million of them are to be had in minutes.
 * Numbers lie at and about thresholds more often than chance would have it.
 */
export function randomWorld(seed: number): World {
  // In a third little is wrong, much wants to move, and there is hardly a slot or a pool for it.
  const isScarce = seed % 3 === 0;
  const r = createRandom(seed, isScarce);
  const ids = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].slice(0, isScarce ? 3 + r.int(6) : 1 + r.int(8));
  // At times everything wants to move at once.
  const isRush = !isScarce && r.chance(0.5);
  const nodeCount = isScarce ? r.pick([2, 3]) : 5;
  const volumes = ids.map((id) => randomVolume(r, id, { isRush, isScarce, nodeCount }));
  const policies = Array.from({ length: isScarce ? 1 : r.pick([1, 1, 2, 3]) }, (_, index) =>
    randomPolicy(r, index, ids, { isRush, isScarce }),
  );
  return aWorld({
    volumes,
    policies,
    pools: PLACES.flatMap(([tier, number]) =>
      number > nodeCount || r.chance(0.1)
        ? []
        : [
            aPool(tier, number, {
              labels: {
                tier,
                ...(r.chance(0.2) ? { zone: r.pick(['a', 'b']) } : {}),
                ...(r.chance(0.03) ? { tier: '' } : {}),
              },
              cordoned: r.chance(0.06),
              status: r.chance(0.05) ? r.pick(['Offline', 'Faulted', 'Unknown'] as const) : 'Online',
              usedBytes: r.pick(isScarce ? [0, 100] : [0, 100, 500, 800, 839, 849, 850, 900, 990]) * GIB,
              committedBytes: r.pick([0, 500, 1_000, 2_400, 2_500]) * GIB,
              mayastorLabels: r.chance(0.2) ? { site: 'x' } : {},
              ...(r.chance(0.1) ? { encrypted: r.chance(0.5) } : {}),
            }),
          ],
    ),
    nodes: NUMBERS.slice(0, nodeCount).flatMap((number) => (r.chance(0.04) ? [] : [randomNode(r, number)])),
    cluster: r.chance(0.02)
      ? undefined
      : {
          paused: r.chance(0.05),
          mayastorVersions: isScarce
            ? ['2.12.2']
            : r.pick([['2.12.2'], ['2.12.2'], ['2.12.2'], ['2.8.0'], [], ['2.10.0', '2.12.2']]),
        },
    movers: r.chance(0.1)
      ? []
      : [
          r.pick(
            isScarce
              ? (['poolCordon'] as const)
              : (['poolCordon', 'poolCordon', 'poolCordon', 'nodeCordon', 'undetermined', 'none'] as const),
          ),
        ].map((method) => ({
          instance: 'm',
          version: 'test',
          method,
          fleetLimit: isScarce ? 10 : r.pick([0, 1, 2, 3, 10]),
          activeMigrations: 0,
          cordonedPools: [],
          cordonedNodes: [],
        })),
    intents: new Map(
      ids.flatMap((id): [string, IntentState][] =>
        r.chance(0.35) || (isScarce && r.pick([true, false, false])) ? [[id, randomIntent(r, id, isScarce)]] : [],
      ),
    ),
    recentStarts: Array.from({ length: r.pick([0, 0, 0, 2, 6]) }, (_, index) => ({
      migrationId: `recent-${index}`,
      policyId: r.pick(['policy-0', 'policy-1']),
      startedAtMs: r.around(NOW_MS - HOUR),
    })),
    outstanding: new Map(
      ids
        .filter(() => r.pick([true, false, isScarce, isScarce, false, false]))
        .map((id) => [
          id,
          {
            migrationId: r.pick([`request-${id}`, isScarce ? `request-${id}` : `move-${id}`]),
            policyId: r.pick(['policy-0', isScarce ? 'policy-0' : 'policy-1']),
            sentAtMs: NOW_MS - 1_000,
            notAfterMs: r.pick([NOW_MS - 1, NOW_MS, NOW_MS + 60_000, NOW_MS + 60_000]),
          },
        ]),
    ),
    refusals: new Map(
      ids
        .filter(() => r.pick([true, false, isScarce, isScarce, isScarce, false, false, false]))
        .map((id) => [
          id,
          {
            migrationId: r.pick([`request-${id}`, isScarce ? `request-${id}` : 'older']),
            reason: r.pick<RefusalReason>([
              isScarce ? 'NoSlot' : 'NotPublished',
              'NoSlot',
              'ClockSkew',
              'VolumeDegraded',
              'NoEligiblePool',
              'Paused',
              'VolumeChanged',
            ]),
            message: 'said',
            atMs: r.pick([
              NOW_MS - 500,
              NOW_MS - 1_000,
              NOW_MS - 2_000,
              NOW_MS - 300_000,
              NOW_MS - 299_999,
              NOW_MS - 600_000,
              NOW_MS - 3_600_000,
            ]),
            inRow: r.pick([1, 1, 2, 5]),
          },
        ]),
    ),
    graceUntilMs: r.chance(0.08) ? NOW_MS + r.pick([0, 1, 60_000]) : 0,
    rebuildBytesPerSecond: r.pick([GIB, GIB / 100]),
  });
}

const HOUR = 3_600_000;
const NUMBERS = [1, 2, 3, 4, 5];
const PLACES = NUMBERS.flatMap((number) => (['hot', 'warm', 'cold'] as const).map((tier) => [tier, number] as const));

interface Random {
  /** From 0 to below `count`. */
  int(count: number): number;
  chance(share: number): boolean;
  pick<T>(from: readonly T[]): T;
  /** A moment near that one, itself among them. */
  around(ms: number): number;
}

/** Mulberry32. */
function createRandom(seed: number, isCalm: boolean): Random {
  let state = (seed + 1) >>> 0;
  const next = (): number => {
    state = (state + 0x6d_2b_79_f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  // In calm worlds little is wrong, so that many volumes want to move at once.
  const noise = isCalm ? 0.02 : next() < 0.5 ? 0.1 : 1;
  const random: Random = {
    int: (count) => Math.floor(next() * count),
    chance: (share) => next() < (share < 0.5 ? noise * share : share),
    pick: (from) => {
      const picked = from[Math.floor(next() * from.length)];
      if (picked === undefined && from.length === 0) throw new RangeError('there is nothing to pick from');
      return picked as (typeof from)[number];
    },
    around: (ms) => ms + random.pick([-HOUR, -60_000, -1, 0, 1, 60_000, HOUR]),
  };
  return random;
}

function randomNode(r: Random, number: number): NodeObserved {
  return aNode(number, {
    status: r.chance(0.03) ? r.pick(['Offline', 'Unknown'] as const) : 'Online',
    draining: r.chance(0.03),
    cordonLabels: r.chance(0.05) ? ['by-a-person'] : [],
    labels: {
      ...(r.chance(0.3) ? { rack: r.pick(['1', '2']) } : {}),
      ...(r.chance(0.6) ? { 'topology.kubernetes.io/zone': r.pick(['a', 'b', 'c']) } : {}),
    },
  });
}

interface Kind {
  readonly isRush: boolean;
  readonly isScarce: boolean;
}

function randomVolume(
  r: Random,
  id: string,
  { isRush, isScarce, nodeCount }: Kind & { readonly nodeCount: number },
): WorldVolume {
  const count = r.pick([1, 1, 1, 2, 2, 3, 3, 3, 3, r.pick([0, 1])]);
  const numbers = NUMBERS.slice(0, nodeCount)
    .sort(() => (r.chance(0.5) ? 1 : -1))
    .slice(0, isScarce ? Math.min(r.pick([1, 1, 2]), count) : count);
  const home = isRush ? 'cold' : r.pick(['hot', 'warm', 'cold'] as const);
  const pools = numbers.map((number) => `${r.chance(0.8) ? home : r.pick(['hot', 'warm', 'cold'] as const)}-${number}`);
  const { fact, ...rest } = aVolume(id, pools, {
    sizeBytes: r.pick([1, 10, 10, 40, 150, 2_000]) * GIB,
    thin: r.chance(0.4),
    rebuilding: r.chance(0.03),
    status: r.chance(0.05) ? r.pick(['Degraded', 'Faulted', 'Unknown', 'Shutdown'] as const) : 'Online',
    specStatus: r.chance(0.03) ? 'Deleting' : 'Created',
    selfHeal: !r.chance(0.02),
    snapshotCount: r.chance(0.04) ? 2 : 0,
    fromSnapshot: r.chance(0.03),
    ...(r.chance(0.06) ? { encrypted: true } : {}),
    ...(r.pick([false, isScarce, true]) ? { affinityGroup: r.pick(['db', 'web']) } : {}),
    ...(r.chance(0.1)
      ? {
          topology: r.pick([
            { poolInclusion: { site: 'x' } },
            { poolInclusion: { site: '' } },
            { nodeInclusion: { rack: '1' } },
            { nodeExclusion: { rack: '1' } },
            { allowedNodes: ['node-1', 'node-2'] },
          ]),
        }
      : {}),
  });
  const { persistentVolume, targetNode, allocatedBytes, ...others } = fact;
  return {
    ...rest,
    wishes: randomWishes(r),
    observedAtMs: r.pick([NOW_MS, NOW_MS - 1_000, NOW_MS - 120_000, NOW_MS - 300_000, NOW_MS - 4 * HOUR]),
    fact: {
      ...others,
      ...(r.chance(0.2) || allocatedBytes === undefined ? {} : { allocatedBytes }),
      ...(r.chance(0.05) || targetNode === undefined ? {} : { targetNode }),
      ...(r.chance(0.04) || persistentVolume === undefined
        ? {}
        : {
            persistentVolume: {
              ...persistentVolume,
              phase: r.chance(0.03) ? 'Released' : 'Bound',
              storageClassName: r.chance(0.04) ? 'other' : 'mayastor',
              labels: r.pick([{}, { app: 'db' }, { app: 'web' }, { app: 'db', team: 'one' }] as Record<
                string,
                string
              >[]),
            },
          }),
      replicas: others.replicas.map((replica) => {
        const { pool, node, childState, ...said } = replica;
        return {
          ...said,
          ...(r.chance(0.01) || pool === undefined ? {} : { pool }),
          ...(r.chance(0.01) || node === undefined ? {} : { node }),
          ...(r.chance(0.01) || childState === undefined
            ? {}
            : { childState: r.chance(0.02) ? ('Degraded' as const) : childState }),
        };
      }),
    },
  };
}

function randomWishes(r: Random): Wishes {
  const lastMigration: Wishes['lastMigration'] = r.chance(0.8)
    ? { kind: 'never' }
    : r.chance(0.1)
      ? { kind: 'unreadable', text: '?' }
      : { kind: 'at', atMs: r.around(NOW_MS - HOUR) };
  const hold: Wishes['hold'] = r.chance(0.9)
    ? { kind: 'none' }
    : r.pick([
        { kind: 'forever' },
        { kind: 'unreadable', text: '?' },
        { kind: 'until', atMs: r.around(NOW_MS) },
      ] as const);
  const pin: Wishes['pin'] = r.chance(0.9)
    ? { kind: 'none' }
    : r.chance(0.1)
      ? { kind: 'unreadable', text: '?' }
      : { kind: 'tier', tier: r.pick(['hot', 'warm', 'cold'] as const) };
  return { lastMigration, hold, pin, ...(r.chance(0.03) ? { approved: 'something-else' } : {}) };
}

function randomPolicy(r: Random, index: number, ids: readonly string[], kind: Kind): WorldPolicy {
  const { isScarce } = kind;
  const head = { policyId: `policy-${index}`, name: `p${index}`, generation: 1 + r.int(3), createdAtMs: r.int(3) };
  const stored = {
    // A share of the hot tier knows two tiers.
    ...(r.pick([true, isScarce, false, false])
      ? { scoring: { hotSharePercent: r.pick([1, 20, 34, 50, 67, 99]) } }
      : r.chance(0.3)
        ? withWarm
        : {}),
    storageClassName: r.chance(0.95) ? 'mayastor' : 'other',
    volumeSelector: r.pick([
      {},
      {},
      {},
      {},
      {},
      {},
      {},
      {},
      { matchLabels: { app: 'db' } },
      { matchExpressions: [{ key: 'app', operator: 'In', values: ['db', 'web'] }] },
      { matchExpressions: [{ key: 'team', operator: 'DoesNotExist' }] },
      { matchExpressions: [{ key: 'app', operator: 'NotIn', values: ['web'] }] },
    ]),
    ...(r.chance(0.2)
      ? {
          nvmePoolSelector: {
            matchExpressions: [
              { key: 'tier', operator: 'In', values: ['hot', 'fast'] },
              { key: 'zone', operator: 'NotIn', values: ['b'] },
            ],
          },
        }
      : {}),
    cooldownPeriod: r.pick(['0s', '1h', '1h', '30m']),
    enabled: !r.chance(0.06),
    dryRun: r.chance(0.08),
    maxConcurrentMigrations: r.pick([1, 1, 2, 4]),
    limits: {
      perPool: isScarce ? 1 : 1 + r.int(3),
      perNode: 1 + r.int(isScarce ? 2 : 3),
      maxVolumesInMotionPercent: r.pick([1, 20, 50, 100, 100, 100]),
      maxMovesPerHour: r.pick(isScarce ? [1, 2, 3, 4] : [1, 2, 4, 20, 20, 20]),
      maxConsecutiveFailures: 1 + r.int(3),
    },
    metrics: { maxUnknownPercent: r.pick([1, 20, 50, 100]), minCoverage: r.pick([0, 0.5, 0.8]) },
    capacity: { maxPoolUsedPercent: r.pick([85, 85, 100]) },
    approval: { mode: r.pick(['Manual', ...Array.from<'Automatic'>({ length: 9 }).fill('Automatic')]) },
    moves: { allowSnapshots: r.chance(0.2), allowReducedRedundancy: r.chance(0.2) },
  };
  const scores = Object.fromEntries(ids.flatMap((id) => (r.chance(0.06) ? [] : [[id, randomScore(r, kind)]])));
  const window = randomWindow(r);
  const valid = aPolicy(scores, stored, { ...head, window });
  if (r.chance(0.05)) return { kind: 'invalid', ...head, spec: valid.spec, problems: ['spec.x is wrong'] };
  return r.chance(0.03) ? { ...valid, scores: skewed(valid.scores) } : valid;
}

const skewed = (scores: ScoreTable): ScoreTable => ({
  ...scores,
  metrics: { ...scores.metrics, reason: 'ClockSkew', message: 'Clocks differ.' },
});

function randomScore(r: Random, { isRush, isScarce }: Kind): Score {
  if (r.chance(0.08)) return { kind: 'unknown', reason: r.pick(['NoSeries', 'Stale', 'Ambiguous'] as const) };
  const iops = isRush
    ? r.pick([1_000, 1_249, 1_250, 5_000, 20_000])
    : isScarce
      ? r.pick([0, 100, 400, 500, 1_000, 1_250, 5_000])
      : r.pick([0, 99.9, 100, 100.1, 300, 499.9, 500, 700, 999.9, 1_000, 1_001, 20_000]);
  const demoteIops = r.pick([0, 100, 100.1, 500, 1_000, 20_000]);
  return {
    kind: 'value',
    iops,
    coverage: r.pick([1, 1, 1, 1, 1, 1, 1, 0.8, 0.8, r.pick([0.79, 0.5, 0.49])]),
    ...(r.chance(0.2) ? { demoteIops } : {}),
  };
}

function randomWindow(r: Random): WindowState {
  if (r.chance(0.8)) return { kind: 'open' };
  if (r.chance(0.5)) return { kind: 'open', closesAtMs: NOW_MS + r.pick([1, 10_000, 11_000, 60_000, HOUR]) };
  return { kind: 'closed', explanation: 'Closed.', ...(r.chance(0.5) ? { opensAtMs: NOW_MS + HOUR } : {}) };
}

function randomIntent(r: Random, id: string, isScarce: boolean): IntentState {
  const head = {
    migrationId: r.pick([`move-${id}`, `request-${id}`]),
    policyId: r.pick(['policy-0', 'policy-1']),
    startedAtMs: r.around(NOW_MS - HOUR),
    fromTier: r.pick(['hot', 'warm', 'cold'] as const),
    toTier: r.pick(['hot', 'warm', 'cold'] as const),
    regretsInRow: r.pick([0, 0, 0, 1, 2]),
    seenIds: r.chance(0.2) || (isScarce && r.pick([true, false])) ? [`request-${id}`] : [],
    ...(r.chance(0.2) ? { lastCompletedAtMs: r.around(NOW_MS - HOUR) } : {}),
  };
  if (r.chance(0.3) || (isScarce && r.pick([true, false]))) {
    return anActiveMove({
      ...head,
      targetPool: r.pick(isScarce ? ['hot-1', 'hot-2', 'cold-1', 'cold-2'] : ['hot-1', 'cold-1', 'warm-2', 'gone-1']),
      failuresInRow: r.pick([0, 0, 1]),
      ...(r.chance(0.15) ? { attention: 'look' } : {}),
    });
  }
  return anEndedMove({
    ...head,
    outcome: r.pick(['completed', 'completed', 'failed', 'aborted'] as const),
    endedAtMs: r.pick([
      isScarce ? NOW_MS - 4 * HOUR : NOW_MS,
      NOW_MS - 30_000,
      NOW_MS - 60_000,
      NOW_MS - 300_000,
      NOW_MS - HOUR,
      NOW_MS - 4 * HOUR,
    ]),
    failuresInRow: r.pick([0, 1, 2, 3]),
    ...(r.chance(0.3) ? { retryAtMs: r.around(NOW_MS) } : {}),
  });
}
