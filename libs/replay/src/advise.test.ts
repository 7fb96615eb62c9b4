import { expect, test } from 'vitest';
import { advise, settingOf } from './advise.ts';
import { replay } from './replay.ts';
import { syntheticHistory } from './synthetic.ts';
import { historyOf } from './testing.ts';

const HOLD_MS = 86_400_000;

test('the advice keeps within its budget, and is what it says when it is replayed', () => {
  const history = syntheticHistory({ volumes: 10, days: 3, seed: 5 });
  const budget = { occupancy: 0.2, moves: 5 };
  const advised = advise(history, budget, HOLD_MS);
  if (advised === undefined) throw new Error('there is an advice');
  const { advice, outcome } = advised;
  expect(outcome.occupancy).toBeLessThanOrEqual(budget.occupancy);
  expect(outcome.moves).toBeLessThanOrEqual(budget.moves);
  expect(outcome.hit).toBeGreaterThan(0);
  expect(advice.lowWatermarkIops).toBeLessThan(advice.highWatermarkIops);
  expect(replay(history, settingOf(history, advice), HOLD_MS)).toStrictEqual(outcome);
});

test('where no move is allowed, nothing is advised that moves', () => {
  const history = historyOf([Array.from({ length: 20 }, () => 1_000)]);
  expect(advise(history, { occupancy: 1, moves: 0 }, HOLD_MS)?.outcome.moves ?? 0).toBe(0);
});
