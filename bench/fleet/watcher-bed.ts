import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { spawnProcess, startNats } from '@couchestor/servers';
import { pause, type Clock } from '@couchestor/shared/clock';
import { readDiskPoolCrd, type JsonObject } from '@couchestor/simulator/kubernetes';
import { parse } from 'yaml';
import { createApiClient, type ApiClient } from '../../libs/simulator/src/kubernetes/conformance/api-client.ts';
import { startRealApiServer } from '../../libs/simulator/src/kubernetes/conformance/real-apiserver.ts';
import { entrypointOf } from './image.ts';
import { diskPools, storePersistentVolumes } from './kubernetes-objects.ts';
import { aPolicy } from './volumes.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));
const GIVEN_UP_MS = 900_000;

/** Requests that the API server had from watchers, by what they were. */
interface ApiRequests {
  readonly reads: number;
  readonly watches: number;
  /** Renewals of the Lease of the leader. */
  readonly renewals: number;
  readonly otherWrites: number;
}

export interface WatcherBed extends AsyncDisposable {
  /** Starts the bundle as the image does. */
  startWatcher(): Promise<RunningWatcher>;
  requests(): Promise<ApiRequests>;
  /** Resolves once the status of the policy counts so many volumes. */
  untilCounted(volumes: number): Promise<void>;
}

export interface RunningWatcher {
  /** Resolves once it has read Kubernetes and Mayastor whole. */
  ready(): Promise<void>;
  /** Resolves once it has published so many facts of volumes. */
  published(volumes: number): Promise<void>;
  /** Facts of all kinds that it has published since its start. */
  facts(): Promise<number>;
  /** The longest stop of its event loop since this was last asked. */
  eventLoopLagMs(): Promise<number>;
  memory(): Promise<{ readonly nowBytes: number; readonly peakBytes: number }>;
  stop(): Promise<void>;
}

export interface WatcherBedOptions {
  readonly assets: string;
  readonly volumes: number;
  readonly clock: Clock;
}

/** A real API server that holds the PersistentVolumes of a fleet, a Mayastor in another process, and NATS. */
export async function startWatcherBed({ assets, volumes, clock }: WatcherBedOptions): Promise<WatcherBed> {
  await run(process.execPath, ['tools/bundle.ts'], { cwd: root });
  await using opening = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'couchestor-bench-'));
  opening.defer(() => rm(folder, { recursive: true }));
  const auditLog = join(folder, 'audit.log');
  const server = opening.adopt(await startRealApiServer(assets, await definitions(), { auditLog }), (api) =>
    api.close(),
  );
  const api = createApiClient(server);
  await storePersistentVolumes(server.etcdUrl, volumes);
  await fillCluster(api);

  const { COUCHESTOR_NATS_URL: _given, ...env } = process.env;
  const nats = opening.use(await startNats({ env }));
  const address = Promise.withResolvers<string>();
  const mayastor = opening.use(
    await spawnProcess({
      name: 'Mayastor',
      command: process.execPath,
      args: ['bench/fleet/mayastor-process.ts', String(volumes)],
      cwd: root,
      onLine: (line) => address.resolve((JSON.parse(line) as { readonly url: string }).url),
    }),
  );
  void mayastor.exited.then(() => address.reject(new Error('the Mayastor of the benchmark did not start')));
  const mayastorUrl = await address.promise;
  const kubeconfig = join(folder, 'kubeconfig');
  await writeFile(kubeconfig, JSON.stringify(kubeconfigOf(server)), { mode: 0o600 });
  const entrypoint = await entrypointOf('watcher');

  const until = async (check: () => Promise<boolean>): Promise<void> => {
    const lateMs = clock.monotonicMs() + GIVEN_UP_MS;
    while (!(await check())) {
      if (clock.monotonicMs() > lateMs) throw new Error('the watcher did not do what was waited for');
      await pause(clock, 250, new AbortController().signal);
    }
  };
  const lifetime = opening.move();
  return {
    startWatcher: async () => {
      const ports = Promise.withResolvers<{ readonly metricsPort: number; readonly healthPort: number }>();
      const watcher = lifetime.use(
        await spawnProcess({
          name: 'watcher',
          ...entrypoint,
          env: {
            ...env,
            NODE_ENV: 'production',
            KUBECONFIG: kubeconfig,
            MAYASTOR_URL: mayastorUrl,
            NATS_URL: nats.url,
            HOST: '127.0.0.1',
            METRICS_PORT: '0',
            HEALTH_PORT: '0',
          },
          onLine: (line) => {
            const said = JSON.parse(line) as { readonly msg?: string; readonly level?: string };
            if (said.msg === 'starting') ports.resolve(said as never);
            if (said.level === 'ERROR' || said.level === 'WARN') console.error(line);
          },
        }),
      );
      void watcher.exited.then(() => ports.reject(new Error('the watcher ended before it had started')));
      const { metricsPort, healthPort } = await ports.promise;
      let longestLagMs = 0;
      /** Each reading begins the measurement of the event loop anew. */
      const metrics = async (): Promise<string> => {
        const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
        const lag = /^nodejs_eventloop_lag_max_seconds (\S+)$/m.exec(text)?.[1];
        longestLagMs = Math.max(longestLagMs, Number(lag) * 1_000);
        return text;
      };
      const factsOf = async (kind: string): Promise<number> =>
        [...(await metrics()).matchAll(/^couchestor_watcher_facts_published_total\{.*fact="(.*)".*\} (\d+)$/gm)]
          .filter(([, fact]) => kind === '' || fact === kind)
          .reduce((sum, [, , count]) => sum + Number(count), 0);
      return {
        ready: () =>
          until(
            async () => (await fetch(`http://127.0.0.1:${healthPort}/readyz`)).status === 200 && (await leads(metrics)),
          ),
        published: (count) => until(async () => (await factsOf('volume.observed')) >= count),
        facts: () => factsOf(''),
        eventLoopLagMs: async () => {
          await metrics();
          const lagMs = longestLagMs;
          longestLagMs = 0;
          return lagMs;
        },
        memory: async () => {
          const status = await readFile(`/proc/${watcher.pid}/status`, 'utf8');
          const bytes = (field: string): number =>
            Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) * 1_024;
          return { nowBytes: bytes('VmRSS'), peakBytes: bytes('VmHWM') };
        },
        stop: async () => {
          await watcher.stop();
        },
      };
    },
    requests: async () => countRequests(await readFile(auditLog, 'utf8')),
    untilCounted: (count) =>
      until(async () => {
        const { body } = await api.send('GET', '/apis/storage.billyronks.io/v1/storagepolicies/tiering');
        return (body['status'] as { readonly watchedVolumes?: number } | undefined)?.watchedVolumes === count;
      }),
    [Symbol.asyncDispose]: () => lifetime.disposeAsync(),
  };
}

async function leads(metrics: () => Promise<string>): Promise<boolean> {
  return /^couchestor_watcher_leader(\{.*\})? 1$/m.test(await metrics());
}

async function definitions(): Promise<readonly JsonObject[]> {
  const path = join(root, 'deploy/kustomize/base/crd/storagepolicies.yaml');
  return [readDiskPoolCrd(), parse(await readFile(path, 'utf8')) as JsonObject];
}

async function fillCluster(api: ApiClient): Promise<void> {
  const create = async (path: string, body: JsonObject): Promise<void> => {
    const { status, text } = await api.send('POST', path, { body });
    if (status !== 201) throw new Error(`the API server answers ${status}: ${text}`);
  };
  await create('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'mayastor' } });
  for (const pool of diskPools()) await create('/apis/openebs.io/v1beta3/namespaces/mayastor/diskpools', pool);
  await create('/apis/storage.billyronks.io/v1/storagepolicies', {
    apiVersion: 'storage.billyronks.io/v1',
    kind: 'StoragePolicy',
    metadata: { name: 'tiering' },
    spec: aPolicy(1).spec as JsonObject,
  });
}

function kubeconfigOf({ url, caPem, token }: { url: string; caPem: string; token: string }): object {
  const cluster = { server: url, 'certificate-authority-data': Buffer.from(caPem).toString('base64') };
  return {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'bench', cluster }],
    users: [{ name: 'bench', user: { token } }],
    contexts: [{ name: 'bench', context: { cluster: 'bench', user: 'bench' } }],
    'current-context': 'bench',
  };
}

/** A watch counts when it begins, everything else when it has ended. */
function countRequests(auditLog: string): ApiRequests {
  const counts = { reads: 0, watches: 0, renewals: 0, otherWrites: 0 };
  for (const line of auditLog.split('\n')) {
    if (!line.includes('"userAgent":"couchestor"')) continue;
    const event = JSON.parse(line) as {
      readonly stage: string;
      readonly verb: string;
      readonly objectRef?: { readonly resource?: string };
    };
    if (event.verb === 'watch') counts.watches += event.stage === 'ResponseStarted' ? 1 : 0;
    else if (event.stage !== 'ResponseComplete') continue;
    else if (event.verb === 'get' || event.verb === 'list') counts.reads += 1;
    else if (event.objectRef?.resource === 'leases') counts.renewals += 1;
    else counts.otherWrites += 1;
  }
  return counts;
}
