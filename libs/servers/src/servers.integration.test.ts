import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
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

/** Servers of other tests come and go beside these. */
const folder = mkdtempSync(join(tmpdir(), 'couchestor-test-'));
beforeAll(() => void vi.stubEnv('TMPDIR', folder));
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

const foldersOf = (name: string): string[] =>
  readdirSync(tmpdir()).filter((entry) => entry.startsWith(`couchestor-${name}-`));

/** Servers of our own, as processes unless `COUCHESTOR_SERVERS` says otherwise. */
const own: NodeJS.ProcessEnv = {
  ...process.env,
  COUCHESTOR_NATS_URL: '',
  COUCHESTOR_REDIS_URL: '',
  COUCHESTOR_PROMETHEUS_URL: '',
};
const origin = own['COUCHESTOR_SERVERS'] === 'docker' ? 'docker' : 'binary';

/** What would be left of a server that was not cleaned up: a process, a listener, a folder. */
async function expectGone(server: Server, pid: number | undefined): Promise<void> {
  expect(pid !== undefined && isAlive(pid)).toBe(false);
  await expect(exchange(server, '', /./)).rejects.toThrow('ECONNREFUSED');
}

test('NATS keeps a stream over a kill and a restart, and leaves nothing behind', async () => {
  const before = foldersOf('nats');
  const server = await startNats({ env: own });
  expect(server).toMatchObject({
    origin,
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
  expect(server.pid).toSatisfy((newPid) => origin === 'docker' || newPid !== pid);
  await jetStream(server, '$JS.API.STREAM.INFO.KEPT', {}, /stream_info_response.*"name":"KEPT"/);
  const lastPid = server.pid;
  await server[Symbol.asyncDispose]();
  await expectGone(server, lastPid);
  expect(foldersOf('nats')).toEqual(before);
});

test('Redis keeps keys over a graceful restart and a kill, and leaves nothing behind', async () => {
  const before = foldersOf('redis');
  const server = await startRedis({ env: own });
  await exchange(server, 'SET kept yes\r\n', /OK/);
  await server.restart();
  expect(await exchange(server, 'GET kept\r\n', /\$\d+\r\n.*\r\n/)).toContain('yes');
  await server.kill();
  await server.restart();
  expect(await exchange(server, 'GET kept\r\n', /\$\d+\r\n.*\r\n/)).toContain('yes');
  const lastPid = server.pid;
  await server[Symbol.asyncDispose]();
  await expectGone(server, lastPid);
  expect(foldersOf('redis')).toEqual(before);
});

test('Prometheus scrapes its targets each second below its base path', async () => {
  const target = createServer((_, response) => response.end('answer 42\n')).listen(0, '127.0.0.1');
  await once(target, 'listening');
  const { port } = target.address() as AddressInfo;
  try {
    await using server = await startPrometheus({
      env: own,
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
      { timeout: 25_000, interval: 200 },
    );
  } finally {
    target.close();
    target.closeAllConnections();
  }
});

test('a server whose preferred port is taken listens on another one', async () => {
  await using first = await startRedis({ env: own, port: await freePort() });
  await using second = await startRedis({ env: own, port: Number(new URL(first.url).port) });
  expect(second.url).not.toBe(first.url);
  await exchange(second, 'PING\r\n', /PONG/);
});

test('a given server is used as it is and survives its user', async () => {
  await using running = await startRedis({ env: own });
  {
    await using given = await startRedis({ env: { COUCHESTOR_REDIS_URL: running.url } });
    expect(given).toMatchObject({ url: running.url, origin: 'given', shared: true, pid: undefined });
    await expect(given.kill()).rejects.toThrow('COUCHESTOR_REDIS_URL is not ours to end');
  }
  await exchange(running, 'PING\r\n', /PONG/);
});

test('a server that cannot start says why and leaves no folder', async () => {
  const before = foldersOf('prometheus');
  const start = startPrometheus({ env: own, extraArgs: ['--no-such-flag'] });
  await expect(start).rejects.toThrow(ServerStartError);
  await expect(start).rejects.toThrow(/no-such-flag/);
  expect(foldersOf('prometheus')).toEqual(before);
});

test('a wrong COUCHESTOR_SERVERS is named with its remedy', async () => {
  await expect(startNats({ env: { COUCHESTOR_SERVERS: 'podman' } })).rejects.toThrow('may be "binary" or "docker"');
});
