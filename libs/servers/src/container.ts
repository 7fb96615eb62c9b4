import { setTimeout as sleep } from 'node:timers/promises';
import type { ServerDefinition } from './definition.ts';
import { freePort } from './free-port.ts';
import { waitForPort } from './listening.ts';
import { createLogWatch } from './log-watch.ts';
import type { Server, ServerOptions } from './server.ts';

const START_TIMEOUT_MS = 60_000;
const STOP_GRACE_S = 10;
const START_ATTEMPTS_MAX = 5;

/** Containers carry this label, so that what a killed process left behind can be found and removed. */
const LABELS = { 'com.billyronks.couchestor': 'server' };

/** Folders that exist, with these rights, in the official images and in minimal ones. */
const CONFIG_FOLDER = '/etc/couchestor';
const DATA_FOLDER = '/tmp';

/**
 * Runs a server as a container in the host's network, so that it listens on 127.0.0.1 alone and Prometheus reaches
 * targets there. It needs a Linux engine on this machine. Ryuk, unless disabled, removes it should this process be killed.
 */
export async function startContainer(definition: ServerDefinition, options: ServerOptions): Promise<Server> {
  for (let attempt = 1; ; attempt += 1) {
    const port = attempt === 1 && options.port !== undefined ? options.port : await freePort();
    try {
      return await startContainerOn(port, definition, options);
    } catch (error) {
      if (attempt === START_ATTEMPTS_MAX || !(await isTaken(port))) throw error;
    }
  }
}

async function startContainerOn(port: number, definition: ServerDefinition, options: ServerOptions): Promise<Server> {
  // Loading it takes a second that nobody with binaries should pay for.
  const { GenericContainer, Wait, getContainerRuntimeClient } = await import('testcontainers');
  const env = options.env ?? process.env;
  const place = { port, configFolder: CONFIG_FOLDER, dataFolder: DATA_FOLDER };
  const files = Object.entries(definition.files(place));
  const log = createLogWatch(definition.readyLine);

  const request = new GenericContainer(env[definition.imageVariable] ?? definition.image)
    .withNetworkMode('host')
    .withEntrypoint([definition.binary])
    .withCommand([...definition.args(place)])
    .withLabels(LABELS)
    .withCopyContentToContainer(files.map(([name, content]) => ({ content, target: `${CONFIG_FOLDER}/${name}` })))
    .withWaitStrategy(Wait.forLogMessage(definition.readyLine))
    .withStartupTimeout(START_TIMEOUT_MS)
    .withLogConsumer((stream) =>
      stream.on('data', (data: unknown) => {
        const line = String(data).trimEnd();
        log.onLine(line);
        options.onLine?.(line);
      }),
    );
  const started = await request.start().catch((cause: unknown) => {
    throw new Error(`the container of ${definition.name} did not get ready: ${log.tail()}`, { cause });
  });
  const client = await getContainerRuntimeClient();
  const container = client.container.getById(started.getId());
  const isRunning = async (): Promise<boolean> => (await container.inspect()).State.Running;
  const stop = async (): Promise<void> => {
    if (await isRunning()) await container.stop({ t: STOP_GRACE_S });
  };
  return {
    url: definition.url(port),
    origin: 'docker',
    shared: false,
    pid: undefined,
    stop,
    kill: async () => {
      if (await isRunning()) await container.kill();
      while (await isRunning()) await sleep(50);
    },
    restart: async () => {
      await stop();
      await container.start();
      await waitForPort('127.0.0.1', port, START_TIMEOUT_MS);
    },
    [Symbol.asyncDispose]: async () => {
      await stop();
      await started.stop({ remove: true, removeVolumes: true });
    },
  };
}

async function isTaken(port: number): Promise<boolean> {
  return waitForPort('127.0.0.1', port, 200).then(
    () => true,
    () => false,
  );
}
