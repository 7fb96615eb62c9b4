import { HOUR_MS } from '@couchestor/shared/units';
import { expect, test } from 'vitest';
import { bestWithin, crossValidate, scoreOf } from './cross-validate.ts';
import type { History } from './history.ts';
import type { Setting } from './replay.ts';
import { scoresOf } from './scores.ts';
import { historyOf } from './testing.ts';

const half = Array.from({ length: 20 }, (_, step) => (step < 10 ? 0 : 1_000));
const history = historyOf([half, half, half, half]);
const settingsOf = (history: History): readonly Setting[] =>
  [100, 5_000].map((highWatermarkIops) => ({
    name: `high ${highWatermarkIops}`,
    scoreAt: scoresOf(history, { scoring: { method: 'Average' }, samplingWindowMs: HOUR_MS / 2 }),
    watermarks: { highWatermarkIops, lowWatermarkIops: 1 },
    cooldownMs: 0,
    cooldownDoubles: false,
    minCoverage: 1,
  }));
const [hasty, never] = settingsOf(history);

test('a rule within its budget scores the share of the best hit, and nothing beyond it', () => {
  if (hasty === undefined || never === undefined) throw new Error('there are two settings');
  expect(bestWithin(history, { occupancy: 0.5, moves: 4 }).hit).toBe(1);
  expect(scoreOf(history, hasty, { occupancy: 0.5, moves: 4 })).toBeCloseTo(0.9, 9);
  expect(scoreOf(history, hasty, { occupancy: 0.5, moves: 3 })).toBe(0);
  expect(scoreOf(history, hasty, { occupancy: 0.4, moves: 4 })).toBe(0);
  expect(scoreOf(history, never, { occupancy: 0.5, moves: 4 })).toBe(0);
});

test('what is chosen on one half of the volumes is scored on the other, with its part of the budget', () => {
  const validation = crossValidate(history, settingsOf, { occupancy: 0.5, moves: 5 }, { halves: 3, seed: 1 });
  expect(validation.halves.map(({ chosen }) => chosen)).toStrictEqual(['high 100', 'high 100', 'high 100']);
  expect(validation.mean).toBeCloseTo(0.9, 9);
  expect(validation.worst).toBeCloseTo(0.9, 9);
});

test('a rule that needs all of its moves where it is chosen is not chosen', () => {
  const validation = crossValidate(history, settingsOf, { occupancy: 0.5, moves: 4 }, { halves: 1, seed: 1 });
  expect(validation.mean).toBe(0);
});
