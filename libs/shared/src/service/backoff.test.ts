import { expect, test } from 'vitest';
import { createBackoff } from './backoff.ts';

test('delays double up to their maximum and begin anew after a success', () => {
  const backoff = createBackoff({ baseMs: 100, maxMs: 350, random: () => 1 });
  expect([1, 2, 3, 4].map(() => backoff.nextDelayMs())).toEqual([100, 200, 350, 350]);
  backoff.reset();
  expect(backoff.nextDelayMs()).toBe(100);
});

test('at least half of a delay is waited for, whatever chance says', () => {
  const backoff = createBackoff({ baseMs: 100, maxMs: 1_000, random: () => 0 });
  expect([backoff.nextDelayMs(), backoff.nextDelayMs()]).toEqual([50, 100]);
});
