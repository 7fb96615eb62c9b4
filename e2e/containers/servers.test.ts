import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startNats, startPrometheus, startRedis } from '@couchestor/servers';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { type ContainerBed, openContainerBed, whyLeftOut } from './container-bed.ts';

const leftOut = await whyLeftOut();

describe.skipIf(leftOut !== undefined)('servers from Docker', () => {
  let bed: ContainerBed;
  let env: NodeJS.ProcessEnv;

  beforeAll(async () => {
    bed = await openContainerBed();
    env = { ...process.env, ...bed.env };
    // The container library reads its own settings from the environment of the process.
    for (const [name, value] of Object.entries(bed.env)) vi.stubEnv(name, value);
  });
  afterEach(async () => {
    const left = await bed.containers();
    if (left.length > 0) throw new Error(`containers were left behind: ${left.join(', ')}`);
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await bed[Symbol.asyncDispose]();
  });

  test('NATS keeps a stream and its messages over a restart and a kill', async () => {
    await using server = await startNats({ env });
    expect(server).toMatchObject({ origin: 'docker', shared: false });
    expect(await bed.containers()).toHaveLength(1);
    const { url } = server;
    {
      const connection = await connect({ servers: url });
      const manager = await jetstreamManager(connection);
      await manager.streams.add({ name: 'KEPT', subjects: ['kept.>'] });
      await jetstream(connection).publish('kept.first', 'a message');
      await connection.close();
    }
    for (const end of ['stop', 'kill'] as const) {
      await server[end]();
      await server.restart();
      expect(server.url).toBe(url);
      const connection = await connect({ servers: url });
      const manager = await jetstreamManager(connection);
      const message = await manager.streams.getMessage('KEPT', { last_by_subj: 'kept.first' });
      expect(message?.string()).toBe('a message');
      await connection.close();
    }
  });

  test('Redis keeps keys over a restart and a kill, and shows its log after them', async () => {
    const lines: string[] = [];
    await using server = await startRedis({ env, onLine: (line) => lines.push(line) });
    const redis = new Redis(server.url);
    // A connection that breaks is expected here, and reported nowhere else.
    redis.on('error', () => undefined);
    try {
      await redis.set('kept', 'yes');
      for (const end of ['stop', 'kill'] as const) {
        await server[end]();
        lines.length = 0;
        await server.restart();
        expect(await redis.get('kept')).toBe('yes');
        await vi.waitFor(
          () => expect(lines).toContainEqual(expect.stringContaining('Ready to accept connections')),
          30_000,
        );
        expect(lines.filter((line) => line.includes('\n'))).toEqual([]);
      }
    } finally {
      redis.disconnect();
    }
  });

  test('Prometheus scrapes targets on loopback and keeps samples over a restart', async () => {
    const target = createServer((_, response) => response.end('answer 42\n')).listen(0, '127.0.0.1');
    await once(target, 'listening');
    const { port } = target.address() as AddressInfo;
    try {
      await using server = await startPrometheus({
        env,
        scrapeTargets: [{ job: 'box', targets: [`127.0.0.1:${port}`] }],
      });
      const query = async (expression: string): Promise<unknown> =>
        (await fetch(`${server.url}/api/v1/query?query=${encodeURIComponent(expression)}`)).json();
      const found = { data: { result: [{ metric: { job: 'box' }, value: [expect.any(Number), '42'] }] } };
      await vi.waitFor(async () => expect(await query('answer')).toMatchObject(found), 30_000);
      target.close();
      target.closeAllConnections();
      await server.restart();
      expect(await query('last_over_time(answer[5m])')).toMatchObject(found);
    } finally {
      target.close();
      target.closeAllConnections();
    }
  });

  test('an image that cannot run the server is reported, and its container is removed', async () => {
    const natsImage = bed.env['COUCHESTOR_NATS_IMAGE'];
    const start = startRedis({ env: { ...env, COUCHESTOR_REDIS_IMAGE: natsImage } });
    await expect(start).rejects.toThrow(/redis-server.*executable file not found/);
  });

  test('a server that ends at once is reported with its last words, and its container is removed', async () => {
    await expect(startPrometheus({ env, extraArgs: ['--no-such-flag'] })).rejects.toThrow(/unknown long flag/);
  });
});
