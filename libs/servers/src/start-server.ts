import { canInstallPackages, findBinary, installPackage } from './binaries.ts';
import { startContainer } from './container.ts';
import { startDaemon } from './daemon.ts';
import type { ServerDefinition } from './definition.ts';
import { waitForPort } from './listening.ts';
import { type Server, type ServerOptions, ServerStartError } from './server.ts';

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
