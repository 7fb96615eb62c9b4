import { once } from 'node:events';
import type { Registry } from 'prom-client';
import type { z } from 'zod';
import { type Clock, createSystemClock } from '../clock/index.ts';
import { parseEnvironment } from './environment.ts';
import { createLogger, type Logger } from './logger.ts';
import { createRegistry } from './metrics.ts';
import { startOpsServers } from './ops-servers.ts';
import { createReadiness, type Readiness, type ReadinessState } from './readiness.ts';
import { createRouteTable, type Routes } from './routes.ts';
import type { serviceSettings } from './settings.ts';

/** What a service is given to build itself from; `config` holds its settings by their names. */
export interface ServiceContext<Config> {
  readonly config: Config;
  readonly logger: Logger;
  readonly registry: Registry;
  readonly clock: Clock;
  /** Aborted when the process was asked to end: from then on nothing new starts. */
  readonly signal: AbortSignal;
  readonly readiness: Readiness;
  readonly routes: Routes;
}

/** An object schema that holds `serviceSettings` beside the service's own settings. */
export type ServiceSchema = z.ZodObject<typeof serviceSettings>;

export interface ServiceOptions<Schema extends ServiceSchema> {
  /** What logs and metrics call it: `watcher`, `scorer`, `migrator`. */
  readonly name: string;
  readonly schema: Schema;
  /** Resolves when the service runs; disposing of what it returns ends the service in good order. */
  readonly start: (context: ServiceContext<z.output<Schema>>) => Promise<AsyncDisposable>;
}

/** What a stop in good order may take, with room left in Kubernetes' own 30 s. */
const STOP_TIMEOUT_MS = 10_000;

/**
 * Runs a service until SIGTERM or SIGINT, and ends the process: with 0 after a stop in good order; with 1 if it could not
 * start, failed, was signalled twice, or took more than 10 s to stop.
 */
export async function runService<Schema extends ServiceSchema>(options: ServiceOptions<Schema>): Promise<never> {
  const { name, schema } = options;
  let logger = createLogger({ service: name, level: 'info' });
  const stopping = new AbortController();

  const fail = (error: unknown, message: string): never => {
    logger.error({ err: error }, message);
    process.exit(1);
  };
  process.on('uncaughtException', (error) => fail(error, 'an exception was not handled'));
  process.on('unhandledRejection', (error) => fail(error, 'a rejection was not handled'));
  const onSignal = (signal: NodeJS.Signals): void => {
    if (stopping.signal.aborted) fail(undefined, 'asked to stop a second time, ending at once');
    logger.info({ signal }, 'stopping');
    setTimeout(() => fail(undefined, 'could not stop in time'), STOP_TIMEOUT_MS);
    stopping.abort(new Error(`the process received ${signal}`));
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);

  try {
    const config = parseEnvironment(schema, process.env);
    logger = createLogger({ service: name, level: config.LOG_LEVEL });
    await runUntilAborted(options, config, logger, stopping.signal);
  } catch (error) {
    if (!stopping.signal.aborted || error !== stopping.signal.reason) fail(error, 'the service failed');
  }
  logger.info('stopped');
  process.exit(0);
}

async function runUntilAborted<Schema extends ServiceSchema>(
  { name, start }: ServiceOptions<Schema>,
  config: z.output<Schema>,
  logger: Logger,
  signal: AbortSignal,
): Promise<void> {
  const version = config.COUCHESTOR_VERSION;
  const registry = createRegistry({ service: name, version });
  const clock = createSystemClock();
  const readiness = createReadiness(clock);
  const routes = createRouteTable();
  let lifecycle: ReadinessState = { ready: false, reason: 'starting' };
  readiness.add('service', () => (signal.aborted ? { ready: false, reason: 'stopping' } : lifecycle));

  await using lifetime = new AsyncDisposableStack();
  const ops = await startOpsServers({
    host: config.HOST,
    metricsPort: config.METRICS_PORT,
    healthPort: config.HEALTH_PORT,
    registry,
    readiness,
    routes,
    logger,
  });
  lifetime.use(ops);
  logger.info({ version, metricsPort: ops.metricsPort, healthPort: ops.healthPort }, 'starting');
  const service = await start({
    config,
    logger,
    registry,
    clock,
    signal,
    readiness,
    routes,
  });
  lifetime.use(service);
  lifecycle = { ready: true };
  logger.info('started');
  if (!signal.aborted) await once(signal, 'abort');
}
