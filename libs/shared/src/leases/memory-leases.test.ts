import { describe, expect, test } from 'vitest';
import { createVirtualClock } from '../clock/index.ts';
import { createMemoryLeases } from './create-leases.ts';
import { RedisUnavailableError } from './errors.ts';
import { describeLeases, grantOf, isOpen, openEpoch, until } from './lease-conformance.ts';
import { type CallFate, createMemoryLeaseServer } from './memory-lease-server.ts';

const ttlMs = 15_000;
const holdTtlMs = 60_000;
const callsPerSecond = 6;

function createWorld(fateOf?: (operation: string) => CallFate) {
  const clock = createVirtualClock();
  const server = createMemoryLeaseServer({ clock, ...(fateOf === undefined ? {} : { fateOf }) });
  const connect = () => Promise.resolve(createMemoryLeases({ clock, server, ttlMs, holdTtlMs, callsPerSecond }));
  const tick = () => clock.advance(500);
  return {
    clock,
    server,
    ttlMs,
    holdTtlMs,
    callsPerSecond,
    connect,
    open: async () => openEpoch({ clock, tick }, await connect()),
    tick,
    flush: () => Promise.resolve(server.flush()),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

describe('leases in memory', () => {
  describeLeases(() => Promise.resolve(createWorld()));

  test('a server that was restarted grants nothing before a new epoch, but what is held can be renewed', async () => {
    const world = createWorld();
    const leases = await world.connect();
    await openEpoch(world, leases);
    const { token } = grantOf(await leases.acquireOwnership('v', 'a'));
    world.server.restart();
    expect(await leases.acquireOwnership('w', 'a')).toMatchObject({ reason: 'EpochLost' });
    expect(await leases.renewOwnership('v', 'a', token)).toMatchObject({ renewed: true });
    await until(world, () => leases.registerAll([]), isOpen);
    grantOf(await leases.acquireOwnership('w', 'a'));
  });

  test('a turn at the fence that nobody comes for keeps it from others for a second', async () => {
    const world = createWorld();
    const leases = await world.connect();
    await openEpoch(world, leases);
    const by = (migrationId: string) => ({ migrationId, token: 1 });
    await leases.acquireFence(by('m1'));
    expect(await leases.acquireFence(by('dead'))).toMatchObject({ reason: 'Held' });
    await leases.releaseFence('m1', 1);
    await world.clock.advance(999);
    expect(await leases.acquireFence(by('m2'))).toMatchObject({ reason: 'Held', retryInMs: 1 });
    await world.clock.advance(1);
    expect(await leases.acquireFence(by('m2'))).toMatchObject({ granted: true });
  });

  test('each lease lasts from when it was asked for, however long the answer takes', async () => {
    const world = createWorld();
    await openEpoch(world, await world.connect());
    const answerMs = 900;
    const slowly = async <T>(reply: Promise<T>): Promise<T> => {
      await world.clock.advance(answerMs);
      return reply;
    };
    const { server, clock } = world;
    const leases = createMemoryLeases({
      clock,
      ttlMs,
      holdTtlMs,
      callsPerSecond,
      server: {
        ...server,
        acquireLease: (request) => slowly(server.acquireLease(request)),
        renewLease: (request) => slowly(server.renewLease(request)),
        acquireFence: (request) => slowly(server.acquireFence(request)),
        renewFence: (request) => slowly(server.renewFence(request)),
      },
    });
    const lastsFor = async (answer: Promise<object>): Promise<number | undefined> => {
      const { validUntilMonotonicMs } = (await answer) as { readonly validUntilMonotonicMs?: number };
      return validUntilMonotonicMs === undefined ? undefined : validUntilMonotonicMs - clock.monotonicMs();
    };
    const grant = grantOf(await leases.acquireOwnership('v', 'a'));
    expect(grant.validUntilMonotonicMs - clock.monotonicMs()).toBe(ttlMs - answerMs);
    expect(await lastsFor(leases.renewOwnership('v', 'a', grant.token))).toBe(ttlMs - answerMs);
    expect(await lastsFor(leases.acquireFence({ migrationId: 'm', token: grant.token }))).toBe(ttlMs - answerMs);
    expect(await lastsFor(leases.renewFence('m', grant.token))).toBe(ttlMs - answerMs);
  });

  test('without an answer nothing is granted, whether or not it was done', async () => {
    let fate: CallFate = 'done';
    const world = createWorld(() => fate);
    const leases = await world.connect();
    await openEpoch(world, leases);
    fate = 'refused';
    await expect(leases.acquireOwnership('v', 'a')).rejects.toThrow(RedisUnavailableError);
    fate = 'unanswered';
    await expect(leases.acquireOwnership('w', 'a')).rejects.toThrow(RedisUnavailableError);
    fate = 'done';
    grantOf(await leases.acquireOwnership('v', 'b'));
    expect(await leases.acquireOwnership('w', 'b')).toMatchObject({ reason: 'Held' });
  });
});
