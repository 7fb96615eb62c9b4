import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { anIntent } from './builders.ts';
import { factNames, moveId, openScene, someIds, type Scene } from './scene.ts';

/** Processes are started here, which takes long on a machine that has much else to do. */
vi.setConfig({ testTimeout: 180_000 });
const WAIT = { timeout: 40_000, interval: 25 };

let scene: Scene;
beforeEach(async ({ onTestFailed }) => {
  scene = await openScene();
  onTestFailed(() => scene.bench.printLogs());
});
afterEach(async () => {
  await scene[Symbol.asyncDispose]();
});

describe('moves', () => {
  test('counts each move once however often it is killed', async () => {
    const volumes = someIds(4);
    for (const volume of volumes) scene.bench.addVolume(volume, ['sata-a']);
    const policyId = scene.bench.addPolicy('p');
    await scene.evaluate(policyId, 'p');
    let watcher = await scene.bench.startWatcher();
    await vi.waitFor(() => expect(scene.statusOf('p').phase).toBe('Active'), WAIT);

    const ROUNDS = 6;
    const PER_ROUND = 12;
    for (let round = 0; round < ROUNDS; round += 1) {
      for (let n = 0; n < PER_ROUND; n += 1) {
        const move = round * PER_ROUND + n;
        const volume = volumes[move % volumes.length] ?? '';
        await (n % 4 === 3 ? scene.fail(policyId, volume, move) : scene.complete(policyId, volume, move));
        // Stored once more, as after a crash of who told it: the same move under another sequence.
        if (n % 6 === 0) {
          await scene.complete(policyId, volume, move, '/again');
        }
      }
      await sleep(round * 15);
      await watcher.kill('SIGKILL');
      watcher = await scene.bench.startWatcher();
    }
    const moves = ROUNDS * PER_ROUND;
    await vi.waitFor(() => {
      const { totalMigrations = 0, failedMigrations = 0 } = scene.statusOf('p');
      expect(totalMigrations + failedMigrations).toBe(moves);
    }, WAIT);
    expect(scene.statusOf('p').failedMigrations).toBe(moves / 4);
    const history = scene.statusOf('p').migrationHistory ?? [];
    expect(new Set(history.map(({ migrationId }) => migrationId)).size).toBe(50);
    expect(history[0]?.migrationId).toBe(moveId(volumes[(moves - 1) % 4] ?? '', moves - 1));
    expect(history[0]).toMatchObject({ success: false, error: 'Sync timeout: not synced after 30m', duration: '1m' });
    const told = scene.events().filter(({ reason }) => reason.startsWith('Migration'));
    expect(told.filter(({ involvedObject }) => involvedObject.kind === 'StoragePolicy')).toHaveLength(moves);
    expect(told.filter(({ involvedObject }) => involvedObject.kind === 'PersistentVolume')).toHaveLength(moves);
    expect(new Set(told.map(({ metadata }) => metadata.namespace))).toEqual(new Set(['default']));
    // Every fourth move failed, which are those of the last volume; an end that is no completion leaves no mark.
    const marks = volumes.map((volume) => scene.annotationsOf(volume)['storage.billyronks.io/last-migration']);
    expect(marks.map((mark) => mark !== undefined)).toEqual([true, true, true, false]);
    const { totalMigrations = 0 } = scene.statusOf('p');
    expect(totalMigrations).toBe((moves * 3) / 4);
  });

  test('writes each thing once though answers of the API server get lost', async () => {
    const [volume = ''] = someIds(1);
    scene.bench.addVolume(volume, ['sata-a']);
    const policyId = scene.bench.addPolicy('p');
    await scene.evaluate(policyId, 'p');
    await scene.bench.startWatcher();
    await vi.waitFor(() => expect(scene.statusOf('p').phase).toBe('Active'), WAIT);
    for (const resource of ['storagepolicies', 'persistentvolumes', 'events']) {
      const match = { resource, verb: resource === 'events' ? ('create' as const) : ('patch' as const) };
      scene.bench.kubernetes.faults.add({ match, action: { kind: 'drop-answer' }, times: 2 });
      scene.bench.kubernetes.faults.add({ match, action: { kind: 'refuse', code: 503 }, times: 2 });
    }
    for (let n = 1; n <= 3; n += 1) await scene.complete(policyId, volume, n);
    await vi.waitFor(() => expect(scene.statusOf('p').totalMigrations).toBe(3), { timeout: 40_000, interval: 25 });
    expect(scene.statusOf('p').migrationHistory).toHaveLength(3);
    expect(scene.events().filter(({ reason }) => reason === 'MigrationCompleted')).toHaveLength(6);
    expect(scene.annotationsOf(volume)['storage.billyronks.io/last-migration']).toBeDefined();
  });

  test('logs and counts a failed move with its cause', async () => {
    const [volume = ''] = someIds(1);
    scene.bench.addVolume(volume, ['sata-a']);
    const policyId = scene.bench.addPolicy('p');
    const watcher = await scene.bench.startWatcher();
    expect(await watcher.metric('storage_operator_migrations_total{status="failed"}')).toBe(0);
    await scene.fail(policyId, volume, 1);
    await vi.waitFor(
      () =>
        expect(watcher.lines.find(({ msg }) => msg === 'Migration failed')).toMatchObject({
          level: 'WARN',
          volume: `pvc-${volume}`,
          cause: 'Sync timeout: not synced after 30m',
        }),
      WAIT,
    );
    expect(await watcher.metric('storage_operator_migrations_total{status="failed"}')).toBe(1);
  });

  test('counts moves in flight while their intents are active', async () => {
    const [volume = ''] = someIds(1);
    scene.bench.addVolume(volume, ['sata-a']);
    const policyId = scene.bench.addPolicy('p');
    const watcher = await scene.bench.startWatcher();
    await vi.waitFor(() => expect(scene.statusOf('p').watchedVolumes).toBe(1), WAIT);
    const revision = await scene.bench.bus.intents.create({ ...anIntent(volume, []), policyId });
    await vi.waitFor(() => expect(scene.statusOf('p').activeMigrations).toBe(1), WAIT);
    expect(await watcher.metric('storage_operator_active_migrations')).toBe(1);
    await scene.bench.bus.intents.delete(volume, revision);
    await vi.waitFor(() => expect(scene.statusOf('p').activeMigrations).toBe(0), WAIT);
  });
});

describe('a stream that is lost', () => {
  test('is filled with all facts again', async () => {
    const [volume = ''] = someIds(1);
    scene.bench.addVolume(volume, ['sata-a']);
    const policyId = scene.bench.addPolicy('p');
    await scene.bench.startWatcher();
    await vi.waitFor(() => expect(scene.facts.of('volume.observed').size).toBe(1), WAIT);
    await scene.bench.deleteStream('COUCHESTOR_STATE');
    await scene.bench.bus.ensureStreams();
    const anew = await scene.bench.bus.openFacts(factNames, { signal: scene.signal });
    await vi.waitFor(
      () => {
        expect([...anew.of('volume.observed').keys()]).toEqual([volume]);
        expect([...anew.of('policy.observed').keys()]).toEqual([policyId]);
        expect(anew.of('pool.observed').size).toBe(4);
        expect(anew.of('node.observed').size).toBe(2);
        expect(anew.of('cluster.observed').size).toBe(1);
      },
      { timeout: 40_000, interval: 50 },
    );
  });

  test('of events is counted from its start, and no move twice', async () => {
    const [volume = ''] = someIds(1);
    scene.bench.addVolume(volume, ['sata-a']);
    const policyId = scene.bench.addPolicy('p');
    await scene.bench.startWatcher();
    for (let n = 1; n <= 3; n += 1) await scene.complete(policyId, volume, n);
    await vi.waitFor(() => expect(scene.statusOf('p').totalMigrations).toBe(3), WAIT);
    await scene.bench.deleteStream('COUCHESTOR_EVENTS');
    await scene.bench.bus.ensureStreams();
    await scene.complete(policyId, volume, 3);
    await scene.complete(policyId, volume, 4);
    await vi.waitFor(() => expect(scene.statusOf('p').totalMigrations).toBe(4), { timeout: 40_000, interval: 50 });
    expect(scene.statusOf('p').appliedEvents?.lastSequence).toBe(2);
  });
});
