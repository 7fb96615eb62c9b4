import { expect, test } from 'vitest';
import { mostWithin, oldestPermit, type Call } from './call-book.ts';

const at = (...times: readonly number[]): Call[] =>
  times.map((ms) => ({ service: 'migrator', method: 'PUT', path: '/', atMs: ms, monotonicMs: ms, earliestMs: ms }));

test('the fullest span is found wherever it begins, and one that is a second apart is another', () => {
  expect(mostWithin(at(0, 900, 950, 1_899), 1_000)).toBe(3);
  expect(mostWithin(at(0, 1_000, 2_000), 1_000)).toBe(1);
  expect(mostWithin(at(0, 999.9), 1_000)).toBe(2);
  expect(mostWithin([], 1_000)).toBe(0);
});

test('calls that may have lain there since before a span are not said to have arrived in it', () => {
  const [late, ...rest] = at(600, 1_100);
  expect(mostWithin([{ ...late, monotonicMs: 600, earliestMs: 50 }, ...rest], 1_000)).toBe(1);
});

test('the age of the permit is that of the latest heartbeat before the call', () => {
  expect(oldestPermit(at(1_500, 5_000), [1_000, 3_000, 6_000])).toBe(2_000);
  expect(oldestPermit(at(500), [1_000])).toBe(Number.POSITIVE_INFINITY);
  expect(oldestPermit([], [1_000])).toBe(0);
});
