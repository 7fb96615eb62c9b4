import { createVirtualClock, type VirtualClock } from '@couchestor/shared/clock';
import { createMemoryLeases, RedisUnavailableError, type Leases } from '@couchestor/shared/leases';
import { expect, test } from 'vitest';
import { whileRunning } from '../test/move-world.ts';
import { keepLease } from './held-lease.ts';
import { createMoveFence, type MoveFence } from './move-fence.ts';

const LEASE_TTL_MS = 15_000;

async function openLeases(clock: VirtualClock): Promise<Leases> {
  const leases = createMemoryLeases({ clock, ttlMs: LEASE_TTL_MS });
  await leases.registerAll([]);
  await clock.advance(2 * LEASE_TTL_MS);
  expect(await leases.registerAll([])).toEqual({ state: 'open' });
  return leases;
}

function fenceOf(
  migrationId: string,
  clock: VirtualClock,
  leases: Leases,
  { waiting = new Set<string>(), ownership = { lapsed: false } } = {},
): MoveFence {
  return createMoveFence({
    migrationId,
    token: 1,
    leases,
    ownership,
    leaseTtlMs: LEASE_TTL_MS,
    clock,
    waiting,
    sleep: (ms) => clock.sleep(ms),
    onError: () => undefined,
  });
}

test('moves of one process have it one after the other, in the order in which they came to want it', async () => {
  const clock = createVirtualClock();
  const leases = await openLeases(clock);
  const waiting = new Set<string>();
  const [first, second, third] = ['a', 'b', 'c'].map((id) => fenceOf(id, clock, leases, { waiting }));
  if (first === undefined || second === undefined || third === undefined) throw new Error('three were made');
  const held: string[] = [];
  const walk = async (name: string, fence: MoveFence): Promise<void> => {
    await fence.queue(() => true);
    expect(fence.isHeld && fence.lasts(10_000)).toBe(true);
    held.push(name);
    await clock.sleep(name === 'a' ? 20_000 : 1_000);
    expect(fence.isHeld).toBe(true);
    await fence.drop();
    expect(fence.isTaken || fence.isHeld || fence.lasts(0)).toBe(false);
  };
  await whileRunning(clock, Promise.all([walk('a', first), walk('b', second), walk('c', third)]));
  expect(held).toEqual(['a', 'b', 'c']);
  expect(waiting.size).toBe(0);
});

test('it is asked for no longer than it is wanted', async () => {
  const clock = createVirtualClock();
  const leases = await openLeases(clock);
  await leases.acquireFence({ migrationId: 'other', token: 1 });
  const fence = fenceOf('a', clock, leases);
  let isWanted = true;
  clock.after(1_000, () => {
    isWanted = false;
  });
  const sinceMs = clock.monotonicMs();
  await whileRunning(
    clock,
    fence.queue(() => isWanted),
  );
  expect(fence.isTaken).toBe(false);
  expect(clock.monotonicMs() - sinceMs).toBeLessThan(2_000);
});

test('it is nobody’s where Redis answers neither now nor the renewals of a whole lease', async () => {
  const clock = createVirtualClock();
  const leases = await openLeases(clock);
  let isAway = false;
  const ownership = { lapsed: false };
  const away = {
    ...leases,
    acquireFence: (request: Parameters<Leases['acquireFence']>[0]) =>
      isAway ? Promise.reject(new RedisUnavailableError('acquireFence', 'no answer')) : leases.acquireFence(request),
  };
  await leases.acquireFence({ migrationId: 'other', token: 1 });
  const fence = fenceOf('a', clock, away, { ownership });
  const ask = (): Promise<void> => fence.queue(() => false);
  const askInVain = async (): Promise<void> => {
    isAway = true;
    await expect(ask()).rejects.toThrow(RedisUnavailableError);
    isAway = false;
  };
  await askInVain();
  expect(fence.isNobodys).toBe(false);
  ownership.lapsed = true;
  expect(fence.isNobodys).toBe(true);
  // An answer of long ago, or none, says nothing of now.
  await clock.advance(5_000);
  expect(fence.isNobodys).toBe(false);
  await askInVain();
  expect(fence.isNobodys).toBe(true);
  await ask();
  expect(fence.isTaken || fence.isNobodys).toBe(false);
});

test('a lease lapses where its renewals have no answer, and not where they are denied', async () => {
  for (const isDenied of [false, true]) {
    const clock = createVirtualClock();
    await using lease = keepLease({
      clock,
      term: { validUntilMonotonicMs: LEASE_TTL_MS },
      renewEveryMs: LEASE_TTL_MS / 3,
      renew: () => (isDenied ? Promise.resolve(undefined) : Promise.reject(new Error('no answer'))),
      release: () => Promise.resolve(),
      onError: () => undefined,
    });
    await clock.advance(LEASE_TTL_MS - 1);
    expect([lease.lost, lease.lapsed]).toEqual([isDenied, false]);
    await clock.advance(1);
    expect([lease.lost, lease.lapsed]).toEqual([true, !isDenied]);
  }
});
