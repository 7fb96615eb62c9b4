import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findBinary, type SpawnedProcess, spawnProcess } from '@couchestor/servers';
import { createDockerApi, type DockerApi } from './docker-api.ts';

const DEFAULT_HOST = 'unix:///var/run/docker.sock';
const START_TIMEOUT_MS = 60_000;
const LOG_LINES_KEPT_MAX = 20;

/** dockerd looks for containerd and runc on PATH; an ordinary PATH often lacks the folders of daemons. */
const DAEMON_PATH = '/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin';

/** A Docker engine of this machine. Disposing of it ends it, unless it was here before. */
export interface DockerEngine extends AsyncDisposable {
  readonly api: DockerApi;
  readonly origin: 'given' | 'private';
}

/** The engine at DOCKER_HOST, or one that runs anyway, or a private one. @throws when there is none, with what lacks. */
export async function obtainEngine(env: NodeJS.ProcessEnv): Promise<DockerEngine> {
  const given = await givenEngine(env);
  if (given !== undefined) return { api: given, origin: 'given', [Symbol.asyncDispose]: () => Promise.resolve() };
  const lacking = await whatLacks(env);
  if (lacking !== undefined) throw new Error(lacking);
  return startPrivateEngine(env);
}

/** Why `obtainEngine` cannot succeed here; undefined if it can. */
export async function whyNoEngine(env: NodeJS.ProcessEnv): Promise<string | undefined> {
  return (await givenEngine(env)) === undefined ? whatLacks(env) : undefined;
}

/** Why a private engine cannot be started here; undefined if it can. */
export async function whatLacks(env: NodeJS.ProcessEnv): Promise<string | undefined> {
  if ((await findBinary('dockerd', env)) === undefined) {
    return 'no Docker engine answers and no dockerd is installed (Debian: docker.io)';
  }
  if (process.getuid?.() !== 0) return 'no Docker engine answers, and only root can start a private one';
  return undefined;
}

/** The engine that runs already; undefined if none answers. @throws if none answers at a DOCKER_HOST that is set */
export async function givenEngine(env: NodeJS.ProcessEnv): Promise<DockerApi | undefined> {
  const host = env['DOCKER_HOST'] ?? '';
  const api = createDockerApi(host === '' ? DEFAULT_HOST : host);
  if (await api.answers()) return api;
  if (host !== '') throw new Error(`no Docker engine answers at DOCKER_HOST=${host}`);
  return undefined;
}

/**
 * Starts dockerd with everything it keeps in one temporary folder.
 *
 * It lives in namespaces of its own for processes and mounts: when it is killed, or this process is, the kernel ends all
 * containers and takes all mounts with it, so that the folder can be removed. The network is the machine's, because
 * servers are to listen on 127.0.0.1; the engine neither adds a bridge nor touches iptables or forwarding.
 */
export async function startPrivateEngine(env: NodeJS.ProcessEnv): Promise<DockerEngine> {
  const folder = await mkdtemp(join(tmpdir(), 'couchestor-docker-'));
  const api = createDockerApi(`unix://${folder}/docker.sock`);
  const args = daemonArgs(folder, api.host, await networkInterfaces());
  const log: string[] = [];
  const daemon = await spawnProcess({
    name: 'dockerd',
    command: 'unshare',
    args: ['--mount', '--pid', '--mount-proc', '--kill-child', '--', 'dockerd', ...args],
    env: { ...env, PATH: `${env['PATH'] ?? ''}:${DAEMON_PATH}` },
    orphanedFolder: folder,
    onLine: (line) => {
      log.push(line);
      if (log.length > LOG_LINES_KEPT_MAX) log.shift();
    },
  });
  const end = async (): Promise<void> => {
    await daemon.kill();
    // Mounts and processes of the namespaces go shortly after the process that is waited for.
    await rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  };
  try {
    await untilAnswers(api, daemon);
  } catch (cause) {
    await end();
    throw new Error(`dockerd did not get ready: ${log.join(' | ')}`, { cause });
  }
  return { api, origin: 'private', [Symbol.asyncDispose]: end };
}

function daemonArgs(folder: string, host: string, interfaces: readonly string[]): readonly string[] {
  // Told of no bridge, dockerd deletes docker0, even one that another engine has left; told to use it, it leaves it alone.
  const bridge = interfaces.includes('docker0') ? 'docker0' : 'none';
  return [
    `--host=${host}`,
    `--data-root=${folder}/data`,
    `--exec-root=${folder}/exec`,
    `--pidfile=${folder}/dockerd.pid`,
    `--bridge=${bridge}`,
    '--iptables=false',
    '--ip-forward=false',
    '--ip-masq=false',
  ];
}

/** Their names, including those without an address. */
export async function networkInterfaces(): Promise<readonly string[]> {
  const table = await readFile('/proc/net/dev', 'utf8');
  return [...table.matchAll(/^\s*(\S+):/gm)].map(([, name = '']) => name).sort();
}

async function untilAnswers(api: DockerApi, daemon: SpawnedProcess): Promise<void> {
  const signal = AbortSignal.timeout(START_TIMEOUT_MS);
  while (!(await api.answers())) {
    if (!daemon.running) throw new Error('it ended');
    if (signal.aborted) throw new Error(`nothing answered within ${START_TIMEOUT_MS} ms`);
    await sleep(50);
  }
}
