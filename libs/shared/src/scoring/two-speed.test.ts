import fc from 'fast-check';
import { expect, test } from 'vitest';
import { HOUR_MS } from '../units/index.ts';
import { memoriesOf, twoSpeedParts, twoSpeedScore, type Memories } from './two-speed.ts';

const memories: Memories = { promoteMs: HOUR_MS, demoteMs: 4 * HOUR_MS };
const parts = twoSpeedParts(memories);
const scoreOf = (iopsAt: (agoMs: number) => number | undefined, of: Memories = memories) => {
  const parts = twoSpeedParts(of);
  return twoSpeedScore(
    parts,
    parts.map(({ fromMs, toMs }) => iopsAt((fromMs + toMs) / 2)),
    of,
  );
};

test('the memories are the sampling window and four times of it, where the policy names none', () => {
  const spec = { samplingWindowMs: HOUR_MS, scoring: { method: 'TwoSpeed' as const } };
  expect(memoriesOf(spec)).toStrictEqual({ promoteMs: HOUR_MS, demoteMs: 4 * HOUR_MS });
  const named = { method: 'TwoSpeed' as const, promoteMemoryMs: 6 * HOUR_MS, demoteMemoryMs: 8 * HOUR_MS };
  expect(memoriesOf({ ...spec, scoring: named })).toStrictEqual({ promoteMs: 6 * HOUR_MS, demoteMs: 8 * HOUR_MS });
});

test('the parts follow one another from now on back, and reach over four of the longer memory', () => {
  const memory = fc.integer({ min: 1_000, max: 30 * 24 * HOUR_MS });
  fc.assert(
    fc.property(memory, memory, (promoteMs, demoteMs) => {
      const parts = twoSpeedParts({ promoteMs, demoteMs });
      expect(parts[0]?.toMs).toBe(0);
      for (const [index, { fromMs, toMs }] of parts.entries()) {
        expect(fromMs).toBeGreaterThan(toMs);
        expect(fromMs % 1_000).toBe(0);
        expect(toMs).toBe(parts[index - 1]?.fromMs ?? 0);
      }
      expect(parts.at(-1)?.fromMs).toBeGreaterThanOrEqual(4 * Math.max(promoteMs, demoteMs));
      expect(parts.length).toBeLessThan(50);
    }),
  );
  expect(parts).toHaveLength(9);
});

test('a volume that never changes has that score, by both memories', () => {
  const score = scoreOf(() => 700);
  if (score.kind !== 'value') throw new Error('it has a score');
  expect(score.iops).toBeCloseTo(700, 9);
  expect(score.demoteIops).toBeCloseTo(700, 9);
  expect(score.coverage).toBe(1);
});

test('a volume that has become busy shows it first by the memory for promotion', () => {
  const score = scoreOf((agoMs) => (agoMs < HOUR_MS ? 1_000 : 0));
  if (score.kind !== 'value') throw new Error('it has a score');
  expect(score.iops).toBeGreaterThan(550);
  expect(score.iops).toBeLessThan(700);
  expect(score.demoteIops).toBeGreaterThan(150);
  expect(score.demoteIops).toBeLessThan(300);
});

test('what is not known is not counted as zero, and lowers the coverage', () => {
  const score = scoreOf((agoMs) => (agoMs < HOUR_MS ? 1_000 : undefined));
  if (score.kind !== 'value') throw new Error('it has a score');
  expect(score.iops).toBeCloseTo(1_000, 9);
  expect(score.demoteIops).toBeCloseTo(1_000, 9);
  expect(score.coverage).toBeGreaterThan(0.15);
  expect(score.coverage).toBeLessThan(0.3);
});

test('of what nothing is known there is no score', () => {
  expect(scoreOf(() => undefined)).toStrictEqual({ kind: 'unknown', reason: 'LowCoverage' });
});

test('more requests in any part never lower either average', () => {
  const loads = fc.array(fc.integer({ min: 0, max: 100_000 }), { minLength: parts.length, maxLength: parts.length });
  fc.assert(
    fc.property(loads, fc.nat(parts.length - 1), fc.integer({ min: 1, max: 1_000 }), (iops, at, more) => {
      const before = twoSpeedScore(parts, iops, memories);
      const after = twoSpeedScore(parts, iops.with(at, (iops[at] ?? 0) + more), memories);
      if (before.kind !== 'value' || after.kind !== 'value') throw new Error('both have scores');
      expect(after.iops).toBeGreaterThan(before.iops);
      expect(after.demoteIops).toBeGreaterThan(before.demoteIops ?? Infinity);
    }),
  );
});
