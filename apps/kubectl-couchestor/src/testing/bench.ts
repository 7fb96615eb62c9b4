import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createKubernetesAccess } from '@couchestor/shared/kubernetes';
import { createVirtualClock } from '@couchestor/shared/clock';
import { seededRandom } from '@couchestor/shared/random';
import {
  createSimulatedCluster,
  readStoragePolicyCrd,
  type Scenario,
  type SimulatedCluster,
} from '@couchestor/simulator/cluster';
import { serveKubernetes, type Json } from '@couchestor/simulator/kubernetes';
import { run } from '../run.ts';

const nowMs = Date.parse('2026-03-01T12:00:00Z');
export const hotVolume = '5f0c1d3e-0000-4000-8000-000000000001';
export const coldVolume = 'c01d1d3e-0000-4000-8000-000000000002';
export const migrationId = 'a3bb189e-8bf9-5888-9912-ace4e6543002';

const GIB = 1024 ** 3;
const scenario: Scenario = {
  nodes: ['worker-a', 'worker-b'],
  pools: ['worker-a', 'worker-b'].flatMap((node) =>
    ['nvme', 'sata'].map((tier) => ({
      id: `${tier}-${node}`,
      node,
      capacityBytes: 100 * GIB,
      labels: { tier },
    })),
  ),
  volumes: [hotVolume, coldVolume].map((id) => ({
    id,
    role: id === hotVolume ? 'hotOnHot' : 'coldOnCold',
    sizeBytes: GIB,
    thin: true,
    allocatedBytes: 0,
    placement: [id === hotVolume ? 'nvme-worker-a' : 'sata-worker-a'],
    snapshots: 0,
    annotations: {},
  })),
};

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** The simulated API server, and what is not simulated answered by routes in front of it. */
export interface Bench extends AsyncDisposable {
  readonly cluster: SimulatedCluster;
  readonly url: string;
  /** By path, or by method and path, without the query; a function sees the query and the body. */
  readonly routes: Map<string, Route>;
  /** Methods and paths of all requests so far. */
  readonly requests: string[];
  run(...args: string[]): Promise<Ran>;
  volume(volumeId: string): { readonly metadata: { readonly annotations?: Readonly<Record<string, string>> } };
}

type RouteAnswer = { readonly status?: number; readonly body: unknown };
type Route = RouteAnswer | ((query: URLSearchParams, body: string) => RouteAnswer);

const crdFile = new URL('../../../../deploy/kustomize/base/crd/storagepolicies.yaml', import.meta.url);

export async function startBench(): Promise<Bench> {
  const cluster = createSimulatedCluster({
    clock: createVirtualClock(nowMs),
    random: seededRandom(1),
    scenario,
    crds: [readStoragePolicyCrd(crdFile)],
  });
  const { kubernetes } = cluster;
  for (const name of ['kube-system', 'default']) {
    kubernetes.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  }
  const server = await serveKubernetes(kubernetes);
  const routes = new Map<string, Route>();
  const requests: string[] = [];
  const front = createServer((incoming, outgoing) => void answer(incoming, outgoing));
  const answer = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const { method = 'GET' } = incoming;
    const url = new URL(incoming.url ?? '/', server.url);
    requests.push(`${method} ${url.pathname}`);
    const chunks: Buffer[] = [];
    for await (const chunk of incoming as AsyncIterable<Buffer>) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    const route = routes.get(`${method} ${url.pathname}`) ?? routes.get(url.pathname);
    if (route !== undefined) {
      const given = typeof route === 'function' ? route(url.searchParams, body.toString()) : route;
      outgoing.writeHead(given.status ?? 200, { 'content-type': 'application/json' }).end(JSON.stringify(given.body));
      return;
    }
    // What a real API server says of a Service that is not there; the simulated one knows no Services at all.
    if (url.pathname.includes('/proxy/')) {
      const status = { kind: 'Status', code: 404, reason: 'NotFound', message: 'services "couchestor" not found' };
      outgoing.writeHead(404, { 'content-type': 'application/json' }).end(JSON.stringify(status));
      return;
    }
    const passed = await fetch(url, {
      method,
      headers: { 'content-type': incoming.headers['content-type'] ?? 'application/json' },
      ...(body.length === 0 ? {} : { body }),
    });
    outgoing.writeHead(passed.status, { 'content-type': 'application/json' }).end(await passed.text());
  };
  front.listen(0, '127.0.0.1');
  await once(front, 'listening');
  const url = `http://127.0.0.1:${(front.address() as AddressInfo).port}`;

  return {
    cluster,
    url,
    routes,
    requests,
    run: async (...args) => {
      let out = '';
      let err = '';
      const code = await run(args, {
        print: (text) => {
          out += text;
        },
        printError: (text) => {
          err += text;
        },
        nowMs: () => nowMs,
        connect: () => Promise.resolve({ access: createKubernetesAccess({ baseUrl: url }), namespace: 'default' }),
      });
      return { code, out, err };
    },
    volume: (volumeId) =>
      kubernetes.get({ apiVersion: 'v1', kind: 'PersistentVolume', name: `pvc-${volumeId}` }) ?? { metadata: {} },
    [Symbol.asyncDispose]: async () => {
      const closed = once(front, 'close');
      front.close();
      front.closeAllConnections();
      await closed;
      await server.close();
    },
  };
}

/** A policy, also one that the rules refuse: it may be older than they are. */
export function addPolicy({ cluster }: Bench, name = 'db', spec: Record<string, Json> = {}, status?: Json): void {
  const policy = {
    apiVersion: 'storage.billyronks.io/v1',
    kind: 'StoragePolicy',
    metadata: { name },
    spec: {
      nvmePoolSelector: { matchLabels: { tier: 'nvme' } },
      sataPoolSelector: { matchLabels: { tier: 'sata' } },
      ...spec,
    },
    ...(status === undefined ? {} : { status }),
  };
  cluster.kubernetes.apply(policy, { validate: false });
}

const root = '/api/v1/namespaces/kube-system';

/** Pods of a service, each answering the path with what is given; 503 is what one that stands by says. */
export function addPods(bench: Bench, service: string, path: string, answers: readonly RouteAnswer[]): void {
  const names = answers.map((_, index) => `couchestor-${service}-${index}`);
  const others = bench.routes.get(`GET ${root}/pods`);
  bench.routes.set(`GET ${root}/pods`, (query, body) => {
    const selector = query.get('labelSelector') ?? '';
    if (selector.includes(`component=${service}`)) {
      return {
        body: {
          kind: 'PodList',
          metadata: { resourceVersion: '1' },
          items: names.map((name) => ({ metadata: { name }, status: { phase: 'Running' } })),
        },
      };
    }
    if (typeof others === 'function') return others(query, body);
    return { body: { kind: 'PodList', metadata: { resourceVersion: '1' }, items: [] } };
  });
  for (const [index, answer] of answers.entries()) {
    bench.routes.set(`GET ${root}/pods/${names[index] ?? ''}:8081/proxy${path}`, answer);
  }
}
