import { canInstallPackages, findBinary, installPackage } from './binaries.ts';
import { startContainer } from './container.ts';
import type { ServerDefinition } from './definition.ts';
import { waitForPort } from './listening.ts';
import { startDaemon } from './daemon.ts';

/** A running server on 127.0.0.1, or one that was given and is left alone. */
export interface Server extends AsyncDisposable {
  readonly url: string;
  readonly origin: 'given' | 'binary' | 'docker';
  /** True for a given server: others may use it too, so isolate what you put there and clean up yourself. */
  readonly shared: boolean;
  /** The process, where it is one of ours. */
  readonly pid: number | undefined;
  /** Stops it gracefully and keeps its data, until it is restarted or disposed of. A given server is left alone. */
  stop(): Promise<void>;
  /** Ends it with SIGKILL; its data is kept. Not for a given server. */
  kill(): Promise<void>;
  /** Stops it if it runs, and starts it on the same port with the same data. Not for a given server. */
  restart(): Promise<void>;
  /** Stops it and removes its data. */
  [Symbol.asyncDispose](): Promise<void>;
}

export interface ServerOptions {
  /** Where settings and PATH are read from; the environment of this process by default. */
  readonly env?: NodeJS.ProcessEnv;
  /** The port to try first; another one is taken when it is not free. */
  readonly port?: number;
  /** Called with each line of its log. Nothing is called for a given server. */
  readonly onLine?: (line: string) => void;
}

/** No way to get a server worked; `errors` holds why, for each way that was tried. */
export class ServerStartError extends AggregateError {
  constructor(definition: ServerDefinition, errors: readonly Error[]) {
    const reasons = errors.map((error) => `  - ${error.message}`).join('\n');
    super(
      errors,
      `${definition.name} could not be started:\n${reasons}\n` +
        `Set ${definition.urlVariable} to a running one, or install ${definition.binary}.`,
    );
    this.name = 'ServerStartError';
  }
}

/**
 * In this order: the server whose URL is in the environment, a binary, a binary installed from Debian, a container.
 * `COUCHESTOR_SERVERS=binary` or `docker` leaves out the other.
 *
 * @throws ServerStartError
 */
export async function startServer(definition: ServerDefinition, options: ServerOptions): Promise<Server> {
  const env = options.env ?? process.env;
  const givenUrl = env[definition.urlVariable] ?? '';
  if (givenUrl !== '') return givenServer(definition, givenUrl);

  const errors: Error[] = [];
  for (const way of waysAllowed(env)) {
    try {
      switch (way) {
        case 'binary':
          return await startDaemon(definition, await obtainBinary(definition, env), options);
        case 'docker':
          return await startContainer(definition, options);
      }
    } catch (error) {
      errors.push(error instanceof Error ? error : new Error(String(error)));
    }
  }
  throw new ServerStartError(definition, errors);
}

function waysAllowed(env: NodeJS.ProcessEnv): readonly ('binary' | 'docker')[] {
  const forced = env['COUCHESTOR_SERVERS'] ?? '';
  switch (forced) {
    case '':
      return ['binary', 'docker'];
    case 'binary':
    case 'docker':
      return [forced];
    default:
      throw new RangeError(`COUCHESTOR_SERVERS is ${JSON.stringify(forced)}; it may be "binary" or "docker"`);
  }
}

async function obtainBinary(definition: ServerDefinition, env: NodeJS.ProcessEnv): Promise<string> {
  const present = await findBinary(definition.binary, env);
  if (present !== undefined) return present;
  if (!(await canInstallPackages(env))) throw new Error(`${definition.binary} is not on PATH`);
  await installPackage(definition.debianPackage, definition.binary, env);
  const installed = await findBinary(definition.binary, env);
  if (installed === undefined) throw new Error(`${definition.debianPackage} installed no ${definition.binary}`);
  return installed;
}

async function givenServer(definition: ServerDefinition, url: string): Promise<Server> {
  const { hostname, port } = new URL(url);
  try {
    await waitForPort(hostname, port === '' ? definition.defaultPort : Number(port), 10_000);
  } catch (cause) {
    throw new ServerStartError(definition, [new Error(`nothing answers at ${definition.urlVariable}`, { cause })]);
  }
  const refuse = (): Promise<void> => Promise.reject(new Error(`${definition.urlVariable} is not ours to end`));
  return {
    url,
    origin: 'given',
    shared: true,
    pid: undefined,
    stop: () => Promise.resolve(),
    kill: refuse,
    restart: refuse,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
