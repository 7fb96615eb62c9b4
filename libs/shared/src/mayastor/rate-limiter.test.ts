import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createVirtualClock } from '../clock/index.ts';
import type { CallKind } from './mayastor-client.ts';
import { createRateLimiter } from './rate-limiter.ts';

test('no second and a bit sees more calls than the limit, and none is held back without need', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 5 }),
      fc.array(fc.tuple(fc.nat(700), fc.constantFrom<CallKind>('read', 'write', 'release')), { maxLength: 30 }),
      async (callsPerSecond, calls) => {
        const clock = createVirtualClock();
        const limiter = createRateLimiter({ callsPerSecond, clock });
        const grantedAtMs: number[] = [];
        const taken: Promise<unknown>[] = [];
        for (const [delayMs, kind] of calls) {
          await clock.advance(delayMs);
          taken.push(limiter.take(kind, 50).then(() => grantedAtMs.push(clock.monotonicMs())));
        }
        await clock.advance((calls.length / callsPerSecond + 2) * 1_100);
        await Promise.all(taken);
        const apartMs = grantedAtMs.slice(callsPerSecond).map((atMs, index) => atMs - (grantedAtMs[index] ?? 0));
        expect(Math.min(1_100, ...apartMs)).toBe(1_100);
        expect(clock.pending()).toBe(0);
      },
    ),
    { numRuns: 50 },
  );
});

test('removing a cordon goes before a change, a change before a read', async () => {
  const clock = createVirtualClock();
  const limiter = createRateLimiter({ callsPerSecond: 1, clock });
  const order: string[] = [];
  const take = (kind: CallKind): Promise<unknown> => limiter.take(kind, 50).then(() => order.push(kind));
  const all = [take('read'), take('read'), take('write'), take('release')];
  await clock.advance(1_050 + 3_300);
  await Promise.all(all);
  expect(order).toEqual(['release', 'write', 'read', 'read']);
});

test('a call that is given up costs nothing', async () => {
  const clock = createVirtualClock();
  const limiter = createRateLimiter({ callsPerSecond: 1, clock });
  const given = new AbortController();
  await clock.advance(1_050);
  await limiter.take('read', 50);
  const abandoned = limiter.take('write', 50, given.signal);
  const kept = limiter.take('read', 50);
  given.abort(new Error('stopped'));
  await expect(abandoned).rejects.toThrow('stopped');
  await clock.advance(1_100);
  await kept;
  await expect(limiter.take('read', 50, AbortSignal.abort(new Error('before')))).rejects.toThrow('before');
});
