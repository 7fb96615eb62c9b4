import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { type Server, startRedis } from '@couchestor/servers';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { createSystemClock } from '../clock/index.ts';
import { createLeases, type RedisLeasesOptions } from './create-leases.ts';
import { RedisUnavailableError } from './errors.ts';
import {
  describeLeases,
  grantOf,
  type LeaseWorld,
  one,
  openEpoch,
  request,
  until,
  whenAnswering,
} from './lease-conformance.ts';
import type { Leases } from './leases.ts';

const clock = createSystemClock();
/** Longer than a busy machine may stand still, or what is held would lapse while the test looks away. */
const ttlMs = 2_500;
const holdTtlMs = 3_000;
const callsPerSecond = 6;
/** For servers that answer, however late this process hears of it. */
const PATIENT_MS = 30_000;
const HASTY_MS = 500;
const tick = (): Promise<void> => clock.sleep(20);
const isGranted = ({ granted }: { readonly granted: boolean }): boolean => granted;

interface Site {
  readonly server: Server;
  readonly admin: Redis;
}

async function openSite(env: NodeJS.ProcessEnv = process.env): Promise<Site> {
  const server = await startRedis({ env });
  const admin = new Redis(server.url);
  // The tests take the server away; that it is missed is no surprise.
  admin.on('error', () => undefined);
  return { server, admin };
}

async function closeSite({ server, admin }: Site): Promise<void> {
  admin.disconnect();
  await server[Symbol.asyncDispose]();
}

/** As the kernel has it: `T` for a process that was stopped. */
const stateOf = (pid: number): string => execFileSync('ps', ['-o', 'state=', '-p', String(pid)]).toString();

/** Resolves when the server answers: commands fail at once while there is no connection. */
async function connect(
  url: string,
  namespace: string,
  options: Partial<Pick<RedisLeasesOptions, 'ttlMs' | 'holdTtlMs' | 'commandTimeoutMs' | 'onLost'>> = {},
): Promise<Leases> {
  const leases = createLeases({
    redis: url,
    clock,
    namespace,
    ttlMs,
    holdTtlMs,
    callsPerSecond,
    commandTimeoutMs: PATIENT_MS,
    ...options,
  });
  await whenAnswering({ clock, tick }, leases);
  return leases;
}

/** How long a life is, is up to who opens the epoch; a short one spares the wait. */
async function open(url: string, namespace: string): Promise<void> {
  await using opener = await connect(url, namespace, { ttlMs: 1 });
  await openEpoch({ clock, tick }, opener);
}

// They wait more than they work, and have a namespace each.
vi.setConfig({ maxConcurrency: 9 });
describe.concurrent('leases on Redis', () => {
  let site: Site;
  beforeAll(async () => {
    site = await openSite();
  });
  afterAll(() => closeSite(site));

  async function removeKeys(namespace: string): Promise<void> {
    const keys = await site.admin.keys(`{${namespace}}:*`);
    if (keys.length > 0) await site.admin.del(...keys);
  }

  /** A namespace of its own is as good as a server of its own. */
  function createWorld(): LeaseWorld {
    const namespace = `test-${randomUUID()}`;
    return {
      clock,
      ttlMs,
      holdTtlMs,
      callsPerSecond,
      connect: () => connect(site.server.url, namespace),
      open: () => open(site.server.url, namespace),
      tick,
      flush: () => removeKeys(namespace),
      [Symbol.asyncDispose]: () => removeKeys(namespace),
    };
  }

  describeLeases(() => Promise.resolve(createWorld()));

  test('every key has the hash tag that keeps it on one node of a cluster, and nothing of a lease is left once it has lapsed', async () => {
    const namespace = `test-${randomUUID()}`;
    await using leases = await connect(site.server.url, namespace);
    await open(site.server.url, namespace);
    const { token } = grantOf(await leases.acquireOwnership('v', 'a'));
    await leases.acquireHolds(request('m1', token, one('fleet')));
    await leases.acquireFence({ migrationId: 'm1', token });
    await leases.takeCall('act', 50);
    const keys = await site.admin.keys(`*${namespace}*`);
    expect(keys.length).toBeGreaterThan(5);
    expect(keys.filter((key) => !key.startsWith(`{${namespace}}:`))).toEqual([]);
    const lasting = [
      `{${namespace}}:epoch`,
      `{${namespace}}:token`,
      `{${namespace}}:holds`,
      `{${namespace}}:holds-expiry`,
      `{${namespace}}:calls-run`,
    ];
    await until(
      { clock, tick },
      () => site.admin.keys(`*${namespace}*`),
      (left) => left.every((key) => lasting.includes(key)),
    );
    await removeKeys(namespace);
  });

  test('many processes at once never exceed a limit', async () => {
    const namespace = `test-${randomUUID()}`;
    await using first = await connect(site.server.url, namespace);
    await using second = await connect(site.server.url, namespace);
    await open(site.server.url, namespace);
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, index) =>
        (index % 2 === 0 ? first : second).acquireHolds(
          request(`m${index}`, index + 1, { key: 'fleet', amount: 1, limit: 7 }),
        ),
      ),
    );
    expect(answers.filter(({ granted }) => granted)).toHaveLength(7);
    const owners = await Promise.all(
      Array.from({ length: 20 }, (_, index) => first.acquireOwnership('v', `instance-${index}`)),
    );
    expect(owners.filter(({ granted }) => granted)).toHaveLength(1);
    await removeKeys(namespace);
  });
});

describe('a Redis server that fails', () => {
  let site: Site;
  beforeAll(async () => {
    // These tests end the server, so it must be one of their own.
    site = await openSite({ ...process.env, COUCHESTOR_REDIS_URL: '' });
  });
  afterAll(() => closeSite(site));

  test('FLUSHALL: no grant before a new epoch, then as before', async () => {
    await using leases = await connect(site.server.url, 'flushed');
    await open(site.server.url, 'flushed');
    const before = grantOf(await leases.acquireOwnership('v', 'a'));
    await site.admin.flushall();
    expect(await leases.acquireOwnership('v', 'b')).toMatchObject({ reason: 'EpochLost' });
    await open(site.server.url, 'flushed');
    expect(grantOf(await leases.acquireOwnership('v', 'b')).token).toBeGreaterThan(before.token);
  });

  test('SIGKILL and restart: failing at once, back by itself, no grant before a new epoch', async () => {
    const losses: Error[] = [];
    await using leases = await connect(site.server.url, 'killed', {
      onLost: (error) => losses.push(error),
      // On a busy machine the restart takes its time.
      holdTtlMs: 60_000,
    });
    await open(site.server.url, 'killed');
    const { token } = grantOf(await leases.acquireOwnership('v', 'a'));
    await leases.acquireHolds(request('m1', token, one('fleet')));

    // A server that waits for its disk keeps what it was told in memory for a while, and would take it along.
    await until(
      { clock, tick },
      () => site.admin.info('persistence'),
      (said) => /aof_buffer_length:0\b/.test(said),
    );
    await site.server.kill();
    const beganMs = clock.monotonicMs();
    for (let count = 0; count < 5; count += 1) {
      await expect(leases.acquireOwnership('w', 'a')).rejects.toThrow(RedisUnavailableError);
    }
    // None of them has waited for its deadline.
    expect(clock.monotonicMs() - beganMs).toBeLessThan(PATIENT_MS);
    expect(losses).toHaveLength(1);

    await site.server.restart();
    await whenAnswering({ clock, tick }, leases);
    // Its data are back, but what was granted last before the end need not be among them.
    expect(await leases.acquireOwnership('w', 'a')).toMatchObject({ reason: 'EpochLost' });
    expect(await leases.acquireHolds(request('m2', token, one('pool/x')))).toMatchObject({ reason: 'EpochLost' });
    await open(site.server.url, 'killed');
    expect(await leases.acquireHolds(request('m2', token, one('fleet')))).toMatchObject({ refusedBy: 'fleet' });
    expect(grantOf(await leases.acquireOwnership('w', 'a')).token).toBeGreaterThan(token);
  });

  test('a server that hangs fails commands at their deadline, and serves again when it goes on', async () => {
    await open(site.server.url, 'hanging');
    await using leases = await connect(site.server.url, 'hanging', { commandTimeoutMs: HASTY_MS });
    const { pid } = site.server;
    if (pid === undefined) throw new Error('a server of our own has a process');
    process.kill(pid, 'SIGSTOP');
    try {
      await until(
        { clock, tick },
        () => Promise.resolve(stateOf(pid)),
        (state) => state.startsWith('T'),
      );
      const asking = leases.acquireOwnership('v', 'a');
      await expect(asking).rejects.toThrow(RedisUnavailableError);
      // Its own deadline, not the end of the connection that comes after it.
      await expect(asking).rejects.toThrow(`no answer within ${HASTY_MS} ms`);
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    await whenAnswering({ clock, tick }, leases);
    // The command may have been done when the server went on: who asked must not count on either.
    await using patient = await connect(site.server.url, 'hanging');
    await until({ clock, tick }, () => patient.acquireOwnership('v', 'b'), isGranted);
  });

  test('a server that was never there fails commands at once', async () => {
    // Port 1 of the loopback has no listener.
    await using leases = createLeases({ redis: 'redis://127.0.0.1:1', clock, commandTimeoutMs: HASTY_MS });
    await expect(leases.ping()).rejects.toMatchObject({
      code: 'COUCHESTOR_REDIS_UNAVAILABLE',
      retry: { retry: 'after' },
    });
  });
});
