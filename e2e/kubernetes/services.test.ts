import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  freePort,
  type SpawnedProcess,
  spawnProcess,
  startNats,
  startPrometheus,
  startRedis,
} from '@couchestor/servers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type KubeBed, kustomizeFolder, openKubeBed, prepareCluster, whyNoApiServer } from './kube-bed.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const component = join(kustomizeFolder, 'components/simulator');
const leftOut = await whyNoApiServer();

interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly err?: { readonly code?: string; readonly message: string };
}

interface Policy {
  readonly status?: {
    readonly phase: string;
    readonly watchedVolumes: number;
    readonly totalMigrations: number;
    readonly conditions: readonly { readonly type: string; readonly status: string }[];
    readonly migrationHistory?: readonly { readonly volumeName: string; readonly success: boolean }[];
  };
}

interface List<T> {
  readonly items: readonly T[];
}

describe.skipIf(leftOut !== undefined)('the services with the rights of the base', () => {
  const stack = new AsyncDisposableStack();
  const watcherLog: LogLine[] = [];
  let bed: KubeBed;
  let metricsUrl = '';

  const json = async <T>(...args: readonly string[]): Promise<T> =>
    JSON.parse((await bed.kubectl('get', ...args, '--output=json')).stdout) as T;
  const start = async (script: string, options: Partial<Parameters<typeof spawnProcess>[0]>): Promise<SpawnedProcess> =>
    stack.use(
      await spawnProcess({
        name: script,
        command: process.execPath,
        cwd: root,
        ...options,
        args: [script, ...(options.args ?? [])],
      }),
    );

  beforeAll(async () => {
    bed = stack.use(await openKubeBed());
    await prepareCluster(bed);
    await bed.kubectl('apply', '--server-side', '--kustomize', join(kustomizeFolder, 'base'));
    await bed.kubectl('apply', '--server-side', '-f', join(kustomizeFolder, 'components/volume-view/rbac.yaml'));
    await bed.kubectl(
      'apply',
      '--server-side',
      '-f',
      component + '/disk-pools.yaml',
      '-f',
      component + '/volumes.yaml',
    );
    // The work of the volume controller, which is not there.
    const volumes = await json<List<{ readonly metadata: { readonly name: string } }>>('persistentvolumes');
    for (const { metadata } of volumes.items) {
      await bed.api.send('PATCH', `/api/v1/persistentvolumes/${metadata.name}/status`, {
        body: { status: { phase: 'Bound' } },
        contentType: 'application/merge-patch+json',
      });
    }

    const [restPort, exporterPort] = [await freePort(), await freePort()];
    const ports = {
      rest: restPort,
      metrics: exporterPort,
      kubernetes: await freePort(),
      truth: await freePort(),
    };
    const world = ['--volumes=40', '--seed=1', '--high-iops=5000', '--low-iops=500', '--cache-period=500'];
    await start('libs/simulator/src/main.ts', {
      args: [...world, '--rebuild-mib=4000', ...Object.entries(ports).map(([name, port]) => `--${name}-port=${port}`)],
    });
    const nats = stack.use(await startNats());
    const redis = stack.use(await startRedis());
    const scrapeTargets = [{ job: 'mayastor', targets: [`127.0.0.1:${exporterPort}`] }];
    const prometheus = stack.use(await startPrometheus({ scrapeTargets }));

    const settings = {
      NATS_URL: nats.url,
      REDIS_URL: redis.url,
      PROMETHEUS_URL: prometheus.url,
      MAYASTOR_URL: `http://127.0.0.1:${restPort}`,
      MAYASTOR_CACHE_PERIOD_MS: '500',
      MAYASTOR_CALLS_PER_SECOND: '500',
      MAYASTOR_TIMEOUT_MS: '1000',
      CALL_MARGIN_MS: '500',
      LEASE_TTL_MS: '4000',
      SCORING_CYCLE_MS: '1000',
      STARTUP_GRACE_MS: '0',
      HOST: '127.0.0.1',
      HEALTH_PORT: '0',
      METRICS_PORT: '0',
    };
    for (const service of ['scorer', 'migrator']) {
      await start(`services/${service}/src/main.ts`, { env: { ...process.env, ...settings } });
    }
    const { stdout: token } = await bed.kubectl('create', 'token', 'couchestor', '-n', 'kube-system');
    const port = await freePort();
    metricsUrl = `http://127.0.0.1:${port}/metrics`;
    const KUBECONFIG = await bed.kubeconfigFor(token.trim());
    await start('services/watcher/src/main.ts', {
      env: {
        ...process.env,
        ...settings,
        KUBECONFIG,
        METRICS_PORT: String(port),
        POD_NAME: 'couchestor-0',
        VOLUME_VIEW_NAMESPACE: 'mayastor',
      },
      onLine: (line) => watcherLog.push(JSON.parse(line) as LogLine),
    });
  });
  afterAll(() => stack.disposeAsync());

  test('volumes move, and everything that the watcher writes arrives', async () => {
    await bed.kubectl('apply', '--server-side', '-f', join(kustomizeFolder, 'overlays/evaluation/policy.yaml'));
    const patch = JSON.stringify({ spec: { samplingWindow: '10s' } });
    await bed.kubectl('patch', 'storagepolicy', 'evaluation-tiering', '--type=merge', '--patch', patch);
    const status = async () => (await json<Policy>('storagepolicy', 'evaluation-tiering')).status;
    const movedVolume = async () =>
      (await status())?.migrationHistory?.find(({ success }) => success)?.volumeName ?? '';
    await expect.poll(movedVolume, { timeout: 90_000, interval: 500 }).not.toBe('');

    const { totalMigrations, ...shown } = (await status()) ?? {};
    expect(totalMigrations).toBeGreaterThan(0);
    expect(shown).toMatchObject({ phase: 'Active', watchedVolumes: 40 });
    const moved = await movedVolume();
    const annotations = async () =>
      (await json<{ metadata: { annotations?: Record<string, string> } }>('persistentvolume', moved)).metadata
        .annotations;
    await expect.poll(annotations, { timeout: 40_000 }).toMatchObject({
      'storage.billyronks.io/last-migration': expect.stringMatching(/^\d{4}-.*Z$/),
      'storage.billyronks.io/current-tier': expect.stringMatching(/^(hot|cold)$/),
    });
    const reasons = async () => {
      const field = `--field-selector=involvedObject.name=${moved}`;
      const events = await json<List<{ readonly reason: string }>>('events', '--namespace=default', field);
      return events.items.map(({ reason }) => reason);
    };
    await expect
      .poll(reasons, { timeout: 40_000 })
      .toEqual(expect.arrayContaining(['MigrationStarted', 'MigrationCompleted']));

    const lease = await json<{ spec: { holderIdentity: string } }>(
      'lease',
      'couchestor-watcher',
      '--namespace=kube-system',
    );
    expect(lease.spec.holderIdentity).toMatch(/^couchestor-0_/);
  });

  test('kubectl shows each volume with its tier and its score', async () => {
    const rows = async (): Promise<readonly string[]> =>
      (await bed.kubectl('get', 'mayastorvolumes', '--namespace=mayastor')).stdout.trim().split('\n');
    await expect
      .poll(async () => (await rows()).slice(1).filter((row) => / (hot|cold|mixed) +\d+ +Online /.test(row)).length, {
        timeout: 60_000,
        interval: 500,
      })
      .toBeGreaterThan(20);
    const [head = '', ...volumes] = await rows();
    expect(head.split(/ {2,}/)).toEqual([
      'NAME',
      'SIZE',
      'TIER',
      'SCORE',
      'STATE',
      'REPLICAS',
      'HEALTHY',
      'REBUILD',
      'AGE',
    ]);
    expect(volumes).toHaveLength(40);
    const taught = await bed.kubectl('explain', 'mayastorvolume.status.score');
    expect(taught.stdout).toContain('It is not kept current');
  });

  test('a pause by ConfigMap is shown by every policy', async () => {
    await bed.kubectl(
      'create',
      'configmap',
      'couchestor-control',
      '-n',
      'kube-system',
      '--from-literal=paused=true',
      '--from-literal=reason=a test',
    );
    const paused = async () => {
      const { status } = await json<Policy>('storagepolicy', 'evaluation-tiering');
      return status?.conditions.find(({ type }) => type === 'Paused')?.status;
    };
    await expect.poll(paused, { timeout: 40_000 }).toBe('True');
    await bed.kubectl('delete', 'configmap', 'couchestor-control', '-n', 'kube-system');
    await expect.poll(paused, { timeout: 40_000 }).toBe('False');
  });

  test('nothing that it asked for was forbidden', async () => {
    expect(watcherLog.filter(({ err }) => /forbidden/i.test(err?.message ?? ''))).toEqual([]);
    const metrics = await (await fetch(metricsUrl)).text();
    const writes = [...metrics.matchAll(/^couchestor_watcher_kubernetes_writes_total\{(.*)\} (\d+)$/gm)];
    const written = writes.filter(([line]) => line.includes('outcome="written"')).map(([, labels = '']) => labels);
    for (const kind of ['status', 'annotation', 'event', 'view']) {
      expect(written.some((labels) => labels.includes(`kind="${kind}"`))).toBe(true);
    }
    expect(writes.filter(([line]) => line.includes('outcome="refused"'))).toEqual([]);
  });
});
