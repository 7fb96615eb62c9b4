import { startNats, type Server } from '@couchestor/servers';
import { connectBus, type Bus } from '@couchestor/shared/bus';
import { createSystemClock, createVirtualClock } from '@couchestor/shared/clock';
import { createMemoryLeases, createMemoryLeaseServer, RedisUnavailableError } from '@couchestor/shared/leases';
import type { MoverObserved } from '@couchestor/shared/messages';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { publishMover } from './publish-mover.ts';

const LEASE_TTL_MS = 15_000;
const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

let nats: Server;
beforeAll(async () => {
  const { COUCHESTOR_NATS_URL: _shared, ...env } = process.env;
  nats = await startNats({ env });
});
afterAll(() => nats[Symbol.asyncDispose]());

const moverOf = (instance: string): MoverObserved => ({
  instance,
  version: '1',
  method: 'poolCordon',
  fleetLimit: 4,
  activeMigrations: 0,
  cordonedPools: [],
  cordonedNodes: [],
});

function connect(instance: string): Promise<Bus> {
  return connectBus({
    servers: nats.url,
    service: 'migrator',
    instance,
    clock: createSystemClock(),
    logger: silent,
    registry: new Registry(),
  });
}

test('what a migrator told that seems dead goes from the stream, and comes back when it lives after all', async () => {
  // The bus is as slow as it is; what migrators wait for passes as soon as it may.
  const clock = createVirtualClock();
  const server = createMemoryLeaseServer({ clock });
  const [ending, reading] = [new AbortController(), new AbortController()];
  await using one = await connect('one');
  await using two = await connect('two');
  await using reader = await connect('reader');
  await one.ensureStreams();
  const tables = await reader.openFacts(['mover.observed'], { signal: reading.signal });
  const told = (): string[] => [...tables.of('mover.observed').keys()].sort();
  const gone = vi.fn();
  let isCut = false;
  const start = (bus: Bus, instance: string, mayFail: () => boolean): Promise<void> => {
    const leases = createMemoryLeases({ clock, server, ttlMs: LEASE_TTL_MS });
    const unlessCut = <T>(ask: () => Promise<T>): Promise<T> =>
      mayFail() ? Promise.reject(new RedisUnavailableError('lease', 'no answer')) : ask();
    return publishMover({
      bus,
      instance,
      observe: () => moverOf(instance),
      leases: {
        acquireLeadership: (...args) => unlessCut(() => leases.acquireLeadership(...args)),
        renewLeadership: (...args) => unlessCut(() => leases.renewLeadership(...args)),
        releaseLeadership: (...args) => unlessCut(() => leases.releaseLeadership(...args)),
      },
      leaseTtlMs: LEASE_TTL_MS,
      clock,
      signal: ending.signal,
      onGone: gone,
      onLeft: () => undefined,
    });
  };
  const running = Promise.all([start(one, 'one', () => false), start(two, 'two', () => isCut)]);
  const eventually = (check: () => void): Promise<void> =>
    vi.waitFor(
      async () => {
        await clock.advance(1_000);
        check();
      },
      { timeout: 25_000, interval: 10 },
    );
  await eventually(() => expect(told()).toEqual(['one', 'two']));
  isCut = true;
  await eventually(() => expect(told()).toEqual(['one']));
  expect(gone.mock.calls).toEqual([['two']]);
  isCut = false;
  await eventually(() => expect(told()).toEqual(['one', 'two']));
  ending.abort(new Error('the migrators stop'));
  await running;
  await eventually(() => expect(told()).toEqual([]));
  reading.abort(new Error('the test ends'));
});
