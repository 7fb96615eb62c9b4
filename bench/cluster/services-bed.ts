import { join } from 'node:path';
import {
  freePort,
  type SpawnedProcess,
  spawnProcess,
  startNats,
  startPrometheus,
  startRedis,
} from '@couchestor/servers';
import { connectBus, type Bus } from '@couchestor/shared/bus';
import { createSystemClock } from '@couchestor/shared/clock';
import { createKubernetesClient, loadKubernetesAccess, type KubernetesClient } from '@couchestor/shared/kubernetes';
import { kustomizeFolder, openKubeBed } from '../../e2e/kubernetes/kube-bed.ts';

const root = join(import.meta.dirname, '../..');
const clock = createSystemClock();
const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

/** All services as processes, with real NATS, Redis and Prometheus and the simulated Mayastor. */
export interface ServicesBed extends AsyncDisposable {
  readonly kubernetes: KubernetesClient;
  /** Whether the Kubernetes is a real kube-apiserver, or the simulated one. */
  readonly isRealKubernetes: boolean;
  readonly bus: Bus;
  /** The simulated Mayastor's ledger. */
  truth(): Promise<{ readonly redundancyViolations: number; readonly volumes: readonly object[] }>;
}

/** The Kubernetes is that of COUCHESTOR_KUBE_ASSETS, else the simulated one. */
export async function startServicesBed(env: NodeJS.ProcessEnv): Promise<ServicesBed> {
  await using opening = new AsyncDisposableStack();
  const start = async (script: string, options: Partial<Parameters<typeof spawnProcess>[0]>): Promise<SpawnedProcess> =>
    opening.use(
      await spawnProcess({
        name: script,
        command: process.execPath,
        cwd: root,
        ...options,
        args: [script, ...(options.args ?? [])],
      }),
    );
  const ports = {
    rest: await freePort(),
    metrics: await freePort(),
    kubernetes: await freePort(),
    truth: await freePort(),
  };
  const simulated = Promise.withResolvers<string>();
  await start('libs/simulator/src/main.ts', {
    args: [
      '--volumes=40',
      '--seed=1',
      '--high-iops=5000',
      '--low-iops=500',
      '--cache-period=500',
      '--rebuild-mib=2000',
      ...Object.entries(ports).map(([name, port]) => `--${name}-port=${port}`),
    ],
    onLine: (line) => {
      const [, path] = /^export KUBECONFIG=(.*)$/.exec(line) ?? [];
      if (path !== undefined) simulated.resolve(path);
    },
  });
  const isRealKubernetes = (env['COUCHESTOR_KUBE_ASSETS'] ?? '') !== '';
  const KUBECONFIG = isRealKubernetes ? await realKubernetes(opening) : await simulated.promise;
  const nats = opening.use(await startNats());
  const redis = opening.use(await startRedis());
  const scrapeTargets = [{ job: 'mayastor', targets: [`127.0.0.1:${ports.metrics}`] }];
  const prometheus = opening.use(await startPrometheus({ scrapeTargets }));
  const settings = {
    NATS_URL: nats.url,
    REDIS_URL: redis.url,
    PROMETHEUS_URL: prometheus.url,
    MAYASTOR_URL: `http://127.0.0.1:${ports.rest}`,
    MAYASTOR_CACHE_PERIOD_MS: '500',
    MAYASTOR_CALLS_PER_SECOND: '500',
    MAYASTOR_TIMEOUT_MS: '1000',
    CALL_MARGIN_MS: '500',
    LEASE_TTL_MS: '4000',
    STARTUP_GRACE_MS: '0',
    // A patch is not to wait for the next cycle, so that it is long beside what is measured.
    SCORING_CYCLE_MS: '10000',
    HOST: '127.0.0.1',
    HEALTH_PORT: '0',
    METRICS_PORT: '0',
    KUBECONFIG,
  };
  for (const service of ['watcher', 'scorer', 'migrator']) {
    await start(`services/${service}/src/main.ts`, { env: { ...env, ...settings } });
  }
  const access = opening.use(await loadKubernetesAccess({ ...env, KUBECONFIG }));
  const bus = opening.use(
    await connectBus({ servers: nats.url, service: 'bench', instance: 'bench', clock, logger: quiet }),
  );
  await bus.ensureStreams(new AbortController().signal);
  const opened = opening.move();
  return {
    kubernetes: createKubernetesClient(access),
    isRealKubernetes,
    bus,
    truth: async () => {
      const answer = await fetch(`http://127.0.0.1:${ports.truth}/ledger`);
      return (await answer.json()) as Awaited<ReturnType<ServicesBed['truth']>>;
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

/** A real API server with the objects of the simulated Mayastor; the path of its administrator's kubeconfig. */
async function realKubernetes(stack: AsyncDisposableStack): Promise<string> {
  const bed = stack.use(await openKubeBed());
  const component = join(kustomizeFolder, 'components/simulator');
  const definitions = ['-f', join(kustomizeFolder, 'base/crd'), '-f', join(component, 'crd')];
  await bed.kubectl('apply', '--server-side', ...definitions);
  await bed.kubectl('wait', '--for=condition=Established', '--timeout=30s', ...definitions);
  for (const namespace of ['mayastor', 'couchestor-evaluation']) await bed.kubectl('create', 'namespace', namespace);
  const objects = ['disk-pools.yaml', 'volumes.yaml'].flatMap((name) => ['-f', join(component, name)]);
  await bed.kubectl('apply', '--server-side', ...objects);
  // The work of the volume controller, which is not there.
  const names = (await bed.kubectl('get', 'persistentvolumes', '-o', 'name')).stdout.trim().split('\n');
  for (const name of names) {
    const patch = JSON.stringify({ status: { phase: 'Bound' } });
    await bed.kubectl('patch', name, '--subresource=status', '--type=merge', `--patch=${patch}`);
  }
  return bed.kubeconfig;
}
