import { setTimeout as sleep } from 'node:timers/promises';
import type { Heartbeat } from '@couchestor/shared/messages';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { WatcherProcess } from './bench.ts';
import { anIntent, aPolicySpec } from './builders.ts';
import { openScene, someIds, type Scene } from './scene.ts';

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

describe('the watcher', () => {
  test('publishes what Kubernetes and Mayastor show, keeps status and tiers, and then rests', async () => {
    const [hot = '', cold = '', mixed = ''] = someIds(3);
    scene.bench.addVolume(hot, ['nvme-a', 'nvme-b']);
    scene.bench.addVolume(cold, ['sata-a']);
    scene.bench.addVolume(mixed, ['nvme-a', 'sata-b']);
    const policyId = scene.bench.addPolicy('p');
    const watcher = await scene.bench.startWatcher();

    await vi.waitFor(() => expect(scene.statusOf('p').watchedVolumes).toBe(3), WAIT);
    expect(scene.statusOf('p')).toMatchObject({ phase: 'Pending', hotVolumes: 1, coldVolumes: 1, mixedVolumes: 1 });
    await scene.evaluate(policyId, 'p');
    await vi.waitFor(() => expect(scene.statusOf('p').phase).toBe('Active'), WAIT);
    expect(scene.facts.of('policy.observed').get(policyId)?.data.name).toBe('p');
    expect(scene.facts.of('volume.observed').get(hot)?.data).toMatchObject({
      persistentVolume: { name: `pvc-${hot}`, phase: 'Bound' },
      targetNode: 'node-a',
      replicas: [{ state: 'Online' }, { state: 'Online' }],
    });
    expect([...scene.facts.of('pool.observed').values()].map(({ data }) => data.labels['tier']).sort()).toEqual([
      'nvme',
      'nvme',
      'sata',
      'sata',
    ]);
    expect(scene.facts.of('node.observed').size).toBe(2);
    expect(scene.facts.of('cluster.observed').get('cluster')?.data).toMatchObject({ paused: false });
    await vi.waitFor(() => {
      expect(scene.annotationsOf(hot)).toEqual({ 'storage.billyronks.io/current-tier': 'hot' });
      expect(scene.annotationsOf(mixed)).toEqual({ 'storage.billyronks.io/current-tier': 'mixed' });
    }, WAIT);
    await vi.waitFor(async () => expect((await watcher.health('/readyz')).status).toBe(200), WAIT);

    // Quiet from here: at least ten passes over Mayastor, and two heartbeats.
    await vi.waitFor(async () => {
      const writes = scene.writes();
      await sleep(1_000);
      expect(scene.writes()).toBe(writes);
    }, WAIT);
    const before = {
      writes: scene.writes(),
      published: await published(watcher),
      reads: scene.bench.kubernetes.requests.count({ verb: 'get' }),
    };
    await sleep(4_500);
    expect(scene.writes()).toBe(before.writes);
    expect(await published(watcher)).toBe(before.published);
    expect(scene.bench.kubernetes.requests.count({ verb: 'get' })).toBeGreaterThan(before.reads);
    expect(watcher.lines.filter(({ level }) => level === 'WARN' || level === 'ERROR')).toEqual([]);

    // The twin: what changes is published.
    scene.bench.kubernetes.patch(
      { apiVersion: 'v1', kind: 'PersistentVolume', name: `pvc-${hot}` },
      { metadata: { annotations: { 'storage.billyronks.io/hold': 'true' } } },
    );
    await vi.waitFor(
      () => expect(scene.facts.of('volume.observed').get(hot)?.data.persistentVolume?.hold).toBe('true'),
      WAIT,
    );
    expect((await watcher.health('/v1/policies')).body).toMatchObject({ complete: true, policies: [{ name: 'p' }] });
    expect((await watcher.health(`/v1/volumes/${hot}`)).body).toMatchObject({ tier: 'hot', policyId });
  });

  test('shows a policy that is stored with high <= low as Error, with a sentence', async () => {
    scene.bench.addPolicy('p', aPolicySpec({ highWatermarkIOPS: 100, lowWatermarkIOPS: 100 }), { validate: false });
    const watcher = await scene.bench.startWatcher();
    await vi.waitFor(() => expect(scene.statusOf('p').phase).toBe('Error'), WAIT);
    expect(scene.conditionOf('p', 'Ready')).toMatchObject({ status: 'False', reason: 'InvalidSpec' });
    expect(scene.conditionOf('p', 'Ready')?.message).toContain('must be greater than lowWatermarkIOPS: raise');
    await vi.waitFor(() => expect(scene.events().map(({ reason }) => reason)).toEqual(['InvalidSpec']), WAIT);
    expect(await watcher.metric('kube_storagepolicy_status_phase{name="p",phase="Error"}')).toBe(1);
  });

  test('takes away the fact of what is gone, also if it went while no watcher ran', async () => {
    const [stays = '', goes = '', went = ''] = someIds(3);
    for (const volume of [stays, goes, went]) scene.bench.addVolume(volume, ['sata-a']);
    const policyId = scene.bench.addPolicy('p');
    const watcher = await scene.bench.startWatcher();
    await vi.waitFor(() => expect(scene.facts.of('volume.observed').size).toBe(3), WAIT);
    await remove(goes);
    await vi.waitFor(() => expect(scene.facts.of('volume.observed').has(goes)).toBe(false), WAIT);
    await watcher.kill('SIGTERM');
    await remove(went);
    scene.bench.kubernetes.remove({ apiVersion: 'storage.billyronks.io/v1', kind: 'StoragePolicy', name: 'p' });
    await scene.bench.startWatcher();
    await vi.waitFor(() => {
      expect([...scene.facts.of('volume.observed').keys()]).toEqual([stays]);
      expect(scene.facts.of('policy.observed').has(policyId)).toBe(false);
    }, WAIT);
  });

  test('leaves cordons of our own moves out of the facts, and shows those of others', async () => {
    const [volume = ''] = someIds(1);
    scene.bench.addVolume(volume, ['sata-a']);
    await scene.bench.startWatcher();
    const cordoned = (pool: string): boolean | undefined =>
      [...scene.facts.of('pool.observed').values()].find(({ data }) => data.name === pool)?.data.cordoned;
    await vi.waitFor(() => expect(cordoned('nvme-a')).toBe(false), WAIT);
    const revision = await scene.bench.bus.intents.create(anIntent(volume, ['nvme-a']));
    await cordon('PUT', 'nvme-a');
    await cordon('PUT', 'sata-b');
    await scene.bench.mayastor.handle({ method: 'PUT', path: '/v0/nodes/node-b/cordon/couchestor-x', body: undefined });
    await vi.waitFor(() => expect(cordoned('sata-b')).toBe(true), WAIT);
    expect(cordoned('nvme-a')).toBe(false);
    expect([...scene.facts.of('node.observed').values()].flatMap(({ data }) => data.cordonLabels)).toEqual([]);
    await cordon('DELETE', 'nvme-a');
    await scene.bench.bus.intents.delete(volume, revision);
    await sleep(1_000);
    expect(cordoned('nvme-a')).toBe(false);
    await cordon('PUT', 'nvme-a');
    await vi.waitFor(() => expect(cordoned('nvme-a')).toBe(true), WAIT);
  });

  test('keeps the permit: it says pause, stops without Kubernetes, and is cleared at the end', async () => {
    const heartbeats: Heartbeat[] = [];
    let cleared = 0;
    void scene.bench.bus.permit.watch({
      signal: scene.signal,
      onHeartbeat: (heartbeat) => heartbeats.push(heartbeat),
      onCleared: () => (cleared += 1),
    });
    scene.bench.addPolicy('p');
    const watcher = await scene.bench.startWatcher();
    await vi.waitFor(() => expect(heartbeats.length).toBeGreaterThan(1), WAIT);
    expect(heartbeats.at(-1)?.paused).toBe(false);
    scene.bench.kubernetes.apply({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'couchestor-control', namespace: 'kube-system' },
      data: { paused: 'true', reason: 'upgrade' },
    });
    await vi.waitFor(() => expect(heartbeats.at(-1)).toMatchObject({ paused: true, reason: 'upgrade' }), WAIT);
    await vi.waitFor(() => expect(scene.conditionOf('p', 'Paused')?.status).toBe('True'), WAIT);
    await vi.waitFor(
      () =>
        expect(scene.facts.of('cluster.observed').get('cluster')?.data).toMatchObject({
          paused: true,
          pauseReason: 'upgrade',
        }),
      WAIT,
    );

    const heal = scene.bench.kubernetes.faults.add({
      match: { resource: 'configmaps' },
      action: { kind: 'drop-request' },
    });
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
    const [volume = '', later = ''] = someIds(2);
    scene.bench.addVolume(volume, ['sata-a']);
    const policyId = scene.bench.addPolicy('p');
    await scene.bench.startWatcher();
    await vi.waitFor(() => expect(scene.facts.of('volume.observed').size).toBe(1), WAIT);
    scene.bench.mayastor.faults.crashCore();
    await scene.bench.nats.restart();
    scene.bench.addVolume(later, ['nvme-a']);
    scene.bench.mayastor.faults.restartCore();
    await scene.complete(policyId, volume, 1);
    await vi.waitFor(
      () => {
        expect(scene.facts.of('volume.observed').has(later)).toBe(true);
        expect(scene.statusOf('p').totalMigrations).toBe(1);
      },
      { timeout: 40_000, interval: 50 },
    );
  });
});

describe('two watchers', () => {
  test('have one leader, and the other takes over within 15 s of a crash', async () => {
    const policyId = scene.bench.addPolicy('p');
    await scene.evaluate(policyId, 'p');
    const settings = { LEADER_ELECTION: 'true' };
    const first = await scene.bench.startWatcher(settings);
    await vi.waitFor(() => expect(scene.statusOf('p').phase).toBe('Active'), WAIT);
    const second = await scene.bench.startWatcher(settings);
    await vi.waitFor(async () => expect((await second.health('/readyz')).status).toBe(200), WAIT);
    expect(second.lines.some(({ msg }) => msg === 'elected')).toBe(false);
    await first.kill('SIGKILL');
    const killedMs = Date.now();
    await vi.waitFor(() => expect(second.lines.some(({ msg }) => msg === 'elected')).toBe(true), {
      timeout: 60_000,
      interval: 25,
    });
    // The rest of the 15 s is for looking and writing, for which a machine with much else to do is given more.
    expect(leaseDurationOf(scene)).toBe(10);
    expect(Date.now() - killedMs).toBeLessThan(2 * 15_000);
    scene.bench.kubernetes.patch(
      { apiVersion: 'storage.billyronks.io/v1', kind: 'StoragePolicy', name: 'p' },
      { spec: { enabled: false }, metadata: { generation: 2 } },
    );
    await vi.waitFor(() => expect(scene.statusOf('p').phase).toBe('Disabled'), WAIT);
  });
});

/** In seconds, as the leader wrote it. */
function leaseDurationOf({ bench }: Scene): unknown {
  const name = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', name: 'couchestor-watcher' };
  const lease = bench.kubernetes.get({ ...name, namespace: 'kube-system' }) as
    | { readonly spec?: { readonly leaseDurationSeconds?: unknown } }
    | undefined;
  return lease?.spec?.leaseDurationSeconds;
}

/** Facts published since the process began. */
async function published(watcher: WatcherProcess): Promise<number> {
  return [...(await watcher.metrics()).matchAll(/^couchestor_watcher_facts_published_total\{.*\} (\d+)$/gm)]
    .map(([, count]) => Number(count))
    .reduce((sum, count) => sum + count, 0);
}

async function remove(volumeId: string): Promise<void> {
  const { status } = await scene.bench.mayastor.handle({
    method: 'DELETE',
    path: `/v0/volumes/${volumeId}`,
    body: undefined,
  });
  expect(status).toBe(204);
  scene.bench.kubernetes.remove({ apiVersion: 'v1', kind: 'PersistentVolume', name: `pvc-${volumeId}` });
}

async function cordon(method: 'PUT' | 'DELETE', pool: string): Promise<void> {
  const body = { replicas: true, snapshots: false, restores: false, import: false };
  const { status } = await scene.bench.mayastor.handle({ method, path: `/v0/pools/${pool}/cordon`, body });
  expect(status).toBe(200);
}
