import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, inject, test, vi } from 'vitest';
import { chronicle, expectAgreement, type Chronicle } from './audit.ts';
import { openPodBed, type PodBed } from './pod-bed.ts';
import { crash, evict, kill, leadingScorer, leadingWatcher, podsOf, takeoverMs, type Pod } from './pod-control.ts';
import { createStage, demands, type Stage } from './stage.ts';

const own = inject('podCluster');
const overlay = fileURLToPath(new URL('durable', import.meta.url));
/** Promised are 15 s, and printed is what it took; a machine with much else to do is given twice as long. */
const TAKEOVER_MAX_MS = 2 * 15_000;
/** A change of what is wanted has so long to show in moves. */
const TURN_REST_MS = 20_000;
const servers = ['couchestor-nats', 'couchestor-redis'];

describe.skipIf(own === undefined)('two of each service, NATS and Redis on persistent volumes, moves going on', () => {
  let bed: PodBed;
  let stage: Stage;
  let past: Chronicle;
  let demand: keyof typeof demands = 'hot';
  let turnedAtMs = -Infinity;

  /** Moves are in flight. Whenever all is where it was wanted, the opposite is wanted. */
  const untilBusy = async (): Promise<void> => {
    const busy = async () => {
      const { length } = await stage.moves();
      if (length < 2 && performance.now() - turnedAtMs > TURN_REST_MS) {
        turnedAtMs = performance.now();
        demand = demand === 'hot' ? 'cold' : 'hot';
        await stage.patch(demands[demand]);
      }
      expect(length).toBeGreaterThanOrEqual(2);
    };
    await vi.waitFor(busy, { timeout: 120_000, interval: 300 });
  };
  /** A move that ended after this moment: all parts of it work again. */
  const expectProgress = async (): Promise<void> => {
    const before = past.entries.size;
    await expect.poll(() => past.entries.size, { timeout: 90_000 }).toBeGreaterThan(before);
  };
  const untilAllRun = async (): Promise<void> => {
    for (const name of ['couchestor', 'couchestor-scorer', 'couchestor-migrator'])
      await rolledOut(`deployment/${name}`);
    for (const name of servers) await rolledOut(`statefulset/${name}`);
  };
  const rolledOut = (workload: string): Promise<string> =>
    bed.shell(`kubectl rollout status -n kube-system ${workload} --timeout=90s`, { timeoutMs: 100_000 });
  const other = async (component: string, than: Pod): Promise<Pod> => {
    const pod = (await podsOf(bed, `app.kubernetes.io/component=${component}`)).find(
      ({ metadata }) => metadata.uid !== than.metadata.uid,
    );
    if (pod === undefined) throw new Error(`there is one ${component} only`);
    return pod;
  };

  beforeAll(async () => {
    bed = openPodBed(own ?? {});
    await provideVolumes(bed);
    await bed.clusterTool('up', overlay);
    stage = createStage(bed, 'restless', Date.now());
    past = chronicle(stage);
  });
  afterAll(async () => {
    await bed.clusterTool('down', overlay);
    for (const name of servers) {
      await bed.shell(`kubectl delete pvc -n kube-system data-${name}-0 --ignore-not-found --timeout=60s`);
      await bed.shell(`kubectl delete pv ${name} --ignore-not-found --timeout=60s`);
    }
  });

  test('one watcher and one scorer lead, and the pods keep apart where they can', async () => {
    await expect.poll(() => leadingScorer(bed).then(() => 'one', String), { timeout: 60_000 }).toBe('one');
    await expect.poll(() => leadingWatcher(bed).then(() => 'one', String), { timeout: 30_000 }).toBe('one');
    expect(await podsOf(bed, 'app=couchestor')).toHaveLength(6);
  });

  test('a watcher that is killed while it leads is followed by the other within 15 s, the other one is not missed', async () => {
    await untilBusy();
    const leader = await leadingWatcher(bed);
    await kill(bed, leader);
    const tookMs = await takeoverMs(leader, () => leadingWatcher(bed));
    console.log(`the other watcher led after ${tookMs} ms`);
    expect(tookMs).toBeLessThan(TAKEOVER_MAX_MS);
    await untilAllRun();
    await kill(bed, await other('watcher', await leadingWatcher(bed)));
    await expectProgress();
  });

  test('a scorer that is killed while it decides is followed by the other within 15 s, the other one is not missed', async () => {
    await untilBusy();
    const leader = await leadingScorer(bed);
    await kill(bed, leader);
    const tookMs = await takeoverMs(leader, () => leadingScorer(bed));
    console.log(`the other scorer decided after ${tookMs} ms`);
    expect(tookMs).toBeLessThan(TAKEOVER_MAX_MS);
    await untilBusy();
    await untilAllRun();
    await kill(bed, await other('scorer', await leadingScorer(bed)));
    await expectProgress();
  });

  test('migrators that are killed in the middle of moves are followed by others', async () => {
    for (const pod of await podsOf(bed, 'app.kubernetes.io/component=migrator')) {
      await untilBusy();
      await kill(bed, pod);
      await expectProgress();
      await untilAllRun();
    }
  });

  test.each(servers)('%s that is killed comes back with its data', async (name) => {
    await untilBusy();
    const [pod] = await podsOf(bed, `app=${name}`);
    if (pod === undefined) throw new Error(`${name} has no pod`);
    await kill(bed, pod);
    await untilAllRun();
    await expectProgress();
  });

  test('Prometheus that is killed is waited for', async () => {
    const [pod] = await podsOf(bed, 'app=couchestor-prometheus');
    if (pod === undefined) throw new Error('Prometheus has no pod');
    await crash(bed, pod);
    await rolledOut('deployment/couchestor-prometheus');
    await untilBusy();
    await expectProgress();
  });

  test('leaders can be evicted, but not all of a service at once', async () => {
    await untilBusy();
    for (const leader of [leadingWatcher, leadingScorer]) {
      const pod = await leader(bed);
      await evict(bed, pod);
      console.log(`after an eviction another led within ${await takeoverMs(pod, () => leader(bed))} ms`);
    }
    const migrators = await podsOf(bed, 'app.kubernetes.io/component=migrator');
    const evictions = await Promise.allSettled(migrators.map((pod) => evict(bed, pod)));
    const refused = evictions.flatMap((each) => (each.status === 'rejected' ? [String(each.reason)] : []));
    expect(refused).toEqual([expect.stringContaining("would violate the pod's disruption budget")]);
    await expectProgress();
    await untilAllRun();
  });

  test('a rolling update of everything goes unnoticed', async () => {
    await untilBusy();
    await bed.shell('kubectl rollout restart deployment -n kube-system -l app=couchestor');
    await untilAllRun();
    await expectProgress();
  });

  test('afterwards histories, counters, annotations, Events and Mayastor agree', async () => {
    await stage.patch({ enabled: false });
    await stage.untilAtRest(120_000);
    await past[Symbol.asyncDispose]();
    const entries = [...past.entries.values()];
    console.log(`${entries.length} moves, ${entries.filter(({ success }) => !success).length} of them failed`);
    expect(entries.length).toBeGreaterThan(10);
    await expectAgreement(stage, entries);
  });
});

/** Persistent volumes for NATS and Redis on the node of a cluster that has nobody to make them. */
async function provideVolumes(bed: PodBed): Promise<void> {
  if ((await bed.shell('kubectl get storageclass -o name')) !== '') return;
  const node = await bed.shell("kubectl get nodes -o jsonpath='{.items[0].metadata.labels.kubernetes\\.io/hostname}'");
  const folder = join(bed.env['HOME'] ?? '', 'volumes');
  const volumes = servers.map((name) => ({
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name },
    spec: {
      accessModes: ['ReadWriteOnce'],
      capacity: { storage: '10Gi' },
      persistentVolumeReclaimPolicy: 'Retain',
      claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace: 'kube-system', name: `data-${name}-0` },
      local: { path: join(folder, name) },
      nodeAffinity: {
        required: {
          nodeSelectorTerms: [
            { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [node] }] },
          ],
        },
      },
    },
  }));
  for (const name of servers) await mkdir(join(folder, name), { recursive: true });
  const list = join(folder, 'list.json');
  await writeFile(list, JSON.stringify({ apiVersion: 'v1', kind: 'List', items: volumes }));
  await bed.shell(`kubectl apply -f ${list}`);
}
