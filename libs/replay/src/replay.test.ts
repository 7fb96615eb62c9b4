import { HOUR_MS } from '@couchestor/shared/units';
import { expect, test } from 'vitest';
import { replay, type Setting } from './replay.ts';
import { scoresOf } from './scores.ts';
import { historyOf } from './testing.ts';
import type { History } from './history.ts';

const HALF_HOUR_MS = HOUR_MS / 2;
const setting = (history: History, change: Partial<Setting> = {}): Setting => ({
  name: 'test',
  scoreAt: scoresOf(history, { scoring: { method: 'Average' }, samplingWindowMs: HALF_HOUR_MS }),
  watermarks: { highWatermarkIops: 1_000, lowWatermarkIops: 100 },
  cooldownMs: 0,
  cooldownDoubles: false,
  minCoverage: 1,
  ...change,
});

test('a rule cannot see the step that it decides for', () => {
  const history = historyOf([[1_000, 1_000, 50, 50]]);
  const outcome = replay(history, setting(history), 24 * HOUR_MS);
  // Up at the second step, down at the fourth.
  expect(outcome).toMatchObject({ moves: 2, regrets: 1, occupancy: 0.5 });
  expect(outcome.hit).toBeCloseTo(1_050 / 2_100, 12);
});

test('a score between the watermarks moves nothing', () => {
  const history = historyOf([[999, 999, 101, 101]]);
  expect(replay(history, setting(history), 0)).toMatchObject({ moves: 0, hit: 0, occupancy: 0 });
});

test('a score of which too little is known moves nothing', () => {
  const history = historyOf([[undefined, 5_000, 5_000, 5_000]]);
  const hourly = scoresOf(history, { scoring: { method: 'Average' }, samplingWindowMs: HOUR_MS });
  expect(replay(history, setting(history, { scoreAt: hourly, minCoverage: 0.8 }), 0).occupancy).toBe(0.25);
  expect(replay(history, setting(history, { scoreAt: hourly, minCoverage: 0.5 }), 0).occupancy).toBe(0.5);
});

test('the cooldown keeps a volume where it is until it is over', () => {
  const history = historyOf([[1_000, 0, 0, 0, 0, 0, 0, 0]]);
  const until = (cooldownMs: number) => replay(history, setting(history, { cooldownMs }), 0).occupancy * 8;
  expect(until(0)).toBeCloseTo(1, 9);
  expect(until(HOUR_MS)).toBeCloseTo(2, 9);
  expect(until(HOUR_MS + 1)).toBeCloseTo(3, 9);
});

test('a cooldown that doubles rests longer after a move that was undone too soon', () => {
  const row = Array.from({ length: 24 }, (_, step) => (step % 2 === 0 ? 1_000 : 0));
  const history = historyOf([row]);
  const moves = (cooldownDoubles: boolean) =>
    replay(history, setting(history, { cooldownMs: HOUR_MS, cooldownDoubles }), 0).moves;
  expect(moves(true)).toBeLessThan(moves(false));
});

test('a move back is regretted within the hold time, and not after it', () => {
  const history = historyOf([[1_000, 1_000, 1_000, 0, 0]]);
  const regrets = (holdMs: number) => replay(history, setting(history), holdMs).regrets;
  expect(regrets(3 * HALF_HOUR_MS)).toBe(1);
  expect(regrets(3 * HALF_HOUR_MS - 1)).toBe(0);
});

test('a share of the volumes has places on the hot tier, and those with the highest scores get them', () => {
  const history = historyOf([
    [1_000, 1_000],
    [4_000, 4_000],
    [2_000, 2_000],
    [50, 50],
  ]);
  const outcome = replay(history, setting(history, { hotShare: 0.25 }), 0);
  expect(outcome).toMatchObject({ moves: 1, occupancy: 0.125 });
  expect(outcome.hit).toBeCloseTo(4_000 / 14_100, 12);
});

test('a volume takes the place of another as soon as its score is so much higher, and not while that one cools down', () => {
  const history = historyOf([
    [300, 300, 300, 300, 300, 300],
    [200, 200, 374, 376, 376, 376],
  ]);
  const share = { hotShare: 0.5, watermarks: { highWatermarkIops: 1_000, lowWatermarkIops: 0 } };
  // Up at the second step; 374 is too little, 376 is seen at the fifth.
  expect(replay(history, setting(history, share), 0)).toMatchObject({ moves: 3 });
  expect(replay(history, setting(history, { ...share, cooldownMs: 5 * HOUR_MS }), 0)).toMatchObject({ moves: 1 });
});

test('no more than so many moves start in an hour', () => {
  const history = historyOf(Array.from({ length: 5 }, () => [1_000, 1_000, 1_000, 1_000]));
  const outcome = replay(history, setting(history, { maxMovesPerHour: 2 }), 0);
  // Two at the second step, none at the third, two at the fourth.
  expect(outcome.moves).toBe(4);
  expect(outcome.occupancyByHour).toStrictEqual([0.2, 0.6]);
});

test('a warm tier is no hot one', () => {
  const history = historyOf([[700, 700, 700]]);
  const watermarks = { highWatermarkIops: 1_000, warmWatermarkIops: 500, lowWatermarkIops: 100 };
  expect(replay(history, setting(history, { watermarks }), 0)).toMatchObject({ moves: 1, hit: 0, occupancy: 0 });
});
