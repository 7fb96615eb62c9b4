import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  startNats,
  startNetworkLink,
  startPrometheus,
  startRedis,
  type NetworkLink,
  type Server,
} from '@couchestor/servers';
import type { Clock } from '@couchestor/shared/clock';
import { seededRandom } from '@couchestor/shared/random';
import {
  createSimulatedCluster,
  readStoragePolicyCrd,
  type Scenario,
  type SimulatedCluster,
} from '@couchestor/simulator/cluster';
import { serveKubernetes } from '@couchestor/simulator/kubernetes';
import { serveMayastor, serveMetrics, type MayastorModel, type MayastorRequest } from '@couchestor/simulator/mayastor';
import type { DemoPlan } from './plan.ts';
import { serviceNames, startService, type RunningService, type ServiceName } from './services.ts';

export type { ServiceName } from './services.ts';

const CRD = new URL('../../../deploy/kustomize/base/crd/storagepolicies.yaml', import.meta.url);

export interface StageOptions {
  readonly clock: Clock;
  readonly seed: number;
  readonly scenario: Scenario;
  readonly plan: DemoPlan;
  /** For the kubeconfig and the logs. */
  readonly folder: string;
  /** 1 by default. */
  readonly migrators?: number;
  /** Lets the network fail between each two that talk to each other; `links` has them then. */
  readonly linked?: boolean;
  /** Told of each request to Mayastor as it arrives, with the kind of service that sent it. */
  readonly onCall?: (service: ServiceName, request: MayastorRequest) => void;
  /** Told when a request to Mayastor is answered, with what it did being done. */
  readonly onAnswer?: (request: MayastorRequest) => void;
  /** What differs from how the demo sets a service. */
  readonly settings?: Readonly<Partial<Record<ServiceName, Readonly<Record<string, string>>>>>;
  /** Where NATS makes the folder for its streams. */
  readonly natsFolder?: string;
}

/** A whole system on loopback: simulated cluster, real servers, the services as processes of their own. */
export interface Stage extends AsyncDisposable {
  readonly cluster: SimulatedCluster;
  readonly worldBeganMs: number;
  readonly nats: Server;
  readonly redis: Server;
  readonly prometheus: Server;
  readonly mayastorUrl: string;
  readonly kubeconfig: string;
  readonly services: readonly RunningService[];
  /** By who talks to whom, such as `scorer – Prometheus`. */
  readonly links: ReadonlyMap<string, NetworkLink>;
}

export async function setStage(options: StageOptions): Promise<Stage> {
  const { clock, seed, scenario, plan, folder } = options;
  await using stack = new AsyncDisposableStack();
  const links = new Map<string, NetworkLink>();
  /** The URL under which `from` reaches `to`. */
  const reach = async (from: string, to: string, url: string): Promise<string> => {
    if (options.linked !== true) return url;
    const link = stack.use(await startNetworkLink(url));
    links.set(`${from} – ${to}`, link);
    return link.url;
  };

  const cluster = createSimulatedCluster({
    clock,
    random: seededRandom(seed + 1),
    scenario,
    crds: [readStoragePolicyCrd(CRD)],
    rebuildBytesPerSecond: plan.rebuildBytesPerSecond,
    timers: {
      cachePeriodMs: plan.cachePeriodMs,
      reconcilePeriodMs: plan.reconcilePeriodMs,
      reconcileIdleMs: 2 * plan.reconcilePeriodMs,
    },
  });
  stack.defer(() => cluster.mayastor.stop());
  const worldBeganMs = clock.monotonicMs();
  /** A door of its own for each kind of service tells who calls. */
  const openMayastor = async (service: ServiceName): Promise<string> => {
    const door = await serveMayastor(overheard(cluster.mayastor, service, options));
    stack.defer(() => door.close());
    return door.url;
  };
  const doors = { watcher: await openMayastor('watcher'), migrator: await openMayastor('migrator') };
  const exporter = await serveMetrics(cluster.mayastor);
  stack.defer(() => exporter.close());
  const kubernetes = await serveKubernetes(cluster.kubernetes, { token: `demo-${seed}` });
  stack.defer(() => kubernetes.close());
  const kubeconfig = join(folder, 'kubeconfig');
  writeFileSync(kubeconfig, kubernetes.kubeconfig(), { mode: 0o600 });

  const exporterHost = new URL(await reach('Prometheus', 'exporter', exporter.url)).host;
  const [nats, redis, prometheus] = await Promise.all([
    startNats(options.natsFolder === undefined ? {} : { parentFolder: options.natsFolder }),
    startRedis(),
    startPrometheus({
      scrapeIntervalMs: plan.scrapeIntervalMs,
      scrapeTargets: [{ job: 'mayastor', targets: [exporterHost] }],
    }),
  ]);
  for (const server of [nats, redis, prometheus]) stack.use(server);

  const reachedBy = async (name: ServiceName, label: string): Promise<Record<string, string>> => {
    const natsUrl = await reach(label, 'NATS', nats.url);
    switch (name) {
      case 'watcher': {
        const path = join(folder, `kubeconfig-${label}`);
        const url = await reach(label, 'Kubernetes', kubernetes.url);
        writeFileSync(path, kubernetes.kubeconfig().replaceAll(kubernetes.url, url), { mode: 0o600 });
        const mayastorUrl = await reach(label, 'Mayastor', doors.watcher);
        return { NATS_URL: natsUrl, KUBECONFIG: path, MAYASTOR_URL: mayastorUrl };
      }
      case 'scorer': {
        const prometheusUrl = await reach(label, 'Prometheus', prometheus.url);
        const redisUrl = await reach(label, 'Redis', redis.url);
        return { NATS_URL: natsUrl, PROMETHEUS_URL: prometheusUrl, REDIS_URL: redisUrl };
      }
      case 'migrator': {
        const mayastorUrl = await reach(label, 'Mayastor', doors.migrator);
        const redisUrl = await reach(label, 'Redis', redis.url);
        return { NATS_URL: natsUrl, MAYASTOR_URL: mayastorUrl, REDIS_URL: redisUrl };
      }
    }
  };
  const services: RunningService[] = [];
  for (const name of serviceNames) {
    const count = name === 'migrator' ? (options.migrators ?? 1) : 1;
    for (let number = 1; number <= count; number += 1) {
      const label = number === 1 ? name : `${name}-${number}`;
      const settings = { ...(await reachedBy(name, label)), ...options.settings?.[name] };
      const service = await startService({ name, label, settings, plan, folder, environment: process.env });
      stack.use(service.process);
      services.push(service);
    }
  }
  const rest = stack.move();
  return {
    cluster,
    worldBeganMs,
    nats,
    redis,
    prometheus,
    mayastorUrl: doors.migrator,
    kubeconfig,
    services,
    links,
    [Symbol.asyncDispose]: () => rest.disposeAsync(),
  };
}

function overheard(
  model: MayastorModel,
  service: ServiceName,
  { onCall, onAnswer }: Pick<StageOptions, 'onCall' | 'onAnswer'>,
): MayastorModel {
  return {
    ...model,
    handle: async (request) => {
      onCall?.(service, request);
      const answer = await model.handle(request);
      onAnswer?.(request);
      return answer;
    },
  };
}
