import { HOUR_MS, MINUTE_MS } from '@couchestor/shared/units';
import { describe, expect, test } from 'vitest';
import {
  anActiveMove,
  anEndedMove,
  aNode,
  aPolicy,
  aPool,
  aSpec,
  aVolume,
  aWorld,
  decisionOf,
  NODE_NUMBERS,
  NOW_MS,
  outcomeOf,
  unpublished,
  wished,
  withWarm,
} from '../../test/worlds.ts';
import { decide } from './decide.ts';
import type { Refusal } from './refusals.ts';
import type { World } from './world.ts';

const cold = aVolume('v', ['cold-1']);
const hot = aVolume('v', ['hot-1']);
const hotPolicy = aPolicy({ v: 5_000 });

describe('watermarks', () => {
  test.each([
    [hot, 99, 'move', 'BelowLowWatermark'],
    [hot, 100, 'move', 'BelowLowWatermark'],
    [hot, 100.1, 'hold', 'BetweenWatermarks'],
    [hot, 1_000, 'hold', 'OnWantedTier'],
    [cold, 100, 'hold', 'OnWantedTier'],
    [cold, 999.9, 'hold', 'BetweenWatermarks'],
    [cold, 1_000, 'move', 'AboveHighWatermark'],
  ] as const)('%# both sides of each of two', (volume, iops, action, reason) => {
    expect(decisionOf(volume, aPolicy({ v: iops }))).toMatchObject({ action, reason });
  });

  test.each([
    ['cold-1', 499.9, 'hold', 'BetweenWatermarks', 'cold'],
    ['cold-1', 500, 'move', 'AboveWarmWatermark', 'warm'],
    ['warm-1', 999.9, 'hold', 'OnWantedTier', 'warm'],
    ['warm-1', 1_000, 'move', 'AboveHighWatermark', 'hot'],
    ['warm-1', 101, 'hold', 'BetweenWatermarks', 'warm'],
    ['warm-1', 100, 'move', 'BelowLowWatermark', 'cold'],
    ['hot-1', 999.9, 'move', 'AboveWarmWatermark', 'warm'],
  ] as const)('with three tiers, on %s at %d IOPS: %s, %s', (pool, iops, action, reason, tierWanted) => {
    const pools = NODE_NUMBERS.flatMap((n) => [aPool('hot', n), aPool('warm', n), aPool('cold', n)]);
    const policy = aPolicy({ v: iops }, withWarm);
    expect(decisionOf(aVolume('v', [pool]), policy, { pools })).toMatchObject({ action, reason, tierWanted });
  });

  test('the message tells the numbers that were compared', () => {
    expect(decisionOf(cold, hotPolicy)).toMatchObject({
      message: '5000 IOPS is at or above the high watermark of 1000 IOPS. It moves from cold to hot.',
      comparedWith: { highIops: 1_000, lowIops: 100 },
    });
  });
});

describe('where a volume is', () => {
  test('replicas on several pools of the wanted tier are on it: nothing moves from one hot pool to another', () => {
    expect(decisionOf(aVolume('v', ['hot-2', 'hot-4']), hotPolicy)).toMatchObject({ reason: 'OnWantedTier' });
  });

  test('one on two tiers is mixed, and the rest follows most of it', () => {
    const mixed = aVolume('v', ['hot-1', 'hot-2', 'cold-3']);
    expect(decisionOf(mixed, aPolicy({ v: 500 }))).toMatchObject({
      tierNow: 'mixed',
      tierWanted: 'hot',
      action: 'move',
      reason: 'FinishMixed',
    });
  });

  test('of a tie the hotter tier wins', () => {
    expect(decisionOf(aVolume('v', ['cold-1', 'hot-2']), aPolicy({ v: 500 }))).toMatchObject({ tierWanted: 'hot' });
  });

  test('a mixed volume beyond a watermark goes where that says', () => {
    const mixed = aVolume('v', ['hot-1', 'hot-2', 'cold-3']);
    expect(decisionOf(mixed, aPolicy({ v: 5 }))).toMatchObject({ tierWanted: 'cold', reason: 'BelowLowWatermark' });
  });

  test('a pool that lost its labels moves nothing that lies within its limits', () => {
    const pools = [aPool('hot', 1), aPool('hot', 2, { labels: {} }), aPool('cold', 3), aPool('cold', 4)];
    const volume = aVolume('v', ['hot-1', 'hot-2']);
    expect(decisionOf(volume, aPolicy({ v: 500 }), { pools })).toMatchObject({
      tierNow: 'mixed',
      action: 'hold',
      reason: 'BetweenWatermarks',
    });
  });

  test('a replica whose node is away does not make it mixed, but degraded', () => {
    const away = { replicaId: 'r', state: 'Unknown', childState: 'Faulted' } as const;
    const volume = aVolume('v', ['cold-1', 'cold-2']);
    const fact = { ...volume.fact, replicas: [...volume.fact.replicas.slice(0, 1), away] };
    expect(decisionOf({ ...volume, fact }, hotPolicy)).toMatchObject({ tierNow: 'cold', reason: 'VolumeDegraded' });
  });
});

describe('unknown moves nothing', () => {
  test.each(['NoSeries', 'LowCoverage', 'Stale', 'Ambiguous', 'QueryFailed', 'PrometheusUnavailable'] as const)(
    '%s',
    (reason) => {
      const policy = aPolicy({ v: { kind: 'unknown', reason } }, { metrics: { maxUnknownPercent: 100 } });
      for (const volume of [hot, cold, aVolume('v', ['hot-1', 'cold-2'])]) {
        const { decisions, requests } = outcomeOf([volume], policy);
        expect(decisions).toMatchObject([
          { action: 'hold', reason: 'ScoreUnknown', score: { kind: 'unknown', reason } },
        ]);
        expect(requests).toEqual([]);
      }
    },
  );

  test('an unpublished volume is not taken for an idle one, whatever series are left of it', () => {
    expect(decisionOf(unpublished(hot), aPolicy({ v: 0 }))).toMatchObject({
      reason: 'NotPublished',
      score: { kind: 'unknown', reason: 'NotPublished' },
    });
  });

  test('a share of unknown volumes above the limit stops the policy, one at the limit does not', () => {
    const volumes = ['a', 'b', 'c', 'd', 'e'].map((id) => aVolume(id, ['cold-1']));
    const known = { a: 5_000, b: 5_000, c: 5_000, d: 5_000 };
    expect(outcomeOf(volumes, aPolicy(known, { metrics: { maxUnknownPercent: 20 } })).requests).toHaveLength(1);
    const stopped = outcomeOf(volumes, aPolicy(known, { metrics: { maxUnknownPercent: 19 } }));
    expect(stopped.requests).toEqual([]);
    expect(stopped.evaluations).toMatchObject([{ unknownVolumes: 1, brakes: ['TooManyUnknown'] }]);
    expect(stopped.decisions[0]).toMatchObject({ reason: 'TooManyUnknown' });
  });

  test('unpublished volumes do not count as unknown', () => {
    const volumes = [cold, ...['a', 'b', 'c', 'd'].map((id) => unpublished(aVolume(id, ['cold-1'])))];
    expect(outcomeOf(volumes, hotPolicy).requests).toHaveLength(1);
  });
});

describe('what people ask for', () => {
  test('a pin replaces the score and nothing else', () => {
    const pinned = wished(cold, { pin: { kind: 'tier', tier: 'hot' } });
    const policy = aPolicy({}, { metrics: { maxUnknownPercent: 100 } });
    expect(decisionOf(pinned, policy)).toMatchObject({ action: 'move', reason: 'Pinned' });
    expect(decisionOf(unpublished(pinned), policy)).toMatchObject({ reason: 'NotPublished', tierWanted: 'hot' });
    expect(decisionOf(wished(hot, { pin: { kind: 'tier', tier: 'hot' } }), aPolicy({ v: 0 }))).toMatchObject({
      reason: 'OnWantedTier',
    });
    expect(decisionOf(pinned, policy, { cluster: { paused: true, mayastorVersions: ['2.12.2'] } })).toMatchObject({
      reason: 'Paused',
    });
  });

  test('a pin to a tier that the policy does not have finds no pool', () => {
    const pinned = wished(cold, { pin: { kind: 'tier', tier: 'warm' } });
    expect(decisionOf(pinned, hotPolicy)).toMatchObject({ reason: 'TargetPoolMissing' });
  });

  test('a hold keeps it, until its time has come', () => {
    expect(decisionOf(wished(cold, { hold: { kind: 'forever' } }), hotPolicy)).toMatchObject({ reason: 'Held' });
    const until = (atMs: number) => wished(cold, { hold: { kind: 'until', atMs } });
    expect(decisionOf(until(NOW_MS + 1), hotPolicy)).toMatchObject({ reason: 'Held', nextEligibleAtMs: NOW_MS + 1 });
    expect(decisionOf(until(NOW_MS), hotPolicy)).toMatchObject({ action: 'move' });
  });

  test('a wish that cannot be read holds', () => {
    expect(decisionOf(wished(cold, { hold: { kind: 'unreadable', text: 'ture' } }), hotPolicy)).toMatchObject({
      reason: 'Held',
    });
    expect(decisionOf(wished(cold, { pin: { kind: 'unreadable', text: 'lukewarm' } }), hotPolicy)).toMatchObject({
      reason: 'Held',
    });
  });

  test('with manual approval only the proposal that was approved starts', () => {
    const policy = aPolicy({ v: 5_000 }, { approval: { mode: 'Manual' } });
    const asked = outcomeOf([cold], policy);
    expect(asked.decisions).toMatchObject([{ reason: 'AwaitingApproval', proposalId: expect.any(String) }]);
    expect(asked.requests).toEqual([]);
    const approved = asked.decisions[0]?.proposalId ?? '';
    expect(outcomeOf([wished(cold, { approved })], policy).requests).toMatchObject([{ proposalId: approved }]);
    expect(outcomeOf([wished(cold, { approved })], { ...policy, generation: 2 }).requests).toEqual([]);
  });

  test('an approval is good for expiresAfter at least and twice that at most', () => {
    const policy = aPolicy({ v: 5_000 }, { approval: { mode: 'Manual', expiresAfter: '1h' } });
    const beginMs = Math.floor(NOW_MS / HOUR_MS) * HOUR_MS;
    const requestsAt = (approved: string, atMs: number) =>
      outcomeOf([wished(cold, { approved })], policy, {}, atMs).requests;
    const shownAt = (atMs: number) => outcomeOf([cold], policy, {}, atMs).decisions[0]?.proposalId ?? '';
    for (const givenMs of [beginMs, beginMs + HOUR_MS - 1]) {
      const approved = shownAt(givenMs);
      expect(requestsAt(approved, givenMs)).toMatchObject([{ proposalId: approved }]);
      expect(requestsAt(approved, givenMs + HOUR_MS)).toMatchObject([{ proposalId: approved }]);
      expect(requestsAt(approved, beginMs + 2 * HOUR_MS - 1)).toMatchObject([{ proposalId: approved }]);
      expect(requestsAt(approved, beginMs + 2 * HOUR_MS)).toEqual([]);
    }
    expect(shownAt(beginMs + HOUR_MS)).not.toBe(shownAt(beginMs));
    // It is said which of the two is meant.
    const [late] = outcomeOf(
      [wished(cold, { approved: shownAt(beginMs) })],
      policy,
      {},
      beginMs + 2 * HOUR_MS,
    ).decisions;
    expect(late).toMatchObject({ reason: 'AwaitingApproval', proposalId: shownAt(beginMs + 2 * HOUR_MS) });
  });

  test('without being asked for, the id of a proposal stays what it is', () => {
    const at = (atMs: number) => outcomeOf([cold], hotPolicy, {}, atMs).requests[0]?.proposalId;
    expect(at(NOW_MS + 100 * HOUR_MS)).toBe(at(NOW_MS));
  });
});

describe('a refusal by the migrator', () => {
  const refused = (change: Partial<Refusal> = {}) =>
    new Map([
      [
        'v',
        {
          migrationId: 'm',
          reason: 'NoEligiblePool',
          message: 'no pool carries the labels',
          atMs: NOW_MS,
          inRow: 1,
          ...change,
        },
      ],
    ] satisfies [string, Refusal][]);
  const MINUTE_MS = 60_000;

  test('holds the volume for 5 minutes, or one if both see what it says, doubling to an hour, and says why', () => {
    const heldUntil = (inRow: number) => decisionOf(cold, hotPolicy, { refusals: refused({ inRow }) }).nextEligibleAtMs;
    expect(decisionOf(cold, hotPolicy, { refusals: refused() })).toMatchObject({
      action: 'hold',
      reason: 'BackingOff',
      message: expect.stringContaining('NoEligiblePool): no pool carries the labels'),
    });
    expect([1, 2, 3, 4, 5, 99].map((inRow) => ((heldUntil(inRow) ?? 0) - NOW_MS) / MINUTE_MS)).toEqual([
      5, 10, 20, 40, 60, 60,
    ]);
    const ofSight = (inRow: number) => refused({ reason: 'VolumeChanged', inRow });
    const heldOfSight = (inRow: number) =>
      decisionOf(cold, hotPolicy, { refusals: ofSight(inRow) }).nextEligibleAtMs ?? 0;
    expect([1, 2, 7, 99].map((inRow) => (heldOfSight(inRow) - NOW_MS) / MINUTE_MS)).toEqual([1, 2, 60, 60]);
    const over = { refusals: refused() };
    expect(decisionOf(cold, hotPolicy, over, NOW_MS + 5 * MINUTE_MS - 1)).toMatchObject({ action: 'hold' });
    expect(decisionOf(cold, hotPolicy, over, NOW_MS + 5 * MINUTE_MS)).toMatchObject({ action: 'move' });
  });

  test('ends with the next thing that is observed of the volume', () => {
    const observed = { ...cold, observedAtMs: NOW_MS + 1 };
    expect(decisionOf(observed, hotPolicy, { refusals: refused() }, NOW_MS + 2)).toMatchObject({ action: 'move' });
  });

  test('of a migrator whose clock is wrong holds it for a minute, however often, and says why', () => {
    for (const inRow of [0, 1, 9]) {
      const skewed = { refusals: refused({ reason: 'ClockSkew', message: 'a minute apart', inRow }) };
      expect(decisionOf(cold, hotPolicy, skewed, NOW_MS + MINUTE_MS - 1)).toMatchObject({
        action: 'hold',
        reason: 'BackingOff',
        message: expect.stringContaining('ClockSkew): a minute apart'),
      });
      expect(decisionOf(cold, hotPolicy, skewed, NOW_MS + MINUTE_MS)).toMatchObject({ action: 'move' });
    }
  });

  test('for want of a slot, or of a pause, holds nothing', () => {
    for (const reason of ['NoSlot', 'Paused', 'Expired'] as const) {
      expect(decisionOf(cold, hotPolicy, { refusals: refused({ reason }) })).toMatchObject({ action: 'move' });
    }
  });

  test('gives the slot of its request to the next volume at once', () => {
    const volumes = ['v', 'w', 'x', 'y'].map((id, index) => aVolume(id, [`cold-${index + 1}`]));
    const policy = aPolicy(
      { v: 9_000, w: 5_000, x: 5_000, y: 5_000 },
      { maxConcurrentMigrations: 1, limits: { maxVolumesInMotionPercent: 100, perPool: 5, perNode: 5 } },
    );
    const outstanding = new Map([
      ['v', { migrationId: 'm', policyId: 'policy-1', sentAtMs: NOW_MS - 1, notAfterMs: NOW_MS + 1_000 }],
    ]);
    const askedWith = (change: Partial<World>) =>
      outcomeOf(volumes, policy, { outstanding, ...change }).requests.map(({ volumeId }) => volumeId);
    expect(askedWith({})).toEqual(['v', 'w', 'x']);
    expect(askedWith({ refusals: refused() })).toEqual(['w', 'x', 'y']);
    // What was refused before the request was sent says nothing about it.
    expect(askedWith({ refusals: refused({ atMs: NOW_MS - 2, reason: 'NoSlot' }) })).toEqual(['v', 'w', 'x']);
  });
});

describe('pauses between moves', () => {
  const ended = (sinceMs: number) => new Map([['v', anEndedMove({ endedAtMs: NOW_MS - sinceMs })]]);

  test('the cooldown counts from the end of the last completed move', () => {
    expect(decisionOf(cold, hotPolicy, { intents: ended(HOUR_MS) })).toMatchObject({ action: 'move' });
    expect(decisionOf(cold, hotPolicy, { intents: ended(HOUR_MS - 1) })).toMatchObject({
      reason: 'CoolingDown',
      nextEligibleAtMs: NOW_MS + 1,
    });
  });

  test('the later of record and annotation counts', () => {
    const annotated = wished(cold, { lastMigration: { kind: 'at', atMs: NOW_MS - MINUTE_MS } });
    expect(decisionOf(annotated, hotPolicy, { intents: ended(HOUR_MS) })).toMatchObject({ reason: 'CoolingDown' });
    const older = wished(cold, { lastMigration: { kind: 'at', atMs: NOW_MS - 2 * HOUR_MS } });
    expect(decisionOf(older, hotPolicy, { intents: ended(MINUTE_MS) })).toMatchObject({ reason: 'CoolingDown' });
    expect(decisionOf(older, hotPolicy)).toMatchObject({ action: 'move' });
  });

  test('an annotation that cannot be read never counts as long ago', () => {
    const annotated = wished(cold, { lastMigration: { kind: 'unreadable', text: 'yesterday' } });
    expect(decisionOf(annotated, aPolicy({ v: 5_000 }, { cooldownPeriod: '0s' }))).toMatchObject({
      reason: 'CoolingDown',
    });
  });

  test('the completed move before a failed one still cools down', () => {
    const failed = anEndedMove({ outcome: 'failed', retryAtMs: NOW_MS - 1, lastCompletedAtMs: NOW_MS - MINUTE_MS });
    expect(decisionOf(cold, hotPolicy, { intents: new Map([['v', failed]]) })).toMatchObject({ reason: 'CoolingDown' });
  });

  test('finishing a mixed volume is exempt from the cooldown', () => {
    const mixed = aVolume('v', ['hot-1', 'cold-2']);
    expect(decisionOf(mixed, hotPolicy, { intents: ended(MINUTE_MS) })).toMatchObject({ action: 'move' });
  });

  test('what was published before the end of the last move may show the volume as it was before', () => {
    const policy = aPolicy({ v: 5_000 }, { cooldownPeriod: '0s' });
    const since = (observedAtMs: number, endedAtMs: number) =>
      decisionOf({ ...cold, observedAtMs }, policy, { intents: new Map([['v', anEndedMove({ endedAtMs })]]) });
    expect(since(NOW_MS - 2, NOW_MS - 1)).toMatchObject({
      reason: 'VolumeNotReady',
      nextEligibleAtMs: NOW_MS - 1 + MINUTE_MS,
    });
    expect(since(NOW_MS - 1, NOW_MS - 1)).toMatchObject({ action: 'move' });
    expect(since(NOW_MS - 2 * MINUTE_MS, NOW_MS - MINUTE_MS)).toMatchObject({ action: 'move' });
  });

  test('to bring a mixed volume to another tier than it was moved to, or is on in part, is no finishing', () => {
    const intents = ended(MINUTE_MS);
    const refilled = aVolume('v', ['hot-1', 'cold-2']);
    expect(decisionOf(refilled, aPolicy({ v: 5 }), { intents })).toMatchObject({ reason: 'CoolingDown' });
    const pools = [aPool('hot', 1), aPool('hot', 2, { labels: {} }), aPool('cold', 3), aPool('cold', 4)];
    const unlabelled = aVolume('v', ['hot-1', 'hot-2']);
    const annotated = wished(unlabelled, { lastMigration: { kind: 'at', atMs: NOW_MS - MINUTE_MS } });
    expect(decisionOf(annotated, aPolicy({ v: 5 }), { pools })).toMatchObject({
      tierNow: 'mixed',
      reason: 'CoolingDown',
    });
  });

  test('after a failure the volume backs off until the time in its record, or for five minutes', () => {
    const failed = (change: object) =>
      decisionOf(cold, hotPolicy, { intents: new Map([['v', anEndedMove({ outcome: 'failed', ...change })]]) });
    expect(failed({ retryAtMs: NOW_MS + 1 })).toMatchObject({ reason: 'BackingOff', nextEligibleAtMs: NOW_MS + 1 });
    expect(failed({ retryAtMs: NOW_MS })).toMatchObject({ action: 'move' });
    expect(failed({ endedAtMs: NOW_MS - 5 * MINUTE_MS + 1 })).toMatchObject({ reason: 'BackingOff' });
    expect(failed({ endedAtMs: NOW_MS - 5 * MINUTE_MS })).toMatchObject({ action: 'move' });
  });

  test('a move that undoes the one before too soon is regret, and doubles the cooldown that follows', () => {
    const requestAfter = (sinceMs: number) =>
      outcomeOf([hot], aPolicy({ v: 5 }), { intents: ended(sinceMs) }).requests[0];
    expect(requestAfter(2 * HOUR_MS - 1)).toMatchObject({ regretsInRow: 1 });
    expect(requestAfter(2 * HOUR_MS)).toMatchObject({ regretsInRow: 0 });
    const undone = new Map([['v', anEndedMove({ regretsInRow: 1, endedAtMs: NOW_MS - HOUR_MS })]]);
    expect(decisionOf(cold, hotPolicy, { intents: undone })).toMatchObject({
      reason: 'CoolingDown',
      nextEligibleAtMs: NOW_MS + HOUR_MS,
    });
  });
});

describe('volumes that are not to be touched', () => {
  const fact = cold.fact;
  const [replica] = fact.replicas;
  test.each([
    ['degraded', { status: 'Degraded' }, 'VolumeDegraded'],
    ['rebuilding', { rebuilding: true }, 'VolumeDegraded'],
    ['short of a replica', { replicaCount: 2 }, 'VolumeDegraded'],
    ['with a faulted child', { replicas: [{ ...replica, childState: 'Faulted' }] }, 'VolumeDegraded'],
    ['with a replica out of its target', { replicas: [{ ...replica, childState: undefined }] }, 'VolumeDegraded'],
    ['of unknown status', { status: 'Unknown' }, 'VolumeNotReady'],
    ['being deleted', { specStatus: 'Deleting' }, 'VolumeNotReady'],
    ['without self-heal', { selfHeal: false }, 'VolumeNotReady'],
    ['with snapshots', { snapshotCount: 1 }, 'HasSnapshots'],
    ['from a snapshot', { fromSnapshot: true }, 'HasSnapshots'],
  ] as const)('%s', (_, change, reason) => {
    const volume = { ...cold, fact: { ...fact, ...change } as typeof fact };
    expect(decisionOf(volume, hotPolicy)).toMatchObject({ action: 'hold', reason });
  });

  test('snapshots are no obstacle where the policy allows it', () => {
    const policy = aPolicy({ v: 5_000 }, { moves: { allowSnapshots: true } });
    expect(decisionOf({ ...cold, fact: { ...fact, snapshotCount: 1 } }, policy)).toMatchObject({ action: 'move' });
  });

  test('a PersistentVolume that is not bound', () => {
    const persistentVolume = { name: 'pv', uid: 'u', phase: 'Released', storageClassName: 'mayastor', labels: {} };
    expect(decisionOf({ ...cold, fact: { ...fact, persistentVolume } }, hotPolicy)).toMatchObject({
      reason: 'VolumeNotReady',
    });
  });

  test.each([
    [['2.8.1'], 'AffinityGroupRestricted'],
    [['v2.9.0'], 'AboveHighWatermark'],
    [['2.10.0'], 'AboveHighWatermark'],
  ] as const)('a single replica of an affinity group under Mayastor %s: %s', (mayastorVersions, reason) => {
    const volume = { ...cold, fact: { ...fact, affinityGroup: 'db' } };
    const cluster = { paused: false, mayastorVersions: [...mayastorVersions] };
    expect(decisionOf(volume, hotPolicy, { cluster })).toMatchObject({ reason });
  });

  test('a replica on a draining node, and one of several on a cordoned node', () => {
    const nodes = (change: object) => [aNode(1, change), aNode(2), aNode(3), aNode(4)];
    const draining = nodes({ draining: true });
    expect(decisionOf(cold, hotPolicy, { nodes: draining })).toMatchObject({ reason: 'VolumeNotReady' });
    const cordoned = nodes({ cordonLabels: ['maintenance'] });
    expect(decisionOf(cold, hotPolicy, { nodes: cordoned })).toMatchObject({ action: 'move' });
    const two = aVolume('v', ['cold-1', 'cold-2']);
    expect(decisionOf(two, hotPolicy, { nodes: cordoned })).toMatchObject({ reason: 'VolumeNotReady' });
  });
});

test('a cordoned pool of a replica that stays keeps the others; one alone that is to leave goes first', () => {
  const pools = (...cordoned: readonly string[]) =>
    [1, 2, 3, 4].flatMap((number) =>
      (['hot', 'cold'] as const).map((tier) =>
        aPool(tier, number, { cordoned: cordoned.includes(`${tier}-${number}`) }),
      ),
    );
  const two = aVolume('v', ['cold-1', 'cold-2']);
  const mixed = aVolume('v', ['cold-1', 'hot-2']);
  const why = (volume: typeof two, ...cordoned: readonly string[]) =>
    decisionOf(volume, hotPolicy, { pools: pools(...cordoned) });
  expect(why(two, 'cold-1')).toMatchObject({ action: 'move' });
  expect(why(two, 'cold-1', 'cold-2')).toMatchObject({
    reason: 'VolumeNotReady',
    message: expect.stringContaining('pool cold-2, which holds a replica of it that stays'),
  });
  expect(why(mixed, 'cold-1')).toMatchObject({ action: 'move' });
  expect(why(mixed, 'hot-2')).toMatchObject({ reason: 'VolumeNotReady' });
  expect(why(mixed, 'hot-1', 'cold-2')).toMatchObject({ action: 'move' });
});

describe('what stops everything', () => {
  test.each<[string, Partial<World>, string]>([
    ['paused', { cluster: { paused: true, mayastorVersions: ['2.12.2'] } }, 'Paused'],
    ['nobody knows whether paused', { cluster: undefined }, 'Paused'],
    ['an upgrade', { cluster: { paused: false, mayastorVersions: ['2.11.0', '2.12.2'] } }, 'ClusterUpgrading'],
    ['the start', { graceUntilMs: NOW_MS + 1 }, 'StartupGrace'],
  ])('%s', (_, change, reason) => {
    const { decisions, requests } = outcomeOf([cold], hotPolicy, change);
    expect(decisions).toMatchObject([{ action: 'hold', reason, tierWanted: 'hot' }]);
    expect(requests).toEqual([]);
  });

  test('the grace ends', () => expect(decisionOf(cold, hotPolicy, { graceUntilMs: NOW_MS }).action).toBe('move'));

  test('a Mayastor that cannot be fenced, unless some migrator knows how', () => {
    const [mover] = aWorld().movers;
    if (mover === undefined) throw new Error('no mover');
    const unable = { ...mover, instance: 'other', method: 'none' } as const;
    expect(decisionOf(cold, hotPolicy, { movers: [unable] })).toMatchObject({ reason: 'UnsupportedMayastor' });
    expect(decisionOf(cold, hotPolicy, { movers: [unable, mover] })).toMatchObject({ action: 'move' });
  });

  test('a closed window, and one that closes before the move would end', () => {
    const closed = { kind: 'closed', opensAtMs: NOW_MS + HOUR_MS, explanation: 'Shut.' } as const;
    expect(decisionOf(cold, { ...hotPolicy, window: closed })).toMatchObject({
      reason: 'WindowClosed',
      nextEligibleAtMs: NOW_MS + HOUR_MS,
    });
    // 10 GiB and a little more at 1 GiB a second.
    const open = (closesAtMs: number) => ({ ...hotPolicy, window: { kind: 'open', closesAtMs } as const });
    expect(decisionOf(cold, open(NOW_MS + 10_999))).toMatchObject({ reason: 'WindowClosed' });
    expect(outcomeOf([cold], open(NOW_MS + 11_000)).requests).toMatchObject([{ notAfterMs: NOW_MS }]);
  });

  test('dry run decides and asks for nothing', () => {
    const { decisions, requests } = outcomeOf([cold], aPolicy({ v: 5_000 }, { dryRun: true }));
    expect(decisions).toMatchObject([{ action: 'hold', reason: 'DryRun', tierNow: 'cold', tierWanted: 'hot' }]);
    expect(requests).toEqual([]);
  });

  test('dry run reports nothing for a volume that is on its tier', () => {
    expect(decisionOf(hot, aPolicy({ v: 5_000 }, { dryRun: true }))).toMatchObject({ reason: 'OnWantedTier' });
  });

  test('a disabled policy', () => {
    expect(decisionOf(cold, aPolicy({ v: 5_000 }, { enabled: false }))).toMatchObject({ reason: 'PolicyDisabled' });
  });
});

describe('policies', () => {
  test('a volume without PersistentVolume, or with another class, belongs to nobody', () => {
    const { persistentVolume: _, ...without } = cold.fact;
    expect(decisionOf({ ...cold, fact: without }, hotPolicy)).toMatchObject({ reason: 'NoPolicy' });
    expect(decisionOf(cold, aPolicy({ v: 5_000 }, { storageClassName: 'other' }))).toMatchObject({
      reason: 'NoPolicy',
    });
  });

  test('of two that claim a volume the older decides, and the younger says so', () => {
    const younger = aPolicy({ v: 0 }, {}, { policyId: 'policy-2', name: 'younger', createdAtMs: 5 });
    const { decisions, evaluations } = decide(aWorld({ policies: [younger, hotPolicy], volumes: [cold] }), NOW_MS);
    expect(decisions).toMatchObject([{ policy: { policyId: 'policy-1' }, action: 'move' }]);
    expect(evaluations).toMatchObject([{ volumes: 1 }, { volumes: 0, reasons: { PolicyOverlap: 1 } }]);
  });

  test('a wrong policy moves nothing and does not hand its volumes to a younger one', () => {
    const { enabled, storageClassName, volumeSelector } = aSpec();
    const invalid = {
      kind: 'invalid',
      policyId: 'policy-0',
      name: 'older',
      generation: 1,
      createdAtMs: -1,
      spec: { enabled, storageClassName, volumeSelector },
      problems: ['spec.lowWatermarkIOPS is wrong'],
    } as const;
    const { decisions, evaluations, requests } = decide(
      aWorld({ policies: [hotPolicy, invalid], volumes: [cold] }),
      NOW_MS,
    );
    expect(decisions).toMatchObject([{ reason: 'PolicyInvalid' }]);
    expect(evaluations[0]).toMatchObject({ metrics: { available: false, reason: 'PolicyInvalid' } });
    expect(requests).toEqual([]);
  });
});

describe('requests', () => {
  test('name what was seen, and expire', () => {
    const { requests } = outcomeOf([cold], hotPolicy);
    expect(requests).toMatchObject([
      {
        volumeId: 'v',
        volumeName: 'pv-v',
        fromTier: 'cold',
        toTier: 'hot',
        triggerIops: 5_000,
        notAfterMs: NOW_MS + 120_000,
        replicas: [{ replicaId: 'v-cold-1', pool: 'cold-1', node: 'node-1' }],
        attempt: 0,
      },
    ]);
  });

  test('the same world asks under the same id, a new try under another', () => {
    const [first] = outcomeOf([cold], hotPolicy).requests;
    const [again] = outcomeOf([cold], hotPolicy, {}, NOW_MS + 60_000).requests;
    expect(again?.migrationId).toBe(first?.migrationId);
    const failed = anEndedMove({
      outcome: 'failed',
      migrationId: first?.migrationId ?? '',
      proposalId: first?.proposalId ?? '',
      retryAtMs: NOW_MS,
    });
    const [retry] = outcomeOf([cold], hotPolicy, { intents: new Map([['v', failed]]) }).requests;
    expect(retry).toMatchObject({ attempt: 1, proposalId: first?.proposalId });
    expect(retry?.migrationId).not.toBe(first?.migrationId);
  });

  test('an id that was seen before is never used again, also after another proposal', () => {
    const [first] = outcomeOf([cold], hotPolicy).requests;
    const other = anEndedMove({ outcome: 'failed', seenIds: [first?.migrationId ?? ''], retryAtMs: NOW_MS });
    expect(outcomeOf([cold], hotPolicy, { intents: new Map([['v', other]]) }).requests).toMatchObject([{ attempt: 1 }]);
  });

  test('a move in flight, or one that waits for a person, is not asked for twice', () => {
    const intents = (change: object) => new Map([['v', anActiveMove(change)]]);
    expect(decisionOf(cold, hotPolicy, { intents: intents({}) })).toMatchObject({ reason: 'AlreadyMoving' });
    expect(decisionOf(cold, hotPolicy, { intents: intents({ attention: 'Look.' }) })).toMatchObject({
      reason: 'NeedsAttention',
    });
  });
});
