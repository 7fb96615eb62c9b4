import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FactTables } from '@couchestor/shared/bus';
import {
  migrationIdOf,
  subjectToken,
  type ActiveIntent,
  type Heartbeat,
  type MessageData,
  type StateName,
} from '@couchestor/shared/messages';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { startBench, type Bench, type WatcherProcess } from './bench.ts';
import { anEvaluation, aPolicySpec } from './builders.ts';

const WAIT = { timeout: 15_000, interval: 25 };
const KINDS = ['policy.observed', 'volume.observed', 'pool.observed', 'node.observed', 'cluster.observed'] as const;

interface Status {
  readonly phase?: string;
  readonly watchedVolumes?: number;
  readonly totalMigrations?: number;
  readonly failedMigrations?: number;
  readonly activeMigrations?: number;
  readonly hotVolumes?: number;
  readonly coldVolumes?: number;
  readonly mixedVolumes?: number;
  readonly lastReconcileTime?: string;
  readonly migrationHistory?: readonly {
    readonly migrationId: string;
    readonly success: boolean;
    readonly error?: string;
  }[];
  readonly conditions?: readonly { readonly type: string; readonly status: string; readonly message: string }[];
  readonly appliedEvents?: { readonly lastSequence: number };
}

let bench: Bench;
let reading: AbortController;
let facts: FactTables<StateName>;

beforeEach(async () => {
  bench = await startBench();
  reading = new AbortController();
  facts = await bench.bus.openFacts(KINDS, { signal: reading.signal });
  await facts.whenSynced();
});
afterEach(async () => {
  reading.abort(new Error('the test is over'));
  await bench[Symbol.asyncDispose]();
});

const statusOf = (policy: string): Status => (bench.policy(policy)['status'] ?? {}) as Status;
const conditionOf = (policy: string, type: string) => statusOf(policy).conditions?.find((each) => each.type === type);
const annotationsOf = (volumeId: string): Readonly<Record<string, string>> =>
  bench.kubernetes.get({ apiVersion: 'v1', kind: 'PersistentVolume', name: `pvc-${volumeId}` })?.metadata.annotations ??
  {};
const events = () =>
  bench.kubernetes
    .list('v1', 'Event')
    .map(
      (event) =>
        event as unknown as { reason: string; involvedObject: { kind: string }; metadata: { namespace: string } },
    );
const ids = (count: number): string[] => Array.from({ length: count }, () => randomUUID());

async function evaluate(policyId: string, policyName: string): Promise<void> {
  await bench.bus.publish('policy.evaluated', subjectToken(policyId), anEvaluation({ policyId, policyName }), {
    messageId: randomUUID(),
  });
}

function ended(policyId: string, volumeId: string, n: number): MessageData<'migration.completed'> {
  return {
    migrationId: migrationIdOf(`proposal-${volumeId}`, n),
    volumeId,
    volumeName: `pvc-${volumeId}`,
    policyId,
    policyName: 'p',
    fromTier: 'cold',
    toTier: 'hot',
    triggerIops: 6000,
    startedAt: new Date(Date.now() - 60_000).toISOString(),
    durationMs: 60_000,
  };
}

async function complete(policyId: string, volumeId: string, n: number): Promise<void> {
  const data = ended(policyId, volumeId, n);
  await bench.bus.publish('migration.completed', subjectToken(data.migrationId), data, {
    messageId: `${data.migrationId}/completed`,
  });
}

async function fail(policyId: string, volumeId: string, n: number): Promise<void> {
  const data = { ...ended(policyId, volumeId, n), reason: 'SyncTimeout' as const, message: 'not synced after 30m' };
  await bench.bus.publish('migration.failed', subjectToken(data.migrationId), data, {
    messageId: `${data.migrationId}/failed`,
  });
}

function writes(): number {
  return (['create', 'update', 'patch', 'delete'] as const)
    .map((verb) => bench.kubernetes.requests.count({ verb }))
    .reduce((sum, count) => sum + count, 0);
}

describe('the watcher', () => {
  test('publishes what Kubernetes and Mayastor show, keeps status and tiers, and then rests', async () => {
    const [hot = '', cold = '', mixed = ''] = ids(3);
    bench.addVolume(hot, ['nvme-a', 'nvme-b']);
    bench.addVolume(cold, ['sata-a']);
    bench.addVolume(mixed, ['nvme-a', 'sata-b']);
    const policyId = bench.addPolicy('p');
    const watcher = await bench.startWatcher();

    await vi.waitFor(() => expect(statusOf('p').watchedVolumes).toBe(3), WAIT);
    expect(statusOf('p')).toMatchObject({ phase: 'Pending', hotVolumes: 1, coldVolumes: 1, mixedVolumes: 1 });
    await evaluate(policyId, 'p');
    await vi.waitFor(() => expect(statusOf('p').phase).toBe('Active'), WAIT);
    expect(facts.of('policy.observed').get(policyId)?.data.name).toBe('p');
    expect(facts.of('volume.observed').get(hot)?.data).toMatchObject({
      persistentVolume: { name: `pvc-${hot}`, phase: 'Bound' },
      targetNode: 'node-a',
      replicas: [{ state: 'Online' }, { state: 'Online' }],
    });
    expect([...facts.of('pool.observed').values()].map(({ data }) => data.labels['tier']).sort()).toEqual([
      'nvme',
      'nvme',
      'sata',
      'sata',
    ]);
    expect(facts.of('node.observed').size).toBe(2);
    expect(facts.of('cluster.observed').get('cluster')?.data).toMatchObject({ paused: false });
    await vi.waitFor(() => {
      expect(annotationsOf(hot)).toEqual({ 'storage.billyronks.io/current-tier': 'hot' });
      expect(annotationsOf(mixed)).toEqual({ 'storage.billyronks.io/current-tier': 'mixed' });
    }, WAIT);
    await vi.waitFor(async () => expect((await watcher.health('/readyz')).status).toBe(200), WAIT);

    // Quiet from here: at least ten passes over Mayastor, and two heartbeats.
    await sleep(1_000);
    const before = {
      writes: writes(),
      published: await published(watcher),
      reads: bench.kubernetes.requests.count({ verb: 'get' }),
    };
    await sleep(4_500);
    expect(writes()).toBe(before.writes);
    expect(await published(watcher)).toBe(before.published);
    expect(bench.kubernetes.requests.count({ verb: 'get' })).toBeGreaterThan(before.reads);
    expect(watcher.lines.filter(({ level }) => level === 'WARN' || level === 'ERROR')).toEqual([]);

    // The twin: what changes is published.
    bench.kubernetes.patch(
      { apiVersion: 'v1', kind: 'PersistentVolume', name: `pvc-${hot}` },
      { metadata: { annotations: { 'storage.billyronks.io/hold': 'true' } } },
    );
    await vi.waitFor(
      () => expect(facts.of('volume.observed').get(hot)?.data.persistentVolume?.hold).toBe('true'),
      WAIT,
    );
    expect((await watcher.health('/v1/policies')).body).toMatchObject({ complete: true, policies: [{ name: 'p' }] });
    expect((await watcher.health(`/v1/volumes/${hot}`)).body).toMatchObject({ tier: 'hot', policyId });
  });

  test('counts each move once however often it is killed', async () => {
    const volumes = ids(4);
    for (const volume of volumes) bench.addVolume(volume, ['sata-a']);
    const policyId = bench.addPolicy('p');
    await evaluate(policyId, 'p');
    let watcher = await bench.startWatcher();
    await vi.waitFor(() => expect(statusOf('p').phase).toBe('Active'), WAIT);

    const ROUNDS = 6;
    const PER_ROUND = 12;
    for (let round = 0; round < ROUNDS; round += 1) {
      for (let n = 0; n < PER_ROUND; n += 1) {
        const move = round * PER_ROUND + n;
        const volume = volumes[move % volumes.length] ?? '';
        await (n % 4 === 3 ? fail(policyId, volume, move) : complete(policyId, volume, move));
        // Stored once more, as after a crash of who told it: the same move under another sequence.
        if (n % 6 === 0) {
          const data = ended(policyId, volume, move);
          await bench.bus.publish('migration.completed', subjectToken(data.migrationId), data, {
            messageId: `${data.migrationId}/completed/again`,
          });
        }
      }
      await sleep(round * 15);
      await watcher.kill('SIGKILL');
      watcher = await bench.startWatcher();
    }
    const moves = ROUNDS * PER_ROUND;
    await vi.waitFor(() => {
      const { totalMigrations = 0, failedMigrations = 0 } = statusOf('p');
      expect(totalMigrations + failedMigrations).toBe(moves);
    }, WAIT);
    expect(statusOf('p').failedMigrations).toBe(moves / 4);
    const history = statusOf('p').migrationHistory ?? [];
    expect(new Set(history.map(({ migrationId }) => migrationId)).size).toBe(50);
    expect(history[0]?.migrationId).toBe(migrationIdOf(`proposal-${volumes[(moves - 1) % 4]}`, moves - 1));
    expect(history[0]).toMatchObject({ success: false, error: 'Sync timeout: not synced after 30m', duration: '1m' });
    const told = events().filter(({ reason }) => reason.startsWith('Migration'));
    expect(told.filter(({ involvedObject }) => involvedObject.kind === 'StoragePolicy')).toHaveLength(moves);
    expect(told.filter(({ involvedObject }) => involvedObject.kind === 'PersistentVolume')).toHaveLength(moves);
    expect(new Set(told.map(({ metadata }) => metadata.namespace))).toEqual(new Set(['default']));
    // Every fourth move failed, which are those of the last volume; an end that is no completion leaves no mark.
    const marks = volumes.map((volume) => annotationsOf(volume)['storage.billyronks.io/last-migration']);
    expect(marks.map((mark) => mark !== undefined)).toEqual([true, true, true, false]);
    await sleep(500);
    const { totalMigrations = 0 } = statusOf('p');
    expect(totalMigrations).toBe((moves * 3) / 4);
  });

  test('logs and counts a failed move with its cause', async () => {
    const [volume = ''] = ids(1);
    bench.addVolume(volume, ['sata-a']);
    const policyId = bench.addPolicy('p');
    const watcher = await bench.startWatcher();
    expect(await metric(watcher, 'storage_operator_migrations_total{status="failed"}')).toBe(0);
    await fail(policyId, volume, 1);
    await vi.waitFor(
      () =>
        expect(watcher.lines.find(({ msg }) => msg === 'Migration failed')).toMatchObject({
          level: 'WARN',
          volume: `pvc-${volume}`,
          cause: 'Sync timeout: not synced after 30m',
        }),
      WAIT,
    );
    expect(await metric(watcher, 'storage_operator_migrations_total{status="failed"}')).toBe(1);
  });

  test('shows a policy that is stored with high <= low as Error, with a sentence', async () => {
    bench.addPolicy('p', aPolicySpec({ highWatermarkIOPS: 100, lowWatermarkIOPS: 100 }), { validate: false });
    const watcher = await bench.startWatcher();
    await vi.waitFor(() => expect(statusOf('p').phase).toBe('Error'), WAIT);
    expect(conditionOf('p', 'Ready')).toMatchObject({ status: 'False', reason: 'InvalidSpec' });
    expect(conditionOf('p', 'Ready')?.message).toContain('must be less than highWatermarkIOPS (100)');
    await vi.waitFor(() => expect(events().map(({ reason }) => reason)).toEqual(['InvalidSpec']), WAIT);
    expect(await metric(watcher, 'kube_storagepolicy_status_phase{name="p",phase="Error"}')).toBe(1);
  });

  test('takes away the fact of what is gone, also if it went while no watcher ran', async () => {
    const [stays = '', goes = '', went = ''] = ids(3);
    for (const volume of [stays, goes, went]) bench.addVolume(volume, ['sata-a']);
    const policyId = bench.addPolicy('p');
    const watcher = await bench.startWatcher();
    await vi.waitFor(() => expect(facts.of('volume.observed').size).toBe(3), WAIT);
    await remove(goes);
    await vi.waitFor(() => expect(facts.of('volume.observed').has(goes)).toBe(false), WAIT);
    await watcher.kill('SIGTERM');
    await remove(went);
    bench.kubernetes.remove({ apiVersion: 'storage.billyronks.io/v1', kind: 'StoragePolicy', name: 'p' });
    await bench.startWatcher();
    await vi.waitFor(() => {
      expect([...facts.of('volume.observed').keys()]).toEqual([stays]);
      expect(facts.of('policy.observed').has(policyId)).toBe(false);
    }, WAIT);
  });

  test('leaves cordons of our own moves out of the facts, and shows those of others', async () => {
    const [volume = ''] = ids(1);
    bench.addVolume(volume, ['sata-a']);
    await bench.startWatcher();
    const cordoned = (pool: string): boolean | undefined =>
      [...facts.of('pool.observed').values()].find(({ data }) => data.name === pool)?.data.cordoned;
    await vi.waitFor(() => expect(cordoned('nvme-a')).toBe(false), WAIT);
    const revision = await bench.bus.intents.create(anIntent(volume, ['nvme-a']));
    await cordon('PUT', 'nvme-a');
    await cordon('PUT', 'sata-b');
    await bench.mayastor.handle({ method: 'PUT', path: '/v0/nodes/node-b/cordon/couchestor-x', body: undefined });
    await vi.waitFor(() => expect(cordoned('sata-b')).toBe(true), WAIT);
    expect(cordoned('nvme-a')).toBe(false);
    expect([...facts.of('node.observed').values()].flatMap(({ data }) => data.cordonLabels)).toEqual([]);
    await cordon('DELETE', 'nvme-a');
    await bench.bus.intents.delete(volume, revision);
    await sleep(1_000);
    expect(cordoned('nvme-a')).toBe(false);
    await cordon('PUT', 'nvme-a');
    await vi.waitFor(() => expect(cordoned('nvme-a')).toBe(true), WAIT);
  });

  test('counts moves in flight while their intents are active', async () => {
    const [volume = ''] = ids(1);
    bench.addVolume(volume, ['sata-a']);
    const policyId = bench.addPolicy('p');
    const watcher = await bench.startWatcher();
    await vi.waitFor(() => expect(statusOf('p').watchedVolumes).toBe(1), WAIT);
    const revision = await bench.bus.intents.create({ ...anIntent(volume, []), policyId });
    await vi.waitFor(() => expect(statusOf('p').activeMigrations).toBe(1), WAIT);
    expect(await metric(watcher, 'storage_operator_active_migrations')).toBe(1);
    await bench.bus.intents.delete(volume, revision);
    await vi.waitFor(() => expect(statusOf('p').activeMigrations).toBe(0), WAIT);
  });

  test('keeps the permit: it says pause, stops without Kubernetes, and is cleared at the end', async () => {
    const heartbeats: Heartbeat[] = [];
    let cleared = 0;
    void bench.bus.permit.watch({
      signal: reading.signal,
      onHeartbeat: (heartbeat) => heartbeats.push(heartbeat),
      onCleared: () => (cleared += 1),
    });
    bench.addPolicy('p');
    const watcher = await bench.startWatcher();
    await vi.waitFor(() => expect(heartbeats.length).toBeGreaterThan(1), WAIT);
    expect(heartbeats.at(-1)?.paused).toBe(false);
    bench.kubernetes.apply({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'couchestor-control', namespace: 'kube-system' },
      data: { paused: 'true', reason: 'upgrade' },
    });
    await vi.waitFor(() => expect(heartbeats.at(-1)).toMatchObject({ paused: true, reason: 'upgrade' }), WAIT);
    await vi.waitFor(() => expect(conditionOf('p', 'Paused')?.status).toBe('True'), WAIT);
    expect(facts.of('cluster.observed').get('cluster')?.data).toMatchObject({ paused: true, pauseReason: 'upgrade' });

    const heal = bench.kubernetes.faults.add({ match: { resource: 'configmaps' }, action: { kind: 'drop-request' } });
    await vi.waitFor(
      () => expect(watcher.lines.some(({ msg }) => msg.startsWith('permit not written'))).toBe(true),
      WAIT,
    );
    const { length } = heartbeats;
    await sleep(4_500);
    expect(heartbeats).toHaveLength(length);
    heal();
    await vi.waitFor(() => expect(heartbeats.length).toBeGreaterThan(length), WAIT);

    expect(await watcher.kill('SIGTERM')).toBe(0);
    await vi.waitFor(() => expect(cleared).toBe(1), WAIT);
  });

  test('goes on after NATS and Mayastor were away', async () => {
    const [volume = '', later = ''] = ids(2);
    bench.addVolume(volume, ['sata-a']);
    const policyId = bench.addPolicy('p');
    await bench.startWatcher();
    await vi.waitFor(() => expect(facts.of('volume.observed').size).toBe(1), WAIT);
    bench.mayastor.faults.crashCore();
    await bench.nats.restart();
    bench.addVolume(later, ['nvme-a']);
    bench.mayastor.faults.restartCore();
    await complete(policyId, volume, 1);
    await vi.waitFor(
      () => {
        expect(facts.of('volume.observed').has(later)).toBe(true);
        expect(statusOf('p').totalMigrations).toBe(1);
      },
      { timeout: 40_000, interval: 50 },
    );
  }, 90_000);
});

describe('a stream that is lost', () => {
  test('is filled with all facts again', async () => {
    const [volume = ''] = ids(1);
    bench.addVolume(volume, ['sata-a']);
    const policyId = bench.addPolicy('p');
    await bench.startWatcher();
    await vi.waitFor(() => expect(facts.of('volume.observed').size).toBe(1), WAIT);
    await bench.deleteStream('COUCHESTOR_STATE');
    await bench.bus.ensureStreams();
    const anew = await bench.bus.openFacts(KINDS, { signal: reading.signal });
    await vi.waitFor(
      () => {
        expect([...anew.of('volume.observed').keys()]).toEqual([volume]);
        expect([...anew.of('policy.observed').keys()]).toEqual([policyId]);
        expect(anew.of('pool.observed').size).toBe(4);
        expect(anew.of('node.observed').size).toBe(2);
        expect(anew.of('cluster.observed').size).toBe(1);
      },
      { timeout: 30_000, interval: 50 },
    );
  });

  test('of events is counted from its start, and no move twice', async () => {
    const [volume = ''] = ids(1);
    bench.addVolume(volume, ['sata-a']);
    const policyId = bench.addPolicy('p');
    await bench.startWatcher();
    for (let n = 1; n <= 3; n += 1) await complete(policyId, volume, n);
    await vi.waitFor(() => expect(statusOf('p').totalMigrations).toBe(3), WAIT);
    await bench.deleteStream('COUCHESTOR_EVENTS');
    await bench.bus.ensureStreams();
    await complete(policyId, volume, 3);
    await complete(policyId, volume, 4);
    await vi.waitFor(() => expect(statusOf('p').totalMigrations).toBe(4), { timeout: 30_000, interval: 50 });
    expect(statusOf('p').appliedEvents?.lastSequence).toBe(2);
  });
});

describe('two watchers', () => {
  test('have one leader, and the other takes over within 15 s of a crash', async () => {
    const policyId = bench.addPolicy('p');
    await evaluate(policyId, 'p');
    const settings = { LEADER_ELECTION: 'true' };
    const first = await bench.startWatcher(settings);
    await vi.waitFor(() => expect(statusOf('p').phase).toBe('Active'), WAIT);
    const second = await bench.startWatcher(settings);
    await vi.waitFor(async () => expect((await second.health('/readyz')).status).toBe(200), WAIT);
    expect(second.lines.some(({ msg }) => msg === 'elected')).toBe(false);
    await first.kill('SIGKILL');
    const killedMs = Date.now();
    await vi.waitFor(() => expect(second.lines.some(({ msg }) => msg === 'elected')).toBe(true), {
      timeout: 25_000,
      interval: 25,
    });
    expect(Date.now() - killedMs).toBeLessThan(20_000);
    bench.kubernetes.patch(
      { apiVersion: 'storage.billyronks.io/v1', kind: 'StoragePolicy', name: 'p' },
      { spec: { enabled: false }, metadata: { generation: 2 } },
    );
    await vi.waitFor(() => expect(statusOf('p').phase).toBe('Disabled'), WAIT);
  });
});

/** The value of one series, undefined if there is none. */
async function metric(watcher: WatcherProcess, series: string): Promise<number | undefined> {
  const line = (await watcher.metrics()).split('\n').find((each) => each.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length));
}

/** Facts published since the process began. */
async function published(watcher: WatcherProcess): Promise<number> {
  return [...(await watcher.metrics()).matchAll(/^couchestor_watcher_facts_published_total\{.*\} (\d+)$/gm)]
    .map(([, count]) => Number(count))
    .reduce((sum, count) => sum + count, 0);
}

async function remove(volumeId: string): Promise<void> {
  const { status } = await bench.mayastor.handle({
    method: 'DELETE',
    path: `/v0/volumes/${volumeId}`,
    body: undefined,
  });
  expect(status).toBe(204);
  bench.kubernetes.remove({ apiVersion: 'v1', kind: 'PersistentVolume', name: `pvc-${volumeId}` });
}

async function cordon(method: 'PUT' | 'DELETE', pool: string): Promise<void> {
  const body = { replicas: true, snapshots: false, restores: false, import: false };
  const { status } = await bench.mayastor.handle({ method, path: `/v0/pools/${pool}/cordon`, body });
  expect(status).toBe(200);
}

function anIntent(volumeId: string, ours: string[]): ActiveIntent {
  const startedAt = new Date().toISOString();
  return {
    state: 'active',
    migrationId: randomUUID(),
    proposalId: 'proposal',
    attempt: 0,
    volumeId,
    volumeName: `pvc-${volumeId}`,
    policyId: 'some-policy',
    policyName: 'p',
    fromTier: 'cold',
    toTier: 'hot',
    startedAt,
    seenIds: [],
    failuresInRow: 0,
    policyGeneration: 1,
    replicaCount: 1,
    sizeBytes: 1,
    syncTimeoutMs: 1,
    allowSnapshots: false,
    allowReducedRedundancy: false,
    maxPoolUsedPercent: 85,
    limits: { policy: 1, perPool: 1, perNode: 1 },
    targetPools: ['nvme-a'],
    replicasMoved: 0,
    roundsStarted: 1,
    round: {
      number: 1,
      startedAt,
      replicasBefore: [{ replicaId: 'r', pool: 'sata-a', node: 'node-a' }],
      sourceReplicaId: 'r',
      targetPool: 'nvme-a',
      targetNode: 'node-a',
      fence: { kind: 'pool', ours, foreign: [] },
      growths: 0,
      shrinks: 0,
    },
    outbox: [],
    ownerToken: 1,
    owner: 'm',
  };
}
