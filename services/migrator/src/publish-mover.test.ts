import { BusUnavailableError, type Bus } from '@couchestor/shared/bus';
import { createVirtualClock, type VirtualClock } from '@couchestor/shared/clock';
import {
  createMemoryLeases,
  createMemoryLeaseServer,
  RedisUnavailableError,
  type Leases,
} from '@couchestor/shared/leases';
import type { MoverObserved } from '@couchestor/shared/messages';
import { expect, test, vi } from 'vitest';
import { whileRunning } from '../test/move-world.ts';
import { publishMover } from './publish-mover.ts';

const LEASE_TTL_MS = 15_000;
const MINUTE_MS = 60_000;

const moverOf = (instance: string): MoverObserved => ({
  instance,
  version: '1',
  method: 'poolCordon',
  fleetLimit: 4,
  activeMigrations: 0,
  cordonedPools: [],
  cordonedNodes: [],
});

interface FakeWriter {
  set(id?: string): Promise<unknown>;
  delete(id?: string): Promise<unknown>;
  ids(): IterableIterator<string>;
}
const busOf = (writer: FakeWriter): Bus =>
  ({
    openFactWriter: () => Promise.resolve({ ...writer, [Symbol.asyncDispose]: () => Promise.resolve() }),
  }) as unknown as Bus;

function farewell(writer: Omit<FakeWriter, 'ids'>) {
  const clock = createVirtualClock();
  const stop = new AbortController();
  const onLeft = vi.fn();
  const done = publishMover({
    bus: busOf({ ...writer, ids: () => ['one'].values() }),
    leases: createMemoryLeases({ clock }),
    leaseTtlMs: LEASE_TTL_MS,
    instance: 'one',
    observe: () => moverOf('one'),
    clock,
    signal: stop.signal,
    onGone: vi.fn(),
    onLeft,
  });
  return { done, onLeft, stop: () => stop.abort(new Error('the migrator stops')) };
}

test('a migrator that stops while the bus is away ends in good order, and says what it left', async () => {
  const { done, onLeft, stop } = farewell({
    set: () => Promise.resolve(),
    delete: () => Promise.reject(new BusUnavailableError('a farewell')),
  });
  stop();
  await done;
  expect(onLeft).toHaveBeenCalledOnce();
});

test('what it was about to say when it stopped is taken back as well', async () => {
  const waiting = Promise.withResolvers<void>();
  const taken = vi.fn(() => Promise.resolve());
  const { done, onLeft, stop } = farewell({ set: () => waiting.promise, delete: taken });
  await Promise.resolve();
  stop();
  waiting.reject(new Error('the migrator stops'));
  await done;
  expect(taken).toHaveBeenCalledOnce();
  expect(onLeft).not.toHaveBeenCalled();
});

test('a defect is no news of a bus that is away', async () => {
  const { done, stop } = farewell({
    set: () => Promise.resolve(),
    delete: () => Promise.reject(new TypeError('oops')),
  });
  stop();
  await expect(done).rejects.toThrow('oops');
});

/** Migrators that share a stream and a Redis; each may die, or be cut off from Redis. */
function createMovers(clock: VirtualClock) {
  const server = createMemoryLeaseServer({ clock });
  const told = new Set<string>();
  const writes: string[] = [];
  const start = (instance: string) => {
    const life = { isDead: false, hasRedis: true };
    const stop = new AbortController();
    const leases = createMemoryLeases({ clock, server, ttlMs: LEASE_TTL_MS });
    const unlessCut = <T>(ask: () => Promise<T>): Promise<T> => {
      if (life.isDead) return new Promise(() => undefined);
      return life.hasRedis ? ask() : Promise.reject(new RedisUnavailableError('lease', 'no answer'));
    };
    const reachable: Pick<Leases, 'acquireLeadership' | 'renewLeadership' | 'releaseLeadership'> = {
      acquireLeadership: (...args) => unlessCut(() => leases.acquireLeadership(...args)),
      renewLeadership: (...args) => unlessCut(() => leases.renewLeadership(...args)),
      releaseLeadership: (...args) => unlessCut(() => leases.releaseLeadership(...args)),
    };
    const write = (what: string, change: () => void): Promise<'published'> => {
      if (life.isDead) return new Promise(() => undefined);
      change();
      writes.push(`${instance} ${what}`);
      return Promise.resolve('published');
    };
    const done = publishMover({
      bus: busOf({
        set: (id = '') => (told.has(id) ? Promise.resolve('unchanged') : write(`tells of ${id}`, () => told.add(id))),
        delete: (id = '') => write(`takes ${id} back`, () => told.delete(id)),
        ids: () => [...told].values(),
      }),
      leases: reachable,
      leaseTtlMs: LEASE_TTL_MS,
      instance,
      observe: () => moverOf(instance),
      clock,
      signal: stop.signal,
      onGone: () => undefined,
      onLeft: () => undefined,
    });
    return { life, stop: () => stop.abort(new Error('stopped')), done };
  };
  return { server, told, writes, start };
}

test('what a migrator told that was killed is taken back by one that lives, and nothing else is', async () => {
  const clock = createVirtualClock();
  const { told, writes, start } = createMovers(clock);
  const [one, two, dead] = [start('one'), start('two'), start('dead')];
  await clock.advance(5_000);
  expect([...told].sort()).toEqual(['dead', 'one', 'two']);
  dead.life.isDead = true;
  // The lease lapses, and then two lives of a lease pass.
  await clock.advance(3 * LEASE_TTL_MS - 5_000);
  expect(told).toContain('dead');
  await clock.advance(2 * LEASE_TTL_MS);
  expect([...told].sort()).toEqual(['one', 'two']);
  await clock.advance(10 * MINUTE_MS);
  expect(writes.filter((what) => what.includes('back'))).toEqual([expect.stringMatching('takes dead back')]);
  one.stop();
  two.stop();
  await whileRunning(clock, Promise.all([one.done, two.done]));
  expect([...told]).toEqual([]);
});

test('one that lives is left alone when Redis forgets everything, is away for long, and forgets it again', async () => {
  const clock = createVirtualClock();
  const { server, told, writes, start } = createMovers(clock);
  const one = start('one');
  await clock.advance(3_000);
  const two = start('two');
  // Just before the first looks after the second, which takes its lease again some seconds later.
  await clock.advance(3 * LEASE_TTL_MS - 3_100);
  server.flush();
  await clock.advance(1_000);
  for (const { life } of [one, two]) life.hasRedis = false;
  await clock.advance(5 * MINUTE_MS - 1_000);
  for (const { life } of [one, two]) life.hasRedis = true;
  server.flush();
  await clock.advance(5 * MINUTE_MS);
  expect([...told].sort()).toEqual(['one', 'two']);
  expect(writes.filter((what) => what.includes('back'))).toEqual([]);
});

test('one that lives is left alone when Redis forgets everything at any time, again and again', async () => {
  const clock = createVirtualClock();
  const { server, told, writes, start } = createMovers(clock);
  const movers = ['one', 'two', 'three'].map(start);
  await clock.advance(5_000);
  for (let round = 0; round < 20; round += 1) {
    server.flush();
    await clock.advance(7_000 * round);
    for (const { life } of movers) life.hasRedis = false;
    await clock.advance(11_000 * round);
    server.flush();
    for (const { life } of movers) life.hasRedis = true;
  }
  await clock.advance(5 * MINUTE_MS);
  expect([...told].sort()).toEqual(['one', 'three', 'two']);
  expect(writes.filter((what) => what.includes('back'))).toEqual([]);
});

test('one that only Redis does not answer is taken for dead once, and tells of itself again when it does', async () => {
  const clock = createVirtualClock();
  const { told, writes, start } = createMovers(clock);
  const [, cut] = [start('one'), start('cut')];
  await clock.advance(5_000);
  cut.life.hasRedis = false;
  await clock.advance(10 * MINUTE_MS);
  expect([...told]).toEqual(['one']);
  expect(writes.filter((what) => what.includes('cut'))).toEqual(['cut tells of cut', 'one takes cut back']);
  cut.life.hasRedis = true;
  await clock.advance(LEASE_TTL_MS);
  expect([...told].sort()).toEqual(['cut', 'one']);
});
