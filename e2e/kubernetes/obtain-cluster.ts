import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { findBinary } from '@couchestor/servers';
import { kubeAssets } from '../../libs/simulator/src/kubernetes/conformance/real-apiserver.ts';
import { saveImages } from '../../tools/images.ts';
import type { DockerApi } from '../containers/docker-api.ts';
import { givenEngine, obtainEngine, whatLacks } from '../containers/docker-engine.ts';
import { buildProgramImage, buildServerImage } from '../containers/local-images.ts';

const run = promisify(execFile);
const K3S_IMAGE = 'rancher/k3s:v1.34.1-k3s1';
const SERVER_IMAGES = { nats: 'nats:2.10-alpine', redis: 'redis:7.2-alpine', prometheus: 'prom/prometheus:v2.55.1' };
const BASE_IMAGE = 'couchestor-local/node:26';

/** A Kubernetes with a node that runs pods. */
export interface PodCluster extends AsyncDisposable {
  readonly origin: 'given command' | 'k3s in Docker';
  /** For kubectl and `tools/cluster.ts`; COUCHESTOR_NODE_SHELL is the shell of the node. */
  readonly env: Readonly<Record<string, string>>;
}

/**
 * A command that brings up, loads and takes down a cluster in a folder comes first (COUCHESTOR_KUBE_CLUSTER): nothing is
 * pulled for it. Else a Docker engine runs k3s, which pulls its own image and those of the servers.
 */
export async function obtainCluster(env: NodeJS.ProcessEnv): Promise<PodCluster> {
  const command = env['COUCHESTOR_KUBE_CLUSTER'] ?? '';
  return command === '' ? startK3s(env) : bringUp(command, env);
}

/** Why `obtainCluster` cannot succeed here; undefined if it can. */
export async function whyNoCluster(env: NodeJS.ProcessEnv): Promise<string | undefined> {
  if ((env['COUCHESTOR_KUBE_CLUSTER'] ?? '') !== '') return whatLacks(env);
  if ((await givenEngine(env)) === undefined) {
    return 'COUCHESTOR_KUBE_CLUSTER names no command for a cluster, and no Docker engine answers';
  }
  return (await findBinary('kubectl', withAssets(env))) === undefined ? 'kubectl is not installed' : undefined;
}

async function bringUp(command: string, env: NodeJS.ProcessEnv): Promise<PodCluster> {
  await using opening = new AsyncDisposableStack();
  const folder = await temporaryFolder(opening);
  const engine = opening.use(await obtainEngine(env));
  const own = ownEnvironment(env, engine.api, folder);
  const full = { ...env, ...own };
  const node = { binary: 'node', folder: '/usr/local/bin', instructions: [] };
  await buildProgramImage(engine.api, BASE_IMAGE, node, full);
  for (const [name, reference] of Object.entries(SERVER_IMAGES)) {
    await buildServerImage(engine.api, reference, name, full);
  }
  const archive = join(folder, 'servers.tar');
  await saveImages(Object.values(SERVER_IMAGES), archive, full);
  opening.defer(async () => {
    await run(command, ['down', folder]);
  });
  await run(command, ['up', folder]);
  await run(command, ['load', folder, archive]);
  return cluster('given command', opening.move(), {
    ...own,
    COUCHESTOR_IMAGE_LOAD: `${command} load ${folder}`,
    COUCHESTOR_BASE_IMAGE: BASE_IMAGE,
    // Its node is this machine.
    COUCHESTOR_NODE_SHELL: 'sh',
  });
}

async function startK3s(env: NodeJS.ProcessEnv): Promise<PodCluster> {
  await using opening = new AsyncDisposableStack();
  const folder = await temporaryFolder(opening);
  const engine = await givenEngine(env);
  if (engine === undefined) throw new Error('no Docker engine answers');
  // Loading it takes a second that nobody with a cluster should pay for.
  const { K3sContainer } = await import('@testcontainers/k3s');
  const container = await new K3sContainer(K3S_IMAGE).start();
  opening.defer(async () => {
    await container.stop();
  });
  const own = ownEnvironment(env, engine, folder);
  await writeFile(own.KUBECONFIG, container.getKubeConfig(), { mode: 0o600 });
  const load = `docker exec --interactive ${container.getId()} ctr --namespace=k8s.io images import -`;
  return cluster('k3s in Docker', opening.move(), {
    ...own,
    // Called with the path of the archive as its argument.
    COUCHESTOR_IMAGE_LOAD: `load() { ${load} < "$1"; }; load`,
    COUCHESTOR_NODE_SHELL: `docker exec ${container.getId()} sh`,
  });
}

function cluster(
  origin: PodCluster['origin'],
  opened: AsyncDisposableStack,
  env: Readonly<Record<string, string>>,
): PodCluster {
  return { origin, env, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

async function temporaryFolder(stack: AsyncDisposableStack): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'couchestor-pods-'));
  stack.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 }));
  return folder;
}

function ownEnvironment(env: NodeJS.ProcessEnv, engine: DockerApi, folder: string) {
  return {
    PATH: [dirname(process.execPath), withAssets(env)['PATH']].join(delimiter),
    // Where kubectl keeps what it discovered.
    HOME: folder,
    DOCKER_HOST: engine.host,
    KUBECONFIG: join(folder, 'kubeconfig'),
  };
}

function withAssets(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { ...env, PATH: [kubeAssets(env) ?? [], env['PATH'] ?? []].flat().join(delimiter) };
}
