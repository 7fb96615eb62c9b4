import { createVirtualClock } from '@couchestor/shared/clock';
import { createMemoryLeases, RedisUnavailableError, type Leases } from '@couchestor/shared/leases';
import { expect, test } from 'vitest';
import { createLimits } from './limits.ts';

const LEASE_TTL_MS = 15_000;

test('room that was granted without an answer is given back, and whoever comes next has it', async () => {
  const clock = createVirtualClock();
  const redis = createMemoryLeases({ clock, ttlMs: LEASE_TTL_MS });
  await redis.registerAll([]);
  await clock.advance(2 * LEASE_TTL_MS);
  await redis.registerAll([]);
  let isAnswered = false;
  const leases: Leases = {
    ...redis,
    acquireHolds: async (request) => {
      const answer = await redis.acquireHolds(request);
      if (!isAnswered) throw new RedisUnavailableError('hold', 'no answer in time');
      return answer;
    },
  };
  const limits = createLimits({
    leases,
    intents: { list: () => Promise.resolve(new Map()) },
    board: { active: () => new Map() },
    fleet: { migrations: 1, bytes: 1_000 },
    clock,
    logger: { info: () => undefined },
    signal: new AbortController().signal,
  });
  const move = (migrationId: string) => ({
    migrationId,
    policyId: 'policy',
    sizeBytes: 1,
    limits: { policy: 1, perPool: 1, perNode: 1 },
  });
  await expect(limits.take(move('first'), 1)).rejects.toThrow(RedisUnavailableError);
  isAnswered = true;
  expect(await limits.take(move('second'), 1)).toBeUndefined();
  expect(await limits.take(move('third'), 1)).toBe('fleet is at its limit of 1');
});
