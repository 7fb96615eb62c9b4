import { startRedis } from '@couchestor/servers';
import { expect, test } from 'vitest';
import { createSystemClock } from '../clock/index.ts';
import { createLeaseCensusTaker, createLeases } from './index.ts';
import { openEpoch, whenAnswering } from './lease-conformance.ts';

test('a census counts what is held, and nothing once it was given back', async () => {
  await using redis = await startRedis();
  const namespace = `census-${process.pid}`;
  const clock = createSystemClock();
  const tick = (): Promise<void> => clock.sleep(5);
  const options = { redis: redis.url, clock, namespace, commandTimeoutMs: 30_000 };
  // How long a life is, is up to who opens the epoch; a short one spares the wait.
  await using opener = createLeases({ ...options, ttlMs: 1 });
  await using leases = createLeases({ ...options, ttlMs: 600_000, holdTtlMs: 600_000 });
  using taker = createLeaseCensusTaker(redis.url, namespace);
  for (const each of [opener, leases]) await whenAnswering({ clock, tick }, each);
  await openEpoch({ clock, tick }, opener);

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
