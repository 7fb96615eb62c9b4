import { fastify, type FastifyInstance } from 'fastify';
import type { Registry } from 'prom-client';
import { ConfigurationError, messageOf } from './errors.ts';
import type { Logger } from './logger.ts';
import type { Readiness } from './readiness.ts';
import type { RouteTable } from './routes.ts';

export interface OpsServersOptions {
  readonly host: string;
  readonly metricsPort: number;
  readonly healthPort: number;
  readonly registry: Registry;
  readonly readiness: Readiness;
  readonly routes: RouteTable;
  readonly logger: Logger;
}

export interface OpsServers extends AsyncDisposable {
  /** The ports in use, also where 0 was asked for. */
  readonly metricsPort: number;
  readonly healthPort: number;
}

/** Starts the servers of metrics and health. @throws ConfigurationError if one of the ports cannot be had */
export async function startOpsServers(options: OpsServersOptions): Promise<OpsServers> {
  // Each takes a while to be made and started, at once after all that was loaded.
  await turn();
  const metrics = metricsServer(options);
  await turn();
  const health = healthServer(options);
  const close = async (): Promise<void> => {
    await Promise.all([metrics.close(), health.close()]);
  };
  try {
    return {
      metricsPort: await listen(metrics, 'METRICS_PORT', options.host, options.metricsPort),
      healthPort: await listen(health, 'HEALTH_PORT', options.host, options.healthPort),
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Of the event loop. */
function turn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

function server(): FastifyInstance {
  // Scrapers and probes keep connections open, which must not hold up the end of the process.
  return fastify({ logger: false, forceCloseConnections: true, bodyLimit: 1_024 });
}

function metricsServer({ registry }: OpsServersOptions): FastifyInstance {
  const app = server();
  app.get('/metrics', async (_request, reply) => reply.type(registry.contentType).send(await registry.metrics()));
  return app;
}

function healthServer({ readiness, routes, logger }: OpsServersOptions): FastifyInstance {
  const app = server();
  app.get('/healthz', (_request, reply) => reply.type('text/plain; charset=utf-8').send('ok'));
  app.get('/livez', (_request, reply) => reply.send({ live: true }));
  app.get('/readyz', async (_request, reply) => {
    const report = await readiness.report();
    return reply.code(report.ready ? 200 : 503).send(report);
  });
  // For people and programs that ask through a proxy, which may keep the body of a 503 to itself.
  app.get('/v1/readiness', async (_request, reply) => reply.send(await readiness.report()));
  app.get('/*', async (request, reply) => {
    const { pathname, searchParams } = new URL(request.url, 'http://localhost');
    const route = routes.find(pathname);
    if (route === undefined) return reply.code(404).send({ error: 'nothing is served at this path' });
    try {
      const { status, body } = await route.handler({ params: route.params, query: searchParams });
      return reply.code(status).send(JSON.stringify(body));
    } catch (error) {
      logger.error({ err: error, path: pathname }, 'a request could not be answered');
      return reply.code(500).send({ error: 'internal error' });
    }
  });
  app.addHook('onSend', async (_request, reply) => {
    if (!reply.hasHeader('content-type')) reply.type('application/json; charset=utf-8');
  });
  return app;
}

async function listen(app: FastifyInstance, setting: string, host: string, port: number): Promise<number> {
  await turn();
  try {
    await app.listen({ host, port });
  } catch (error) {
    const taken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
    throw new ConfigurationError(
      [
        {
          name: setting,
          value: String(port),
          problem: taken ? `the port is taken on ${host}` : messageOf(error),
          remedy: taken
            ? 'Set it to a free port, or to 0 to have one chosen'
            : 'Set HOST and the port to what may be used',
        },
      ],
      { cause: error },
    );
  }
  const address = app.server.address();
  return typeof address === 'object' && address !== null ? address.port : port;
}
