import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { expect, test, vi } from 'vitest';
import { freePort, type Server, ServerStartError, startNats, startPrometheus, startRedis } from './index.ts';

/** Sends one text over TCP and reads until the answer matches: enough to ask Redis and NATS something. */
async function exchange(server: Server, request: string, until: RegExp): Promise<string> {
  const { hostname, port } = new URL(server.url);
  const socket = connect(Number(port), hostname);
  let answer = '';
  try {
    socket.write(request);
    for await (const chunk of socket) {
      answer += String(chunk);
      if (until.test(answer)) return answer;
    }
    throw new Error(`the connection ended after ${JSON.stringify(answer)}`);
  } finally {
    socket.destroy();
  }
}

const jetStream = (server: Server, subject: string, body: unknown, until: RegExp): Promise<string> => {
  const payload = JSON.stringify(body);
  const lines = ['CONNECT {"verbose":false}', 'SUB answer 1', `PUB ${subject} answer ${payload.length}`, payload, ''];
  return exchange(server, lines.join('\r\n'), until);
};

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

const foldersOf = (name: string): string[] =>
  readdirSync(tmpdir()).filter((entry) => entry.startsWith(`couchestor-${name}-`));

const binaryOnly: NodeJS.ProcessEnv = { ...process.env, COUCHESTOR_SERVERS: 'binary' };
delete binaryOnly['COUCHESTOR_NATS_URL'];
delete binaryOnly['COUCHESTOR_REDIS_URL'];
delete binaryOnly['COUCHESTOR_PROMETHEUS_URL'];

test('NATS keeps a stream over a kill and a restart, and leaves nothing behind', async () => {
  const before = foldersOf('nats');
  const server = await startNats({ env: binaryOnly });
  expect(server).toMatchObject({
    origin: 'binary',
    shared: false,
    url: expect.stringMatching(/^nats:\/\/127\.0\.0\.1:\d+$/),
  });
  const stream = { name: 'KEPT', subjects: ['kept.>'], storage: 'file', retention: 'limits', num_replicas: 1 };
  await jetStream(server, '$JS.API.STREAM.CREATE.KEPT', stream, /stream_create_response.*KEPT/);
  const { pid, url } = server;
  await server.kill();
  expect(server.pid).toBeUndefined();
  await server.restart();
  expect(server.url).toBe(url);
  expect(server.pid).not.toBe(pid);
  await jetStream(server, '$JS.API.STREAM.INFO.KEPT', {}, /stream_info_response.*"name":"KEPT"/);
  const lastPid = server.pid ?? 0;
  await server[Symbol.asyncDispose]();
  expect(isAlive(lastPid)).toBe(false);
  expect(foldersOf('nats')).toEqual(before);
});

test('Redis keeps keys over a graceful restart and a kill, and leaves nothing behind', async () => {
  const before = foldersOf('redis');
  const server = await startRedis({ env: binaryOnly });
  await exchange(server, 'SET kept yes\r\n', /OK/);
  await server.restart();
  expect(await exchange(server, 'GET kept\r\n', /\$\d+\r\n.*\r\n/)).toContain('yes');
  await server.kill();
  await server.restart();
  expect(await exchange(server, 'GET kept\r\n', /\$\d+\r\n.*\r\n/)).toContain('yes');
  const lastPid = server.pid ?? 0;
  expect(isAlive(lastPid)).toBe(true);
  await server[Symbol.asyncDispose]();
  expect(isAlive(lastPid)).toBe(false);
  expect(foldersOf('redis')).toEqual(before);
});

test('Prometheus scrapes its targets each second below its base path', async () => {
  const target = createServer((_, response) => response.end('answer 42\n')).listen(0, '127.0.0.1');
  await once(target, 'listening');
  const { port } = target.address() as AddressInfo;
  try {
    await using server = await startPrometheus({
      env: binaryOnly,
      basePath: '/metrics-store',
      scrapeTargets: [{ job: 'box', targets: [`127.0.0.1:${port}`], labels: { kind: 'test' } }],
    });
    await vi.waitFor(
      async () => {
        const response = await fetch(`${server.url}/api/v1/query?query=answer`);
        expect(await response.json()).toMatchObject({
          data: { result: [{ metric: { job: 'box', kind: 'test' }, value: [expect.any(Number), '42'] }] },
        });
      },
      { timeout: 10_000, interval: 200 },
    );
  } finally {
    target.close();
    target.closeAllConnections();
  }
});

test('a server whose preferred port is taken listens on another one', async () => {
  await using first = await startRedis({ env: binaryOnly, port: await freePort() });
  await using second = await startRedis({ env: binaryOnly, port: Number(new URL(first.url).port) });
  expect(second.url).not.toBe(first.url);
  await exchange(second, 'PING\r\n', /PONG/);
});

test('a given server is used as it is and survives its user', async () => {
  await using own = await startRedis({ env: binaryOnly });
  {
    await using given = await startRedis({ env: { COUCHESTOR_REDIS_URL: own.url } });
    expect(given).toMatchObject({ url: own.url, origin: 'given', shared: true, pid: undefined });
    await expect(given.kill()).rejects.toThrow('COUCHESTOR_REDIS_URL is not ours to end');
  }
  await exchange(own, 'PING\r\n', /PONG/);
});

test('a server that cannot start says why and leaves no folder', async () => {
  const before = foldersOf('prometheus');
  const start = startPrometheus({ env: binaryOnly, extraArgs: ['--no-such-flag'] });
  await expect(start).rejects.toThrow(ServerStartError);
  await expect(start).rejects.toThrow(/no-such-flag/);
  expect(foldersOf('prometheus')).toEqual(before);
});

test('a wrong COUCHESTOR_SERVERS is named with its remedy', async () => {
  await expect(startNats({ env: { COUCHESTOR_SERVERS: 'podman' } })).rejects.toThrow('may be "binary" or "docker"');
});
