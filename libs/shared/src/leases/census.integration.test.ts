import { startRedis } from '@couchestor/servers';
import { expect, test } from 'vitest';
import { createSystemClock } from '../clock/index.ts';
import { createLeaseCensusTaker, createLeases } from './index.ts';

test('a census counts what is held, and nothing once it was given back', async () => {
  await using redis = await startRedis();
  const namespace = `census-${process.pid}`;
  const clock = createSystemClock();
  await using leases = createLeases({ redis: redis.url, clock, ttlMs: 1_000, namespace });
  using taker = createLeaseCensusTaker(redis.url, namespace);
  await expect
    .poll(() =>
      leases.ping().then(
        () => 'there',
        () => 'away',
      ),
    )
    .toBe('there');
  await expect.poll(async () => (await leases.registerAll([])).state, { timeout: 10_000 }).toBe('open');

  const grant = await leases.acquireOwnership('volume', 'one');
  if (!grant.granted) throw new Error('nobody else is there');
  const { token } = grant;
  await leases.acquireHolds({ migrationId: 'move', token, holds: [{ key: 'fleet', amount: 1, limit: 2 }] });
  await leases.acquireFence({ migrationId: 'move', token });
  expect(await taker.take()).toEqual({ ownerships: 1, holders: 1, fenceHeld: true });

  await leases.releaseFence('move', token);
  await leases.releaseHolds('move', token);
  await leases.releaseOwnership('volume', 'one', token);
  expect(await taker.take()).toEqual({ ownerships: 0, holders: 0, fenceHeld: false });
});
