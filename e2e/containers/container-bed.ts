import { type DockerEngine, obtainEngine, whyNoEngine } from './docker-engine.ts';
import { buildLocalImages } from './local-images.ts';

/** An engine with images of the servers in it. */
export interface ContainerBed extends AsyncDisposable {
  /** What a process needs in its environment to take NATS, Redis and Prometheus from these images. */
  readonly env: Readonly<Record<string, string>>;
  readonly engineOrigin: DockerEngine['origin'];
  /** The identifiers of the containers made from these images, running or not. */
  containers(): Promise<readonly string[]>;
}

export async function openContainerBed(env: NodeJS.ProcessEnv = process.env): Promise<ContainerBed> {
  await using opening = new AsyncDisposableStack();
  const { api, origin } = opening.use(await obtainEngine(env));
  const images = opening.use(await buildLocalImages(api, env));
  const opened = opening.move();
  return {
    env: {
      ...images.env,
      COUCHESTOR_SERVERS: 'docker',
      COUCHESTOR_NATS_URL: '',
      COUCHESTOR_REDIS_URL: '',
      COUCHESTOR_PROMETHEUS_URL: '',
      DOCKER_HOST: api.host,
      // Inside a container the library would ask for the gateway of a bridge; the servers are on the network of all.
      TESTCONTAINERS_HOST_OVERRIDE: '127.0.0.1',
      // Its image could not be pulled; what it would clean up goes with the bed.
      TESTCONTAINERS_RYUK_DISABLED: 'true',
    },
    engineOrigin: origin,
    containers: () => api.containersOf(images.references),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

/**
 * Why tests with containers are left out here, said loudly; undefined when they run. @throws instead where
 * `COUCHESTOR_CI=true`, for what is left out there is never run.
 */
export async function whyLeftOut(): Promise<string | undefined> {
  const reason = await whyNoEngine(process.env);
  if (reason === undefined) return undefined;
  if (process.env['COUCHESTOR_CI'] === 'true') throw new Error(`containers cannot be tested: ${reason}`);
  console.warn(`\n*** SKIPPED, nothing was tested with containers: ${reason}\n`);
  return reason;
}
