import { expect, test } from 'vitest';
import { createVirtualClock } from '../clock/index.ts';
import { createCallQueue } from './call-queue.ts';

test('the life of a grant counts from when it was asked for, and the wait for a turn is no part of it', async () => {
  const clock = createVirtualClock();
  const waits = [1_000, 0];
  const lives: number[] = [];
  const queue = createCallQueue(clock, async (_, lifeMs) => {
    lives.push(lifeMs);
    await clock.sleep(30);
    return waits.shift() ?? 0;
  });
  const sinceMs = clock.monotonicMs();
  const taken = queue.take('release', 200);
  await clock.advance(1_060);
  expect((await taken) - sinceMs).toBe(1_030 + 200);
  expect(lives).toEqual([200, 200]);
});

test('of each priority one at a time is asked for', async () => {
  const clock = createVirtualClock();
  const asked: string[] = [];
  const queue = createCallQueue(clock, async (priority) => {
    asked.push(priority);
    await clock.sleep(100);
    return 0;
  });
  const all = [queue.take('read', 50), queue.take('read', 50), queue.take('act', 50)];
  await clock.advance(1);
  expect(asked.toSorted()).toEqual(['act', 'read']);
  await clock.advance(300);
  await Promise.all(all);
  expect(asked.toSorted()).toEqual(['act', 'read', 'read']);
});
