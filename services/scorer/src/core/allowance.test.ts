import { GIB, HOUR_MS, MINUTE_MS } from '@couchestor/shared/units';
import { describe, expect, test } from 'vitest';
import { anActiveMove, anEndedMove, aMover, aPolicy, aVolume, NOW_MS, outcomeOf } from '../../test/worlds.ts';
import type { IntentState, World } from './world.ts';

const ids = Array.from({ length: 20 }, (_, index) => `v${String(index).padStart(2, '0')}`);
const volumes = ids.map((id) => aVolume(id, ['cold-1']));
const scores = Object.fromEntries(ids.map((id, index) => [id, 10_000 - index]));
const roomy = { perPool: 20, perNode: 20, maxVolumesInMotionPercent: 100, maxMovesPerHour: 1_000 };

function requested(stored: object, change: Partial<World> = {}): readonly string[] {
  return outcomeOf(volumes, aPolicy(scores, { limits: roomy, ...stored }), change).requests.map(
    ({ volumeId }) => volumeId,
  );
}
const intentsOf = (records: readonly IntentState[]): ReadonlyMap<string, IntentState> =>
  new Map(records.map((record, index) => [`other-${index}`, { ...record, migrationId: `move-${index}` }]));

test('requests are made for the free slots and two more', () => {
  expect(requested({ maxConcurrentMigrations: 3 })).toHaveLength(5);
  const intents = intentsOf([anActiveMove(), anActiveMove()]);
  expect(requested({ maxConcurrentMigrations: 3 }, { intents })).toHaveLength(3);
});

test('a request for a volume that wants to move no more is one of them while it may be taken up', () => {
  const outstanding = new Map([
    ['gone', { migrationId: 'm', policyId: 'policy-1', sentAtMs: NOW_MS, notAfterMs: NOW_MS }],
  ]);
  expect(requested({ maxConcurrentMigrations: 3 }, { outstanding })).toHaveLength(4);
});

test('where the fleet has fewer free slots than the policy, those count', () => {
  const movers = (...limits: readonly number[]) => ({
    movers: limits.map((fleetLimit) => ({ ...aMover(), fleetLimit })),
  });
  expect(requested({ maxConcurrentMigrations: 9 }, movers(3))).toHaveLength(5);
  expect(requested({ maxConcurrentMigrations: 9 }, movers(1, 3))).toHaveLength(5);
  expect(requested({ maxConcurrentMigrations: 2 }, movers(3))).toHaveLength(4);
  expect(requested({ maxConcurrentMigrations: 9 }, movers())).toHaveLength(11);
  // Moves of every policy count, and what waits for a person does not.
  const foreign = anActiveMove({ policyId: 'another' });
  const intents = intentsOf([foreign, foreign, anActiveMove({ attention: 'Look.' })]);
  expect(requested({ maxConcurrentMigrations: 9 }, { ...movers(3), intents })).toHaveLength(3);
  const full = { ...movers(2), intents };
  expect(requested({ maxConcurrentMigrations: 9 }, full)).toHaveLength(2);
  const policy = aPolicy(scores, { limits: roomy, maxConcurrentMigrations: 9 });
  expect(outcomeOf(volumes, policy, full).decisions.at(-1)).toMatchObject({
    reason: 'AwaitingSlot',
    message: expect.stringContaining('FLEET_MIGRATIONS_MAX is 2, and 2 moves are in flight in the cluster'),
  });
});

test('a move that waits for a person holds no slot', () => {
  const intents = intentsOf([anActiveMove({ attention: 'Look.' })]);
  expect(requested({ maxConcurrentMigrations: 3 }, { intents })).toHaveLength(5);
});

describe('who comes first', () => {
  test('of equals the hotter, and a small volume before a large one', () => {
    expect(requested({ maxConcurrentMigrations: 1 })).toEqual(['v00', 'v01', 'v02']);
    const large = volumes.map((volume) =>
      volume.fact.volumeId === 'v00' ? { ...volume, fact: { ...volume.fact, sizeBytes: 300 * GIB } } : volume,
    );
    const { requests } = outcomeOf(large, aPolicy(scores, { limits: roomy, maxConcurrentMigrations: 1 }));
    expect(requests.map(({ volumeId }) => volumeId)).toEqual(['v01', 'v02', 'v03']);
  });

  test('a request that may still be taken up keeps its place', () => {
    const outstanding = new Map([
      ['v19', { migrationId: 'm', policyId: 'policy-1', sentAtMs: NOW_MS, notAfterMs: NOW_MS }],
      ['v18', { migrationId: 'n', policyId: 'policy-1', sentAtMs: NOW_MS, notAfterMs: NOW_MS - 1 }],
    ]);
    expect(requested({ maxConcurrentMigrations: 1 }, { outstanding })).toEqual(['v19', 'v00', 'v01']);
  });
});

describe('brakes', () => {
  test('the share of volumes in motion, which is one volume at least', () => {
    const limits = { ...roomy, maxVolumesInMotionPercent: 10 };
    expect(requested({ limits, maxConcurrentMigrations: 9 })).toHaveLength(2);
    expect(requested({ limits, maxConcurrentMigrations: 9 }, { intents: intentsOf([anActiveMove()]) })).toHaveLength(1);
    expect(requested({ limits: { ...roomy, maxVolumesInMotionPercent: 1 } })).toHaveLength(1);
  });

  test('a request for a volume that is no candidate any more still counts', () => {
    const outstanding = new Map([
      ['gone', { migrationId: 'm', policyId: 'policy-1', sentAtMs: NOW_MS, notAfterMs: NOW_MS + 1 }],
    ]);
    expect(requested({ limits: { ...roomy, maxVolumesInMotionPercent: 10 } }, { outstanding })).toHaveLength(1);
    const intents = new Map([['gone', anEndedMove({ migrationId: 'm' })]]);
    expect(requested({ limits: { ...roomy, maxVolumesInMotionPercent: 10 } }, { outstanding, intents })).toHaveLength(
      2,
    );
  });

  test('moves an hour, counted by their start, whatever became of them', () => {
    const started = (agoMs: number) => anEndedMove({ startedAtMs: NOW_MS - agoMs, policyId: 'policy-1' });
    const limits = { ...roomy, maxMovesPerHour: 3 };
    const intents = intentsOf([started(HOUR_MS - 1), started(MINUTE_MS), started(HOUR_MS)]);
    expect(requested({ limits }, { intents })).toHaveLength(1);
    const recentStarts = [{ migrationId: 'replaced', policyId: 'policy-1', startedAtMs: NOW_MS - MINUTE_MS }];
    const { requests, decisions, evaluations } = outcomeOf(volumes, aPolicy(scores, { limits }), {
      intents,
      recentStarts,
    });
    expect(requests).toEqual([]);
    expect(evaluations).toMatchObject([{ brakes: ['MovesPerHour'] }]);
    expect(decisions[0]).toMatchObject({ reason: 'BrakeFleet', nextEligibleAtMs: NOW_MS + 1 });
  });

  test('failures in a row stop the policy for an hour, then one move at a time shows whether the cause is gone', () => {
    const failed = (agoMs: number) =>
      anEndedMove({ outcome: 'failed', endedAtMs: NOW_MS - agoMs, startedAtMs: NOW_MS - 9 * HOUR_MS });
    const world = (agoMs: number, ...more: IntentState[]) => ({
      intents: intentsOf([failed(agoMs), failed(agoMs + 1), failed(agoMs + 2), ...more]),
    });
    expect(requested({}, world(HOUR_MS - 1))).toHaveLength(0);
    expect(requested({}, world(HOUR_MS))).toHaveLength(1);
    expect(requested({}, world(HOUR_MS, anActiveMove()))).toHaveLength(0);
    const completed = anEndedMove({ endedAtMs: NOW_MS - MINUTE_MS, startedAtMs: NOW_MS - 9 * HOUR_MS });
    expect(requested({}, world(HOUR_MS, completed))).toHaveLength(4);
    expect(requested({ limits: { ...roomy, maxConsecutiveFailures: 4 } }, world(MINUTE_MS))).toHaveLength(4);
    const aborted = anEndedMove({ outcome: 'aborted', endedAtMs: NOW_MS, startedAtMs: NOW_MS - 9 * HOUR_MS });
    expect(requested({}, world(HOUR_MS - 1, aborted))).toHaveLength(0);
  });

  test('the try that shows whether the cause is gone does not lift the brake by replacing a failure', () => {
    const failed = anEndedMove({ outcome: 'failed', endedAtMs: NOW_MS - HOUR_MS, startedAtMs: NOW_MS - 9 * HOUR_MS });
    const again = anActiveMove({ failuresInRow: 1 });
    expect(requested({}, { intents: intentsOf([failed, failed, again]) })).toHaveLength(0);
    expect(requested({}, { intents: intentsOf([failed, failed, anActiveMove()]) })).toHaveLength(3);
  });
});
