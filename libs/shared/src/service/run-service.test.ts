import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { type SpawnedProcess, spawnProcess } from '@couchestor/servers';
import { expect, test, vi } from 'vitest';

interface RunningService extends AsyncDisposable {
  readonly process: SpawnedProcess;
  readonly lines: readonly Readonly<Record<string, unknown>>[];
  untilLogged(msg: string): Promise<Readonly<Record<string, unknown>>>;
}

async function startExample(env: Readonly<Record<string, string>>): Promise<RunningService> {
  const lines: Record<string, unknown>[] = [];
  const child = await spawnProcess({
    name: 'example',
    command: process.execPath,
    args: [fileURLToPath(new URL('./fixtures/example-service.ts', import.meta.url))],
    env: { ...process.env, HOST: '127.0.0.1', METRICS_PORT: '0', HEALTH_PORT: '0', ...env },
    onLine: (line) => lines.push(JSON.parse(line) as Record<string, unknown>),
  });
  return {
    process: child,
    lines,
    untilLogged: (msg) =>
      vi.waitFor(
        () => {
          const found = lines.find((line) => line['msg'] === msg);
          if (found === undefined) throw new Error(`not logged: ${msg}; but ${JSON.stringify(lines)}`);
          return found;
        },
        { timeout: 10_000 },
      ),
    [Symbol.asyncDispose]: async () => {
      await child.kill();
    },
  };
}

test('a service serves metrics, health and its own routes, and stops with 0 when it is asked to', async () => {
  await using service = await startExample({ LIMIT: '5' });
  const { metricsPort, healthPort } = await service.untilLogged('starting');
  await service.untilLogged('started');
  const read = async (port: unknown, path: string): Promise<{ status: number; text: string }> => {
    const response = await fetch(`http://127.0.0.1:${String(port)}${path}`);
    return { status: response.status, text: await response.text() };
  };
  const metrics = await read(metricsPort, '/metrics');
  expect(metrics.text).toContain(
    `couchestor_build_info{service="example",version="development",node="${process.version}"} 1`,
  );
  expect(metrics.text).toContain('nodejs_eventloop_lag_seconds');
  expect(await read(healthPort, '/healthz')).toEqual({ status: 200, text: 'ok' });
  expect(await read(healthPort, '/livez')).toEqual({ status: 200, text: '{"live":true}' });
  expect(await read(healthPort, '/v1/limit')).toEqual({ status: 200, text: '{"limit":5}' });
  expect((await read(healthPort, '/v1/other')).status).toBe(404);
  const readyz = await read(healthPort, '/readyz');
  expect((await read(healthPort, '/v1/readiness')).text).toBe(readyz.text);
  expect(readyz.status).toBe(200);
  expect(JSON.parse(readyz.text)).toMatchObject({
    ready: true,
    dependencies: [{ name: 'service' }, { name: 'dependency' }],
  });

  expect(await service.process.stop()).toEqual({ code: 0, signal: null });
  expect(service.lines.map(({ msg }) => msg)).toEqual(['starting', 'started', 'stopping', 'closing', 'stopped']);
  expect(service.lines[0]).toMatchObject({
    level: 'INFO',
    service: 'example',
    time: expect.stringMatching(/^\d{4}-.*Z$/),
  });
});

test('a service that is asked to stop while it starts stops with 0', async () => {
  await using service = await startExample({ BEHAVIOUR: 'slow-start' });
  await service.untilLogged('starting');
  expect(await service.process.stop()).toEqual({ code: 0, signal: null });
});

test('a second signal ends a service that does not stop', async () => {
  await using service = await startExample({ BEHAVIOUR: 'never-stops' });
  await service.untilLogged('started');
  process.kill(service.process.pid, 'SIGINT');
  await service.untilLogged('closing');
  process.kill(service.process.pid, 'SIGTERM');
  expect(await service.process.exited).toEqual({ code: 1, signal: null });
});

test.each([
  ['fails-at-start', 'the service failed', 'no luck'],
  ['fails-later', 'a rejection was not handled', 'lost along the way'],
])('a service that %s logs why and exits with 1', async (behaviour, msg, cause) => {
  await using service = await startExample({ BEHAVIOUR: behaviour });
  expect(await service.process.exited).toEqual({ code: 1, signal: null });
  expect(service.lines.at(-1)).toMatchObject({ level: 'ERROR', msg, err: { message: cause } });
});

test('all faults of the configuration are logged at once', async () => {
  await using service = await startExample({ LIMIT: '0', METRICS_PORT: 'high', LOG_LEVEL: 'loud' });
  expect(await service.process.exited).toEqual({ code: 1, signal: null });
  expect(service.lines.at(-1)).toMatchObject({
    level: 'ERROR',
    err: {
      code: 'COUCHESTOR_CONFIGURATION_INVALID',
      faults: [{ name: 'LOG_LEVEL' }, { name: 'METRICS_PORT' }, { name: 'LIMIT' }],
    },
  });
});

test('a port that is taken is named with its setting', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as AddressInfo;
  try {
    await using service = await startExample({ HEALTH_PORT: String(port) });
    expect(await service.process.exited).toEqual({ code: 1, signal: null });
    expect(service.lines.at(-1)).toMatchObject({
      err: { message: expect.stringContaining(`HEALTH_PORT="${port}": the port is taken on 127.0.0.1`) },
    });
  } finally {
    other.close();
  }
});
