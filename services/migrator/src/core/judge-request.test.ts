import type { Intent, MigrationRequested, VolumeObserved } from '@couchestor/shared/messages';
import { describe, expect, test } from 'vitest';
import { judgeRequest, type RequestWorld } from './judge-request.ts';

const NOW = Date.UTC(2026, 0, 1);
const HOUR_MS = 3_600_000;
const at = (ms: number): string => new Date(NOW + ms).toISOString();

const request: MigrationRequested = {
  migrationId: 'move-1',
  proposalId: 'proposal',
  attempt: 0,
  volumeId: 'volume',
  volumeName: 'pvc-volume',
  policyId: 'policy',
  policyName: 'tiering',
  policyGeneration: 3,
  fromTier: 'cold',
  toTier: 'hot',
  reason: 'AboveHighWatermark',
  notAfter: at(60_000),
  replicaCount: 1,
  replicas: [{ replicaId: 'r1', pool: 'sata-a', node: 'a' }],
  targetPools: ['nvme-c'],
  sizeBytes: 1_000,
};

const volume: VolumeObserved = {
  volumeId: 'volume',
  persistentVolume: { name: 'pvc-volume', uid: 'u', phase: 'Bound', storageClassName: 'mayastor', labels: {} },
  sizeBytes: 1_000,
  thin: true,
  replicaCount: 1,
  specStatus: 'Created',
  status: 'Online',
  selfHeal: true,
  targetNode: 'a',
  rebuilding: false,
  snapshotCount: 0,
  fromSnapshot: false,
  replicas: [{ replicaId: 'r1', pool: 'sata-a', node: 'a', state: 'Online', childState: 'Online' }],
};

const pool = (name: string, tier: string): RequestWorld['pools'][number] => ({
  diskPoolId: name,
  name,
  node: name.slice(-1),
  labels: { tier },
  mayastorLabels: {},
  status: 'Online',
  capacityBytes: 10_000,
  usedBytes: 0,
  committedBytes: 0,
  cordoned: false,
});

const world: RequestWorld = {
  nowMs: NOW,
  watcherNowMs: undefined,
  record: undefined,
  policy: {
    policyId: 'policy',
    name: 'tiering',
    generation: 3,
    createdAt: at(-HOUR_MS),
    spec: {
      nvmePoolSelector: { matchLabels: { tier: 'hot' } },
      sataPoolSelector: { matchLabels: { tier: 'cold' } },
      cooldownPeriod: '1h',
    },
  },
  volume,
  pools: [pool('nvme-b', 'hot'), pool('nvme-c', 'hot'), pool('sata-a', 'cold')],
  cluster: { paused: false, mayastorVersions: ['v2.12.2'] },
  method: 'poolCordon',
  mayAct: true,
};

function ended(change: object): Intent {
  const { migrationId: _, ...of } = request;
  return {
    state: 'ended',
    ...of,
    migrationId: 'move-0',
    startedAt: at(-2 * HOUR_MS),
    endedAt: at(-2 * HOUR_MS),
    seenIds: [],
    failuresInRow: 0,
    outbox: [],
    outcome: 'completed',
    ...change,
  };
}

const withPolicy = (change: object): RequestWorld['policy'] =>
  world.policy === undefined ? undefined : { ...world.policy, spec: { ...(world.policy.spec as object), ...change } };

test('a request that fits the world is accepted, with all pools of its tier, the preferred ones first', () => {
  const verdict = judgeRequest(request, world);
  expect(verdict).toMatchObject({
    kind: 'accept',
    intent: {
      state: 'active',
      replicaCount: 1,
      targetPools: ['nvme-c', 'nvme-b'],
      limits: { policy: 2, perPool: 1, perNode: 1 },
    },
  });
});

test('a request for what moves already is refused, whatever it asks for', () => {
  const { outcome: _, endedAt: __, ...head } = ended({}) as Intent & { outcome: string; endedAt: string };
  const record = { ...head, state: 'active' } as unknown as Intent;
  expect(judgeRequest(request, { ...world, record })).toMatchObject({ kind: 'refuse', reason: 'AlreadyMoving' });
});

test('what passes is waited for, with a word for it', () => {
  expect(judgeRequest(request, { ...world, method: undefined })).toMatchObject({
    kind: 'later',
    reason: 'UnsupportedMayastor',
    message: 'Mayastor has not answered yet',
  });
  expect(judgeRequest(request, { ...world, mayAct: false })).toMatchObject({
    kind: 'later',
    reason: 'Paused',
    message: 'all is paused, or the watcher is away',
  });
});

test('one replica of an affinity group does not move on an older Mayastor; more of them, or on a newer one, do', () => {
  const grouped = { ...volume, affinityGroup: 'group' };
  const restricted = { kind: 'refuse', reason: 'AffinityGroupRestricted' };
  expect(judgeRequest(request, { ...world, volume: grouped, method: 'nodeCordon' })).toMatchObject(restricted);
  expect(judgeRequest(request, { ...world, volume: grouped })).toMatchObject({ kind: 'accept' });
  expect(judgeRequest(request, { ...world, method: 'nodeCordon' })).toMatchObject({ kind: 'accept' });
  const two = ['a', 'd'].map((node) => ({ replicaId: `r${node}`, pool: `sata-${node}`, node }));
  const replicas = two.map((one) => ({ ...one, state: 'Online' as const, childState: 'Online' as const }));
  const wide = { ...grouped, replicaCount: 2, replicas };
  const asked = { ...request, replicaCount: 2, replicas: two };
  const pools = [...world.pools, pool('sata-d', 'cold')];
  expect(judgeRequest(asked, { ...world, pools, volume: wide, method: 'nodeCordon' })).toMatchObject({
    kind: 'accept',
  });
});

describe('clocks', () => {
  const justCool = { record: ended({ lastCompletedAt: at(-HOUR_MS) }) };
  const verdictAt = (aheadMs: number, change: Partial<RequestWorld> = {}) =>
    judgeRequest(request, { ...world, ...change, watcherNowMs: NOW + aheadMs });

  test.each([30_001, -30_001, 300_000, -300_000])(
    'that are %i ms apart let nothing begin, and the request is left to others',
    (aheadMs) => {
      const message = expect.stringContaining('clocks of this migrator and of the watcher');
      expect(verdictAt(aheadMs)).toMatchObject({ kind: 'elsewhere', reason: 'ClockSkew', message });
    },
  );

  test('within the tolerance, a time has passed once it has by both', () => {
    expect(verdictAt(0, justCool)).toMatchObject({ kind: 'accept' });
    expect(verdictAt(-1, justCool)).toMatchObject({ kind: 'refuse', reason: 'CoolingDown' });
    expect(verdictAt(-1, { ...justCool, nowMs: NOW + 20_000 })).toMatchObject({
      kind: 'refuse',
      reason: 'CoolingDown',
    });
    expect(verdictAt(20_000, { nowMs: NOW + 50_000 })).toMatchObject({ kind: 'accept' });
    expect(verdictAt(60_001, { nowMs: NOW + 50_000 })).toMatchObject({ kind: 'refuse', reason: 'Expired' });
  });

  test('are not compared before the watcher was heard of', () => {
    expect(judgeRequest(request, { ...world, watcherNowMs: undefined })).toMatchObject({ kind: 'accept' });
  });
});

test.each([
  ['PolicyChanged', { policy: undefined }],
  ['PolicyChanged', { policy: world.policy === undefined ? undefined : { ...world.policy, generation: 2 } }],
  ['VolumeNotFound', { volume: undefined }],
  ['VolumeNotFound', { volume: { ...volume, persistentVolume: undefined } }],
] as const)('what the decision saw and has not come here yet may be known elsewhere: %s', (reason, change) => {
  expect(judgeRequest(request, { ...world, ...(change as Partial<RequestWorld>) })).toMatchObject({
    kind: 'elsewhere',
    reason,
  });
});

describe('a request is refused', () => {
  test.each([
    ['Expired', { nowMs: NOW + 60_001 }],
    ['PolicyChanged', { policy: world.policy === undefined ? undefined : { ...world.policy, generation: 4 } }],
    ['PolicyChanged', { policy: withPolicy({ highWatermarkIOPS: 1 }) }],
    ['PolicyDisabled', { policy: withPolicy({ enabled: false }) }],
    ['PolicyDisabled', { policy: withPolicy({ dryRun: true }) }],
    ['VolumeChanged', { volume: { ...volume, replicaCount: 2 } }],
    [
      'VolumeChanged',
      { volume: { ...volume, replicas: [{ replicaId: 'r2', pool: 'sata-a', state: 'Online' as const }] } },
    ],
    ['NotPublished', { volume: { ...volume, targetNode: undefined } }],
    ['VolumeDegraded', { volume: { ...volume, status: 'Degraded' as const } }],
    ['HasSnapshots', { volume: { ...volume, snapshotCount: 1 } }],
    ['UnsupportedMayastor', { method: 'none' as const }],
    ['ClusterUpgrading', { cluster: { paused: false, mayastorVersions: ['v2.11.0', 'v2.12.2'] } }],
    ['NoEligiblePool', { pools: [pool('sata-a', 'cold')] }],
    ['AlreadySeen', { record: ended({ migrationId: 'move-1' }) }],
    ['AlreadySeen', { record: ended({ seenIds: ['move-1'] }) }],
    ['BackingOff', { record: ended({ outcome: 'failed', retryAt: at(1) }) }],
    ['CoolingDown', { record: ended({ lastCompletedAt: at(1 - HOUR_MS) }) }],
  ] as const)('as %s', (reason, change) => {
    expect(judgeRequest(request, { ...world, ...change } as RequestWorld)).toMatchObject({ kind: 'refuse', reason });
  });

  test.each([
    ['true', true],
    [at(1), true],
    ['until I say so', true],
    [at(0), false],
    ['false', false],
  ])('while the annotation hold is %s: %s', (hold, held) => {
    const persistentVolume = { ...volume.persistentVolume, hold } as VolumeObserved['persistentVolume'];
    const verdict = judgeRequest(request, { ...world, volume: { ...volume, persistentVolume } });
    expect(verdict).toMatchObject(held ? { kind: 'refuse', reason: 'Held' } : { kind: 'accept' });
  });
});

describe('the cooldown', () => {
  test('is over to the millisecond, and counts from the later of record and annotation', () => {
    const record = ended({ lastCompletedAt: at(-HOUR_MS) });
    expect(judgeRequest(request, { ...world, record }).kind).toBe('accept');
    const persistentVolume = {
      ...volume.persistentVolume,
      lastMigration: at(1 - HOUR_MS),
    } as VolumeObserved['persistentVolume'];
    expect(judgeRequest(request, { ...world, record, volume: { ...volume, persistentVolume } })).toMatchObject({
      reason: 'CoolingDown',
    });
  });

  test('runs while the annotation cannot be read', () => {
    const persistentVolume = {
      ...volume.persistentVolume,
      lastMigration: 'yesterday',
    } as VolumeObserved['persistentVolume'];
    expect(judgeRequest(request, { ...world, volume: { ...volume, persistentVolume } })).toMatchObject({
      reason: 'CoolingDown',
    });
  });

  test('does not hold back the rest of a volume that lies on two tiers', () => {
    const record = ended({ lastCompletedAt: at(-1) });
    expect(judgeRequest({ ...request, fromTier: 'mixed' }, { ...world, record }).kind).toBe('accept');
  });
});

test.each([
  ['Mayastor has not answered yet', { method: undefined }],
  ['the permit is stale', { mayAct: false }],
])('a request waits while %s', (_, change) => {
  expect(judgeRequest(request, { ...world, ...change }).kind).toBe('later');
});

test('what was seen before is carried on, so that no id is ever taken twice', () => {
  const record = ended({ seenIds: ['a', 'b'] });
  expect(judgeRequest(request, { ...world, record })).toMatchObject({ intent: { seenIds: ['a', 'b', 'move-0'] } });
});

test('of many ids the last are carried on, and the end of the last completed move beside those that failed since', () => {
  const seenIds = Array.from({ length: 16 }, (_, index) => `seen-${index}`);
  const lastCompletedAt = at(-100 * HOUR_MS);
  const record = ended({ seenIds, lastCompletedAt });
  expect(judgeRequest(request, { ...world, record })).toMatchObject({
    intent: { seenIds: [...seenIds.slice(1), 'move-0'], lastCompletedAt },
  });
});
