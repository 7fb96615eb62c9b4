import type { ObservedPersistentVolume } from '@couchestor/shared/messages';
import { describe, expect, test } from 'vitest';
import { aVolume } from '../test/worlds.ts';
import { readIntent, readPolicy, readVolume } from './read-facts.ts';

function wishesOf(annotations: Partial<ObservedPersistentVolume>) {
  const { fact } = aVolume('v', ['cold-1']);
  const { persistentVolume } = fact;
  if (persistentVolume === undefined) throw new Error('the volume has no PersistentVolume');
  return readVolume({ data: { ...fact, persistentVolume: { ...persistentVolume, ...annotations } }, timeMs: 0 }).wishes;
}

describe('annotations', () => {
  test.each([
    ['true', { kind: 'forever' }],
    ['false', { kind: 'none' }],
    ['2026-07-01T00:00:00Z', { kind: 'until', atMs: Date.UTC(2026, 6, 1) }],
    ['2026-07-01T02:00:00+02:00', { kind: 'until', atMs: Date.UTC(2026, 6, 1) }],
    ['2026-07-01', { kind: 'unreadable', text: '2026-07-01' }],
    ['yes', { kind: 'unreadable', text: 'yes' }],
    ['', { kind: 'unreadable', text: '' }],
  ])('hold: %j', (hold, read) => expect(wishesOf({ hold }).hold).toEqual(read));

  test.each([
    ['hot', { kind: 'tier', tier: 'hot' }],
    ['Hot', { kind: 'unreadable', text: 'Hot' }],
  ])('pin-tier: %j', (pinTier, read) => expect(wishesOf({ pinTier }).pin).toEqual(read));

  test.each([
    ['2026-06-01T10:00:00.123Z', { kind: 'at', atMs: Date.UTC(2026, 5, 1, 10, 0, 0, 123) }],
    ['1780000000', { kind: 'unreadable', text: '1780000000' }],
    ['2026-13-01T10:00:00Z', { kind: 'unreadable', text: '2026-13-01T10:00:00Z' }],
  ])('last-migration: %j', (lastMigration, read) => expect(wishesOf({ lastMigration }).lastMigration).toEqual(read));
});

describe('policies', () => {
  const observed = (spec: unknown) =>
    readPolicy({ policyId: 'p', name: 'p', generation: 1, createdAt: '2026-01-01T00:00:00Z', spec });
  const pools = {
    nvmePoolSelector: { matchLabels: { tier: 'hot' } },
    sataPoolSelector: { matchLabels: { tier: 'cold' } },
  };

  test('one that is right', () =>
    expect(observed(pools)).toMatchObject({ kind: 'valid', createdAtMs: Date.UTC(2026, 0) }));

  test('of one with thousands of errors the first are told, so that it can be told at all', () => {
    const matchLabels = Object.fromEntries(Array.from({ length: 5_000 }, (_, index) => [`label-${index}`, 5]));
    const policy = observed({ ...pools, volumeSelector: { matchLabels } });
    if (policy.kind !== 'invalid') throw new Error('the policy is wrong');
    expect(policy.problems).toHaveLength(11);
    expect(policy.problems.at(-1)).toBe('and 4990 more');
  });

  test('a wrong one still says which volumes it means', () => {
    const volumeSelector = { matchLabels: { app: 'db' } };
    const wrong = { ...pools, highWatermarkIOPS: 1, lowWatermarkIOPS: 2, storageClassName: 'fast', volumeSelector };
    expect(observed(wrong)).toMatchObject({
      kind: 'invalid',
      problems: [expect.stringContaining('lowWatermarkIOPS')],
      spec: { enabled: true, storageClassName: 'fast', volumeSelector },
    });
  });

  test.each([null, 'text', 7, { volumeSelector: 7 }])('%j means all volumes of the default class', (spec) => {
    expect(observed(spec)).toMatchObject({
      kind: 'invalid',
      spec: { enabled: true, storageClassName: 'mayastor', volumeSelector: {} },
    });
  });
});

test('a record counts its target, its completion and its regrets', () => {
  const head = {
    migrationId: 'm',
    proposalId: 'p',
    attempt: 1,
    volumeId: 'v',
    volumeName: 'pv-v',
    policyId: 'policy-1',
    policyName: 'tiering',
    fromTier: 'cold',
    toTier: 'hot',
    startedAt: '2026-06-01T10:00:00.000Z',
    seenIds: ['l'],
    failuresInRow: 2,
    regretsInRow: 1,
    lastCompletedAt: '2026-05-01T10:00:00.000Z',
    outbox: [],
  } as const;
  expect(
    readIntent({
      ...head,
      seenIds: [...head.seenIds],
      outbox: [],
      state: 'ended',
      outcome: 'failed',
      endedAt: '2026-06-01T11:00:00.000Z',
      retryAt: '2026-06-01T11:05:00.000Z',
    }),
  ).toMatchObject({
    state: 'ended',
    outcome: 'failed',
    startedAtMs: Date.UTC(2026, 5, 1, 10),
    endedAtMs: Date.UTC(2026, 5, 1, 11),
    retryAtMs: Date.UTC(2026, 5, 1, 11, 5),
    lastCompletedAtMs: Date.UTC(2026, 4, 1, 10),
    regretsInRow: 1,
    failuresInRow: 2,
  });
});
