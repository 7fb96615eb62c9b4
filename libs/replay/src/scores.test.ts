import type { Score } from '@couchestor/shared/messages';
import { HOUR_MS } from '@couchestor/shared/units';
import { expect, test } from 'vitest';
import { averagesFromZero, scoresOf } from './scores.ts';
import { historyOf } from './testing.ts';

const unknown: Score = { kind: 'unknown', reason: 'LowCoverage' };
const average = (hours: number) => ({ scoring: { method: 'Average' as const }, samplingWindowMs: hours * HOUR_MS });

test('an average sees the steps of its window before the present one, and no other', () => {
  const scoreAt = scoresOf(historyOf([[100, 200, 400, 9_999]]), average(1));
  expect(scoreAt(0, 0)).toStrictEqual(unknown);
  expect(scoreAt(0, 1)).toStrictEqual({ kind: 'value', iops: 100, coverage: 0.5 });
  expect(scoreAt(0, 2)).toStrictEqual({ kind: 'value', iops: 150, coverage: 1 });
  expect(scoreAt(0, 3)).toStrictEqual({ kind: 'value', iops: 300, coverage: 1 });
});

test('a step that is not known is no zero, and lowers the coverage', () => {
  const scoreAt = scoresOf(historyOf([[100, undefined, undefined, 300]]), average(1));
  expect(scoreAt(0, 2)).toStrictEqual({ kind: 'value', iops: 100, coverage: 0.5 });
  expect(scoreAt(0, 3)).toStrictEqual(unknown);
});

test('P95 ranks the parts of the window', () => {
  const spec = { scoring: { method: 'P95' as const }, samplingWindowMs: 6 * HOUR_MS };
  const row = Array.from({ length: 13 }, (_, step) => step * 100);
  expect(scoresOf(historyOf([row]), spec)(0, 12)).toStrictEqual({ kind: 'value', iops: 1_045, coverage: 1 });
});

test('two speeds: a volume that became busy is seen sooner by the memory for promotion', () => {
  const spec = { scoring: { method: 'TwoSpeed' as const }, samplingWindowMs: HOUR_MS };
  const row = Array.from({ length: 48 }, (_, step) => (step < 46 ? 0 : 1_000));
  const score = scoresOf(historyOf([row]), spec)(0, 48);
  if (score.kind !== 'value') throw new Error('it has a score');
  expect(score.coverage).toBeCloseTo(1, 2);
  expect(score.iops).toBeGreaterThan(550);
  expect(score.demoteIops).toBeLessThan(300);
});

test('two speeds know no past before the history, and say so by their coverage', () => {
  const spec = { scoring: { method: 'TwoSpeed' as const }, samplingWindowMs: HOUR_MS };
  const scoreAt = scoresOf(historyOf([Array.from({ length: 48 }, () => 500)]), spec);
  expect(scoreAt(0, 0)).toStrictEqual(unknown);
  const score = scoreAt(0, 2);
  if (score.kind !== 'value') throw new Error('it has a score');
  expect(score.iops).toBeCloseTo(500, 6);
  expect(score.coverage).toBeLessThan(0.8);
});

test('averages from zero climb by the share of a step in their memory', () => {
  const scoreAt = averagesFromZero(historyOf([[1_000, 1_000]]), { promoteMs: HOUR_MS, demoteMs: 2 * HOUR_MS });
  expect(scoreAt(0, 0)).toMatchObject({ iops: 0, demoteIops: 0 });
  expect(scoreAt(0, 2)).toMatchObject({ iops: 750, demoteIops: 437.5 });
});
