import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLoadCurve, type Load } from './load.ts';

const hourMs = 3_600_000;

const loads = fc.oneof(
  fc.record({ kind: fc.constant('steady' as const), iops: fc.integer({ min: 0, max: 50_000 }) }),
  fc.record({
    kind: fc.constant('daily' as const),
    lowIops: fc.integer({ min: 0, max: 1_000 }),
    highIops: fc.integer({ min: 1_000, max: 20_000 }),
    peakAtMs: fc.integer({ min: 0, max: 24 * hourMs }),
  }),
  fc.record({
    kind: fc.constant('burst' as const),
    idleIops: fc.integer({ min: 0, max: 100 }),
    burstIops: fc.integer({ min: 100, max: 20_000 }),
    everyMs: fc.integer({ min: 60_000, max: hourMs }),
    burstMs: fc.integer({ min: 1_000, max: 60_000 }),
    offsetMs: fc.integer({ min: 0, max: hourMs }),
  }),
  fc.record({
    kind: fc.constant('drift' as const),
    fromIops: fc.integer({ min: 0, max: 10_000 }),
    toIops: fc.integer({ min: 0, max: 10_000 }),
    startMs: fc.integer({ min: 0, max: hourMs }),
    durationMs: fc.integer({ min: 1, max: hourMs }),
  }),
  fc.record({
    kind: fc.constant('series' as const),
    iops: fc.array(fc.integer({ min: 0, max: 20_000 }), { minLength: 1, maxLength: 20 }),
    stepMs: fc.integer({ min: 1_000, max: hourMs }),
    speed: fc.integer({ min: 1, max: 100 }),
    startMs: fc.integer({ min: 0, max: hourMs }),
  }),
) satisfies fc.Arbitrary<Load>;

describe('a load', () => {
  it('never takes back an operation', () => {
    fc.assert(
      fc.property(
        loads,
        fc.integer({ min: 0, max: 48 * hourMs }),
        fc.integer({ min: 0, max: hourMs }),
        (load, atMs, moreMs) => {
          const curve = createLoadCurve(load);
          expect(curve.operationsUntil(atMs + moreMs)).toBeGreaterThanOrEqual(curve.operationsUntil(atMs) - 1e-3);
        },
      ),
    );
  });

  it('counts what its rate adds up to', () => {
    fc.assert(
      fc.property(loads, fc.integer({ min: 0, max: 4 * hourMs }), (load, atMs) => {
        const curve = createLoadCurve(load);
        const steps = 2_000;
        const stepMs = hourMs / steps;
        let sum = 0;
        for (let step = 0; step < steps; step += 1) sum += (curve.iopsAt(atMs + (step + 0.5) * stepMs) * stepMs) / 1000;
        const counted = curve.operationsUntil(atMs + hourMs) - curve.operationsUntil(atMs);
        expect(Math.abs(counted - sum)).toBeLessThanOrEqual(0.02 * Math.max(counted, sum) + 500_000);
      }),
      { numRuns: 50 },
    );
  });

  it('counts a steady hour exactly', () => {
    expect(createLoadCurve({ kind: 'steady', iops: 250 }).operationsUntil(hourMs)).toBe(900_000);
  });

  it('replays a series at its speed, and holds its last step', () => {
    const curve = createLoadCurve({ kind: 'series', iops: [100, 400], speed: 1_800 });
    expect([0, 500, 1_000, 1_999, 2_000, 100_000].map((atMs) => curve.iopsAt(atMs))).toEqual([
      100, 100, 400, 400, 400, 400,
    ]);
    expect(curve.operationsUntil(2_000)).toBe(500);
    expect(curve.operationsUntil(4_000)).toBe(1_300);
  });
});
