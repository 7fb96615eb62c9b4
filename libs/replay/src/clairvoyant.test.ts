import fc from 'fast-check';
import { expect, test } from 'vitest';
import { clairvoyantBest } from './clairvoyant.ts';
import { historyOf } from './testing.ts';

/** Every way to spend the time of every volume, one by one. */
function bestOfAll(rows: readonly (readonly number[])[], hotSteps: number, moves: number): number {
  const total = rows.flat().reduce((sum, requests) => sum + requests, 0);
  const plans = rows.map((row) =>
    Array.from({ length: 2 ** row.length }, (_, bits) => {
      const hot = row.map((_, step) => (bits >> step) & 1);
      return {
        hit: row.reduce((sum, requests, step) => sum + requests * (hot[step] ?? 0), 0),
        hotSteps: hot.reduce((sum, on) => sum + on, 0),
        moves: hot.filter((on, step) => on !== (hot[step - 1] ?? 0)).length,
      };
    }),
  );
  const all = plans.reduce(
    (sums, of) =>
      sums.flatMap((a) =>
        of.map((b) => ({ hit: a.hit + b.hit, hotSteps: a.hotSteps + b.hotSteps, moves: a.moves + b.moves })),
      ),
    [{ hit: 0, hotSteps: 0, moves: 0 }],
  );
  const within = all.filter((plan) => plan.hotSteps <= hotSteps && plan.moves <= moves);
  return total === 0 ? 0 : Math.max(...within.map(({ hit }) => hit)) / total;
}

test('it keeps within its budget, and the best of all plans lies between what it found and its bound', () => {
  const rows = fc.array(fc.array(fc.integer({ min: 0, max: 1_000 }), { minLength: 5, maxLength: 5 }), {
    minLength: 1,
    maxLength: 2,
  });
  fc.assert(
    fc.property(rows, fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(6), (rows, occupancy, moves) => {
      const found = clairvoyantBest(historyOf(rows), { occupancy, moves });
      const best = bestOfAll(rows, occupancy * rows.length * 5, moves);
      expect(found.occupancy).toBeLessThanOrEqual(occupancy + 1e-12);
      expect(found.moves).toBeLessThanOrEqual(moves);
      expect(found.hit).toBeLessThanOrEqual(best + 1e-12);
      expect(found.atMost).toBeGreaterThanOrEqual(best - 1e-9);
    }),
    { numRuns: 200 },
  );
});

test('with room for all it takes the busy half of a volume, and pays one move for it', () => {
  const history = historyOf([[0, 0, 900, 900]]);
  expect(clairvoyantBest(history, { occupancy: 0.5, moves: 1 })).toMatchObject({ hit: 1, occupancy: 0.5, moves: 1 });
  const uneven = historyOf([[0, 0, 500, 1_500]]);
  expect(clairvoyantBest(uneven, { occupancy: 0.25, moves: 1 })).toMatchObject({ hit: 0.75, occupancy: 0.25 });
  expect(clairvoyantBest(history, { occupancy: 0.5, moves: 0 })).toMatchObject({ hit: 0, moves: 0 });
});

test('where nobody asked for anything there is nothing to hit', () => {
  expect(clairvoyantBest(historyOf([[0, 0]]), { occupancy: 1, moves: 9 })).toMatchObject({ hit: 0, atMost: 0 });
});
