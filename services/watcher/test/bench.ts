import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { connectBus, type Bus } from '@couchestor/shared/bus';
import { createSystemClock } from '@couchestor/shared/clock';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { startNats, type Server } from '@couchestor/servers';
import {
  createKubernetesModel,
  readDiskPoolCrd,
  serveKubernetes,
  type JsonObject,
  type KubernetesModel,
} from '@couchestor/simulator/kubernetes';
import { createMayastorModel, serveMayastor, type MayastorModel } from '@couchestor/simulator/mayastor';
import { parse } from 'yaml';
import { aPolicySpec } from './builders.ts';

interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** A watcher in a process of its own, as it is deployed. */
export interface WatcherProcess {
  readonly child: ChildProcess;
  readonly lines: LogLine[];
  metrics(): Promise<string>;
  /** The value of one series, undefined if there is none. */
  metric(series: string): Promise<number | undefined>;
  health(path: string): Promise<{ status: number; body: unknown }>;
  kill(signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null>;
}

/** Real NATS, the simulated Kubernetes and Mayastor over HTTP, and as many watchers as a test starts. */
export interface Bench extends AsyncDisposable {
  readonly kubernetes: KubernetesModel;
  readonly mayastor: MayastorModel;
  readonly nats: Server;
  readonly bus: Bus;
  addVolume(volumeId: string, pools: readonly string[], labels?: Record<string, string>): void;
  addPolicy(name: string, spec?: object, options?: { readonly validate?: boolean }): string;
  policy(name: string): JsonObject;
  startWatcher(settings?: Record<string, string>): Promise<WatcherProcess>;
  deleteStream(name: string): Promise<void>;
  /** What every watcher has logged, for whoever looks into a failed test. */
  printLogs(): void;
}

const POLICY = { apiVersion: 'storage.billyronks.io/v1', kind: 'StoragePolicy' };
const crdFiles = ['base/crd/storagepolicies.yaml', 'components/volume-view/crd/mayastorvolumes.yaml'].map(
  (name) => new URL(`../../../deploy/kustomize/${name}`, import.meta.url),
);
const GIB = 1024 ** 3;

export async function startBench(): Promise<Bench> {
  await using stack = new AsyncDisposableStack();
  const clock = createSystemClock();
  // Tests stop this server, so it cannot be one that others use.
  const { COUCHESTOR_NATS_URL: _given, ...env } = process.env;
  const nats = stack.use(await startNats({ env }));
  const crds = crdFiles.map((file) => parse(readFileSync(file, 'utf8')) as JsonObject);
  const kubernetes = createKubernetesModel({ clock, random: Math.random, crds: [readDiskPoolCrd(), ...crds] });
  const mayastor = createMayastorModel({ clock, random: Math.random, timers: { cachePeriodMs: 200 } });
  for (const name of ['a', 'b']) {
    mayastor.addNode({ id: `node-${name}` });
    for (const tier of ['nvme', 'sata']) {
      mayastor.addPool({ id: `${tier}-${name}`, node: `node-${name}`, capacityBytes: 10_000 * GIB });
      kubernetes.apply({
        apiVersion: 'openebs.io/v1beta3',
        kind: 'DiskPool',
        metadata: { name: `${tier}-${name}`, namespace: 'mayastor', labels: { tier } },
        spec: { node: `node-${name}`, disks: ['/dev/sdx'] },
      });
    }
  }
  const api = await serveKubernetes(kubernetes);
  stack.defer(() => api.close());
  const rest = await serveMayastor(mayastor);
  stack.defer(() => rest.close());
  const folder = mkdtempSync(join(tmpdir(), 'couchestor-watcher-'));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const kubeconfig = join(folder, 'kubeconfig');
  writeFileSync(kubeconfig, api.kubeconfig());
  const quiet = (): void => undefined;
  const bus = stack.use(
    await connectBus({
      servers: nats.url,
      service: 'migrator',
      instance: 'test',
      clock,
      logger: { debug: quiet, info: quiet, warn: quiet, error: quiet },
    }),
  );
  await bus.ensureStreams();
  const watchers = new Set<WatcherProcess>();
  stack.defer(async () => {
    for (const watcher of watchers) await watcher.kill('SIGKILL');
  });

  const lifetime = stack.move();
  return {
    kubernetes,
    mayastor,
    nats,
    bus,
    addVolume: (volumeId, pools, labels = {}) => {
      mayastor.createVolume({ uuid: volumeId, sizeBytes: GIB, placement: pools, publishedOn: 'node-a' });
      kubernetes.apply({
        apiVersion: 'v1',
        kind: 'PersistentVolume',
        metadata: { name: `pvc-${volumeId}`, labels },
        spec: {
          capacity: { storage: '1Gi' },
          accessModes: ['ReadWriteOnce'],
          storageClassName: 'mayastor',
          csi: { driver: 'io.openebs.csi-mayastor', volumeHandle: volumeId },
        },
        status: { phase: 'Bound' },
      });
    },
    addPolicy: (name, spec = aPolicySpec(), options) => {
      const { metadata } = kubernetes.apply({ ...POLICY, metadata: { name }, spec: spec as JsonObject }, options);
      return String(metadata.uid);
    },
    policy: (name) => kubernetes.get({ ...POLICY, name }) as unknown as JsonObject,
    startWatcher: async (settings = {}) => {
      const watcher = await startProcess({
        ...env,
        KUBECONFIG: kubeconfig,
        MAYASTOR_URL: rest.url,
        MAYASTOR_CACHE_PERIOD_MS: '200',
        MAYASTOR_CALLS_PER_SECOND: '100',
        KUBERNETES_WRITES_PER_SECOND: '200',
        STATUS_DEBOUNCE_MS: '20',
        LEADER_ELECTION: 'false',
        NATS_URL: nats.url,
        HOST: '127.0.0.1',
        METRICS_PORT: '0',
        HEALTH_PORT: '0',
        ...settings,
      });
      watchers.add(watcher);
      return watcher;
    },
    deleteStream: async (name) => {
      const connection = await connect({ servers: nats.url });
      await (await jetstreamManager(connection)).streams.delete(name);
      await connection.close();
    },
    printLogs: () => {
      for (const { child, lines } of watchers) {
        for (const line of lines) process.stderr.write(`watcher ${child.pid}: ${JSON.stringify(line)}\n`);
      }
    },
    [Symbol.asyncDispose]: () => lifetime.disposeAsync(),
  };
}

async function startProcess(env: NodeJS.ProcessEnv): Promise<WatcherProcess> {
  const main = new URL('../src/main.ts', import.meta.url).pathname;
  const child = spawn(process.execPath, [main], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: LogLine[] = [];
  const ports = Promise.withResolvers<{ metricsPort: number; healthPort: number }>();
  const exited = once(child, 'exit');
  void exited.then(() => ports.reject(new Error('the watcher ended before it had started')));
  createInterface({ input: child.stdout }).on('line', (text) => {
    const line = JSON.parse(text) as LogLine;
    lines.push(line);
    if (line.msg === 'starting') ports.resolve(line as unknown as { metricsPort: number; healthPort: number });
  });
  const { metricsPort, healthPort } = await ports.promise;
  const metrics = async (): Promise<string> => (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
  return {
    child,
    lines,
    metrics,
    metric: async (series) => {
      const line = (await metrics()).split('\n').find((each) => each.startsWith(`${series} `));
      return line === undefined ? undefined : Number(line.slice(series.length));
    },
    health: async (path) => {
      const answer = await fetch(`http://127.0.0.1:${healthPort}${path}`);
      return { status: answer.status, body: await answer.json() };
    },
    kill: async (signal) => {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
      await exited;
      return child.exitCode;
    },
  };
}
