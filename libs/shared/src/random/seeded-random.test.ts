import { expect, test } from 'vitest';
import { seededRandom } from './seeded-random.ts';

test('a seed has one sequence, whatever ran before', () => {
  const sequence = (seed: number): number[] => Array.from({ length: 4 }, seededRandom(seed));
  // So that seeds which are written down keep their meaning.
  expect(sequence(1).map((value) => Math.floor(value * 2 ** 32))).toEqual([
    2693262067, 11749833, 2265367787, 4213581821,
  ]);
  expect(sequence(1)).toEqual(sequence(1));
  expect(sequence(2)).not.toEqual(sequence(1));
  expect(sequence(2 ** 32 + 1)).toEqual(sequence(1));
});

test('values are spread evenly from 0 to below 1', () => {
  const random = seededRandom(7);
  const counts = Array.from({ length: 10 }, () => 0);
  for (let drawn = 0; drawn < 10_000; drawn += 1) {
    const value = random();
    expect(value).toBeGreaterThanOrEqual(0);
    expect(value).toBeLessThan(1);
    const tenth = Math.floor(value * 10);
    counts[tenth] = (counts[tenth] ?? 0) + 1;
  }
  for (const count of counts) expect(Math.abs(count - 1_000)).toBeLessThan(150);
});
