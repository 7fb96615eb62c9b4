import { spawn, type ChildProcess } from 'node:child_process';
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { JsonObject } from '../json.ts';
import { createSelfSignedCertificate } from '../self-signed-certificate.ts';
import { createApiClient, type ApiServer } from './api-client.ts';

export interface RealApiServer extends ApiServer {
  /** Of its etcd, which speaks plain HTTP. */
  readonly etcdUrl: string;
  readonly close: () => Promise<void>;
}

/** The folder with `etcd` and `kube-apiserver`, as envtest names it; `undefined` if none is given. */
export function kubeAssets(environment: NodeJS.ProcessEnv): string | undefined {
  const folder = environment['COUCHESTOR_KUBE_ASSETS'] ?? environment['KUBEBUILDER_ASSETS'];
  return folder === '' ? undefined : folder;
}

export interface RealApiServerOptions {
  /** A file for a line of JSON about each request; nobody writes one by default. */
  readonly auditLog?: string;
}

const startMs = 60_000;
const stopMs = 10_000;

/** Starts etcd and kube-apiserver on free loopback ports, in a folder of their own that goes with them. */
export async function startRealApiServer(
  assets: string,
  crds: readonly JsonObject[],
  options: RealApiServerOptions = {},
): Promise<RealApiServer> {
  const folder = await mkdtemp(join(tmpdir(), 'couchestor-apiserver-'));
  const processes: ChildProcess[] = [];
  const killAll = (): void => {
    for (const process of processes) process.kill('SIGKILL');
  };
  // A test run that ends on its own terms leaves no server behind either.
  process.once('exit', killAll);
  const close = async (): Promise<void> => {
    for (const child of processes.toReversed()) await stop(child);
    process.off('exit', killAll);
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  };
  try {
    const [etcdPort, peerPort, apiPort] = await freePorts(3);
    const etcdUrl = `http://127.0.0.1:${etcdPort}`;
    const start = async (name: string, args: readonly string[]): Promise<void> => {
      const log = await open(join(folder, `${name}.log`), 'w');
      processes.push(spawn(join(assets, name), args, { stdio: ['ignore', log.fd, log.fd] }));
      await log.close();
    };
    await start('etcd', [
      `--data-dir=${join(folder, 'etcd')}`,
      `--listen-client-urls=${etcdUrl}`,
      `--advertise-client-urls=${etcdUrl}`,
      `--listen-peer-urls=http://127.0.0.1:${peerPort}`,
      '--unsafe-no-fsync',
      '--log-level=error',
    ]);
    const files = await writeCredentials(folder);
    await start('kube-apiserver', [
      `--etcd-servers=${etcdUrl}`,
      '--bind-address=127.0.0.1',
      '--advertise-address=127.0.0.1',
      `--secure-port=${apiPort}`,
      `--tls-cert-file=${files.certificate}`,
      `--tls-private-key-file=${files.key}`,
      `--token-auth-file=${files.tokens}`,
      `--service-account-key-file=${files.serviceAccountKey}`,
      `--service-account-signing-key-file=${files.serviceAccountKey}`,
      '--service-account-issuer=https://kubernetes.default.svc',
      '--service-cluster-ip-range=10.96.0.0/16',
      '--authorization-mode=RBAC',
      '--endpoint-reconciler-type=none',
      '--disable-admission-plugins=ServiceAccount',
      // Pages then come from etcd, so that they expire as soon as etcd forgets.
      '--feature-gates=ListFromCacheSnapshot=false',
      ...(options.auditLog === undefined
        ? []
        : [`--audit-policy-file=${files.auditPolicy}`, `--audit-log-path=${options.auditLog}`]),
    ]);
    const server: RealApiServer = {
      url: `https://127.0.0.1:${apiPort}`,
      etcdUrl,
      token: files.token,
      caPem: files.caPem,
      expireHistory: () => compact(etcdUrl),
      close,
    };
    await untilReady(server, processes, folder);
    for (const crd of crds) await install(server, crd);
    return server;
  } catch (error) {
    await close();
    throw error;
  }
}

const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - level: Metadata
`;

async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}

async function writeCredentials(folder: string): Promise<{
  certificate: string;
  key: string;
  tokens: string;
  serviceAccountKey: string;
  auditPolicy: string;
  token: string;
  caPem: string;
}> {
  const { certificatePem, keyPem } = createSelfSignedCertificate(['127.0.0.1', 'localhost'], Date.now());
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  const token = randomUUID();
  const write = async (name: string, text: string): Promise<string> => {
    const path = join(folder, name);
    await writeFile(path, text, { mode: 0o600 });
    return path;
  };
  return {
    certificate: await write('server.crt', certificatePem),
    key: await write('server.key', keyPem),
    tokens: await write('tokens.csv', `${token},admin,admin,system:masters\n`),
    serviceAccountKey: await write('service-account.key', privateKey),
    auditPolicy: await write('audit.yaml', auditPolicy),
    token,
    caPem: certificatePem,
  };
}

async function untilReady(server: ApiServer, processes: readonly ChildProcess[], folder: string): Promise<void> {
  const client = createApiClient(server);
  const deadline = performance.now() + startMs;
  for (;;) {
    const ready = await client.send('GET', '/readyz').then(
      ({ status }) => status === 200,
      () => false,
    );
    if (ready) return;
    const dead = processes.find(({ exitCode }) => exitCode !== null);
    if (dead !== undefined || performance.now() > deadline) {
      const logs = await Promise.all(
        ['etcd', 'kube-apiserver'].map((name) => readFile(join(folder, `${name}.log`), 'utf8')),
      );
      throw new Error(`the real kube-apiserver did not come up:\n${logs.map((log) => log.slice(-2000)).join('\n')}`);
    }
    await sleep(100);
  }
}

async function install(server: ApiServer, crd: JsonObject): Promise<void> {
  const client = createApiClient(server);
  const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
  const created = await client.send('POST', path, { body: crd });
  if (created.status !== 201) throw new Error(`the real kube-apiserver refuses the definition: ${created.text}`);
  const spec = created.body['spec'] as { group: string; names: { plural: string }; versions: { name: string }[] };
  const deadline = performance.now() + startMs;
  for (const { name } of spec.versions) {
    const isListed = async (): Promise<boolean> => {
      const list = await client.send('GET', `/apis/${spec.group}/${name}/${spec.names.plural}`);
      return list.status === 200;
    };
    while (!(await isListed())) {
      if (performance.now() > deadline) throw new Error(`${spec.names.plural} are not served in ${startMs} ms`);
      await sleep(50);
    }
  }
}

/** Compacts etcd up to its latest revision, through its JSON gateway. */
async function compact(etcdUrl: string): Promise<void> {
  const post = async (path: string, body: JsonObject): Promise<{ header: { revision: string } }> => {
    const response = await fetch(`${etcdUrl}${path}`, { method: 'POST', body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`etcd answers ${response.status}: ${await response.text()}`);
    return (await response.json()) as { header: { revision: string } };
  };
  const latest = await post('/v3/kv/range', { key: Buffer.from('compaction').toString('base64') });
  await post('/v3/kv/compaction', { revision: latest.header.revision, physical: true });
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), stopMs);
  await exited;
  clearTimeout(timer);
}
