import { setTimeout as sleep } from 'node:timers/promises';
import { subjectToken } from '@couchestor/shared/messages';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { openScene, someIds, type Scene } from './scene.ts';

/** Processes are started here, which takes long on a machine that has much else to do. */
vi.setConfig({ testTimeout: 180_000 });
const WAIT = { timeout: 40_000, interval: 25 };
const VIEWS = { VOLUME_VIEW_NAMESPACE: 'mayastor' };

interface StoredView {
  readonly metadata: { readonly name: string };
  readonly status: { readonly tier?: string; readonly score?: number; readonly healthyReplicas: number };
}

let scene: Scene;
beforeEach(async ({ onTestFailed }) => {
  scene = await openScene();
  onTestFailed(() => scene.bench.printLogs());
});
afterEach(async () => {
  await scene[Symbol.asyncDispose]();
});

const views = (): readonly StoredView[] =>
  scene.bench.kubernetes.list('openebs.io/v1alpha1', 'MayastorVolume') as unknown as readonly StoredView[];
const viewOf = (volumeId: string): StoredView | undefined => views().find(({ metadata }) => metadata.name === volumeId);

test('each volume is shown once, however often the watcher is killed, and goes when its volume went', async () => {
  const ids = someIds(40);
  for (const volume of ids) scene.bench.addVolume(volume, ['sata-a']);
  const policyId = scene.bench.addPolicy('p');
  for (const seen of [1, 12, 25]) {
    const watcher = await scene.bench.startWatcher({ ...VIEWS, KUBERNETES_WRITES_PER_SECOND: '20' });
    await vi.waitFor(() => expect(views().length).toBeGreaterThanOrEqual(seen), WAIT);
    await watcher.kill('SIGKILL');
  }
  // Which are shown by now is the watcher's choice.
  const went = views()[0]?.metadata.name ?? '';
  const others = ids.filter((id) => id !== went);
  await scene.bench.mayastor.handle({ method: 'DELETE', path: `/v0/volumes/${went}`, body: undefined });
  scene.bench.kubernetes.remove({ apiVersion: 'v1', kind: 'PersistentVolume', name: `pvc-${went}` });

  const watcher = await scene.bench.startWatcher(VIEWS);
  await vi.waitFor(() => {
    expect(views().map(({ metadata }) => metadata.name)).toEqual(others.toSorted());
    expect(new Set(views().map(({ status }) => status.tier))).toEqual(new Set(['cold']));
  }, WAIT);
  const [first = ''] = others;
  await scene.bench.bus.publish(
    'decision.made',
    subjectToken(first),
    {
      volumeId: first,
      volumeName: `pvc-${first}`,
      policyId,
      tierNow: 'cold',
      tierWanted: 'hot',
      action: 'move',
      reason: 'AboveHighWatermark',
      message: 'hot',
      score: { kind: 'value', iops: 8241.5, coverage: 1 },
    },
    { messageId: first },
  );
  await vi.waitFor(() => expect(viewOf(first)?.status).toMatchObject({ score: 8242, healthyReplicas: 1 }), WAIT);

  const count = (): number => scene.writes();
  await vi.waitFor(async () => {
    const before = count();
    await sleep(1_000);
    expect(count()).toBe(before);
  }, WAIT);
  const before = count();
  await sleep(3_000);
  expect(count()).toBe(before);
  expect(watcher.lines.filter(({ level }) => level === 'WARN' || level === 'ERROR')).toEqual([]);
});

test('there is none where nobody asked for them', async () => {
  const [volume = ''] = someIds(1);
  scene.bench.addVolume(volume, ['sata-a']);
  scene.bench.addPolicy('p');
  await scene.bench.startWatcher();
  await vi.waitFor(() => expect(scene.statusOf('p').watchedVolumes).toBe(1), WAIT);
  await vi.waitFor(() => expect(scene.annotationsOf(volume)).not.toEqual({}), WAIT);
  expect(scene.bench.kubernetes.requests.count({ resource: 'mayastorvolumes' })).toBe(0);
});
