import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sorted } from './sorted.ts';
import { allSteps } from './steps.ts';

test('sorts as Array.sort does, equals staying in their order', () => {
  const item = fc.record({ key: fc.integer({ min: 0, max: 50 }), id: fc.nat() });
  fc.assert(
    fc.property(fc.array(item, { maxLength: 3_000, size: 'max' }), (items) => {
      const compare = (a: { key: number }, b: { key: number }): number => a.key - b.key;
      expect(allSteps(sorted(items, compare))).toEqual([...items].sort(compare));
    }),
    { numRuns: 30 },
  );
});

test('takes steps, so that a long list stops nobody', () => {
  const numbers = Array.from({ length: 100_000 }, (_, index) => (index * 7_919) % 100_003);
  let steps = 0;
  const work = sorted(numbers, (a, b) => a - b);
  while (work.next().done !== true) steps += 1;
  expect(steps).toBeGreaterThan(1_000);
});
