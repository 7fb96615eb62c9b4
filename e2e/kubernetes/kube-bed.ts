import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import {
  type ApiClient,
  type ApiServer,
  createApiClient,
} from '../../libs/simulator/src/kubernetes/conformance/api-client.ts';
import { kubeAssets, startRealApiServer } from '../../libs/simulator/src/kubernetes/conformance/real-apiserver.ts';
import { obtainCluster, whyNoCluster } from './obtain-cluster.ts';

const runFile = promisify(execFile);

export const kustomizeFolder = fileURLToPath(new URL('../../deploy/kustomize', import.meta.url));

interface Said {
  readonly stdout: string;
  readonly stderr: string;
}

/** A real API server without controllers and nodes, and the `kubectl` of its release. */
export interface KubeBed extends AsyncDisposable {
  readonly api: ApiClient;
  /** An administrator's. */
  readonly kubeconfig: string;
  /** A kubeconfig for the holder of this token. */
  kubeconfigFor(token: string): Promise<string>;
  /** @throws with what kubectl said, if it fails */
  kubectl(...args: readonly string[]): Promise<Said>;
  /** Applies objects that are written as YAML. */
  apply(yaml: string): Promise<void>;
}

/**
 * Why tests on a real API server are left out here, said loudly; undefined when they run. @throws instead where
 * `COUCHESTOR_CI=true`, for what is left out there is never run.
 */
export async function whyNoApiServer(): Promise<string | undefined> {
  if (kubeAssets(process.env) !== undefined) return undefined;
  const lacking = await whyNoCluster(process.env);
  if (lacking === undefined) return undefined;
  const reason = `COUCHESTOR_KUBE_ASSETS names no folder with etcd, kube-apiserver and kubectl; ${lacking}`;
  if (process.env['COUCHESTOR_CI'] === 'true') throw new Error(`the deployment cannot be tested: ${reason}`);
  console.warn(`\n*** SKIPPED, nothing was tested on a real API server: ${reason}\n`);
  return reason;
}

/** An API server from COUCHESTOR_KUBE_ASSETS, else that of a whole cluster. */
export async function openKubeBed(): Promise<KubeBed> {
  const assets = kubeAssets(process.env);
  await using opening = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'couchestor-kube-'));
  opening.defer(() => rm(folder, { recursive: true, force: true }));
  const server = assets === undefined ? await serverOfCluster(opening) : await serverAlone(assets, opening);

  const kubeconfigFor = async (token: string): Promise<string> => {
    const path = join(folder, `kubeconfig-${token.slice(-8)}`);
    const cluster = { server: server.url, 'certificate-authority-data': Buffer.from(server.caPem).toString('base64') };
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'bed', cluster }],
      users: [{ name: 'bed', user: { token } }],
      contexts: [{ name: 'bed', context: { cluster: 'bed', user: 'bed' } }],
      'current-context': 'bed',
    };
    await writeFile(path, JSON.stringify(config), { mode: 0o600 });
    return path;
  };
  const kubeconfig = await kubeconfigFor(server.token);
  const env = {
    ...process.env,
    KUBECONFIG: kubeconfig,
    // Where it keeps what it discovered.
    HOME: folder,
    PATH: [assets ?? [], process.env['PATH'] ?? []].flat().join(delimiter),
  };
  const opened = opening.move();
  return {
    api: createApiClient(server),
    kubeconfig,
    kubeconfigFor,
    kubectl: (...args) => runFile('kubectl', args, { env, maxBuffer: 64 * 1024 ** 2 }),
    apply: async (yaml) => {
      const path = join(folder, 'applied.yaml');
      await writeFile(path, yaml);
      await runFile('kubectl', ['apply', '--server-side', '-f', path], { env });
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

async function serverAlone(assets: string, stack: AsyncDisposableStack): Promise<ApiServer> {
  const server = await startRealApiServer(assets, []);
  stack.defer(() => server.close());
  return server;
}

/** The API server of a whole cluster, with the token of an administrator made for this. */
async function serverOfCluster(stack: AsyncDisposableStack): Promise<ApiServer> {
  const { env } = stack.use(await obtainCluster(process.env));
  const kubectl = async (...args: readonly string[]): Promise<string> =>
    (await runFile('kubectl', args, { env: { ...process.env, ...env } })).stdout.trim();
  const account = ['couchestor-bed', '--namespace=kube-system'] as const;
  await kubectl('create', 'serviceaccount', ...account);
  const subject = '--serviceaccount=kube-system:couchestor-bed';
  await kubectl('create', 'clusterrolebinding', 'couchestor-bed', '--clusterrole=cluster-admin', subject);
  const view = JSON.parse(await kubectl('config', 'view', '--raw', '--minify', '--flatten', '--output=json')) as {
    readonly clusters: readonly {
      readonly cluster: { readonly server: string; readonly 'certificate-authority-data': string };
    }[];
  };
  const [entry] = view.clusters;
  if (entry === undefined) throw new Error('the kubeconfig of the cluster names none');
  return {
    url: entry.cluster.server,
    token: await kubectl('create', 'token', ...account, '--duration=2h'),
    caPem: Buffer.from(entry.cluster['certificate-authority-data'], 'base64').toString('utf8'),
    expireHistory: () => Promise.reject(new Error('the history of a whole cluster cannot be made to expire')),
  };
}

/** Namespaces in which a pod that is not restricted is refused, and definitions of every kind that the overlays use. */
export async function prepareCluster(bed: KubeBed): Promise<void> {
  const definitions = ['base/crd', 'components/simulator/crd', 'components/volume-view/crd'].flatMap((name) => [
    '-f',
    join(kustomizeFolder, name),
  ]);
  const standIns = fileURLToPath(new URL('prometheus-operator-crds.yaml', import.meta.url));
  await bed.kubectl('apply', '--server-side', ...definitions, '-f', standIns);
  await bed.kubectl('wait', '--for=condition=Established', '--timeout=90s', ...definitions, '-f', standIns);
  for (const namespace of ['kube-system', 'mayastor', 'couchestor-evaluation']) {
    if (namespace !== 'kube-system') await bed.kubectl('create', 'namespace', namespace);
    const levels = ['enforce', 'warn'].map((mode) => `pod-security.kubernetes.io/${mode}=restricted`);
    await bed.kubectl('label', 'namespace', namespace, ...levels);
  }
}
