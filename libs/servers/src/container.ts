import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { createContainerOutput } from './container-output.ts';
import type { ServerDefinition } from './definition.ts';
import { freePort } from './free-port.ts';
import { waitForPort } from './listening.ts';
import type { Server, ServerOptions } from './server.ts';

const STOP_GRACE_S = 10;
const START_ATTEMPTS_MAX = 5;

/** Containers carry this label, so that what a killed process left behind can be found and removed. */
const LABELS = { 'com.billyronks.couchestor': 'server' };

/** Folders that exist, with these rights, in the official images and in minimal ones. */
const CONFIG_FOLDER = '/etc/couchestor';
const DATA_FOLDER = '/tmp';

interface Removable {
  remove(options: { readonly force: boolean; readonly v: boolean }): Promise<unknown>;
}

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
  const { GenericContainer, getContainerRuntimeClient } = await import('testcontainers');
  const env = options.env ?? process.env;
  const place = { port, configFolder: CONFIG_FOLDER, dataFolder: DATA_FOLDER };
  const files = Object.entries(definition.files(place));
  const name = `couchestor-${definition.name.toLowerCase()}-${randomUUID()}`;
  const client = await getContainerRuntimeClient();
  const container = client.container.getById(name);
  const output = createContainerOutput(definition, options, () => client.container.attach(container));

  class AttachedContainer extends GenericContainer {
    protected override containerCreated(): Promise<void> {
      return output.attach();
    }
  }
  await new AttachedContainer(env[definition.imageVariable] ?? definition.image)
    .withName(name)
    .withNetworkMode('host')
    .withEntrypoint([definition.binary])
    .withCommand([...definition.args(place)])
    .withLabels(LABELS)
    .withCopyContentToContainer(files.map(([name, content]) => ({ content, target: `${CONFIG_FOLDER}/${name}` })))
    .withWaitStrategy(output)
    .start()
    .catch(async (cause: unknown) => {
      // testcontainers removes it only once it has run.
      await removeIfPresent(container);
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new Error(`the container of ${definition.name} did not get ready: ${reason}`, { cause });
    });

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
      await output.attach();
      await container.start();
      await output.waitUntilReady();
    },
    [Symbol.asyncDispose]: async () => {
      await stop();
      await removeIfPresent(container);
    },
  };
}

async function removeIfPresent(container: Removable): Promise<void> {
  try {
    await container.remove({ force: true, v: true });
  } catch (error) {
    if ((error as { readonly statusCode?: number }).statusCode !== 404) throw error;
  }
}

async function isTaken(port: number): Promise<boolean> {
  return waitForPort('127.0.0.1', port, 200).then(
    () => true,
    () => false,
  );
}
