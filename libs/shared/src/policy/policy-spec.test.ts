import { describe, expect, test } from 'vitest';
import { parsePolicySpec, type PolicySpec } from './index.ts';

const least = {
  nvmePoolSelector: { matchLabels: { tier: 'hot' } },
  sataPoolSelector: { matchLabels: { tier: 'cold' } },
};

function valid(spec: object): PolicySpec {
  const parsed = parsePolicySpec(spec);
  if (parsed.kind === 'invalid') throw new Error(parsed.problems.join('; '));
  return parsed.spec;
}

function problems(spec: unknown): readonly string[] {
  const parsed = parsePolicySpec(spec);
  return parsed.kind === 'invalid' ? parsed.problems : [];
}

test('the least policy has the defaults of the guide', () => {
  expect(valid(least)).toMatchObject({
    highWatermarkIops: 5000,
    lowWatermarkIops: 500,
    samplingWindowMs: 3_600_000,
    cooldownMs: 86_400_000,
    storageClassName: 'mayastor',
    maxConcurrentMigrations: 2,
    migrationTimeoutMs: 1_800_000,
    enabled: true,
    dryRun: false,
    limits: { perPool: 1, perNode: 1, maxVolumesInMotionPercent: 10, maxMovesPerHour: 20, maxConsecutiveFailures: 3 },
    maxPoolUsedPercent: 85,
    approval: { mode: 'Automatic' },
  });
});

test('either name of a tier selector means the same', () => {
  const { nvmePoolSelector, sataPoolSelector } = least;
  expect(valid({ hotPoolSelector: nvmePoolSelector, coldPoolSelector: sataPoolSelector }).poolSelectors).toEqual(
    valid(least).poolSelectors,
  );
});

describe('a policy is refused with its field and what to change', () => {
  test.each([
    [
      'watermarks upside down',
      { highWatermarkIOPS: 100, lowWatermarkIOPS: 200 },
      'spec.lowWatermarkIOPS is 200 and must be less than highWatermarkIOPS (100); lower it or raise highWatermarkIOPS',
    ],
    ['equal watermarks', { highWatermarkIOPS: 100, lowWatermarkIOPS: 100 }, 'spec.lowWatermarkIOPS is 100'],
    [
      'a warm watermark outside of the band',
      { warmWatermarkIOPS: 500, warmPoolSelector: least.nvmePoolSelector },
      'spec.warmWatermarkIOPS is 500 and must lie between',
    ],
    [
      'a warm watermark without pools',
      { warmWatermarkIOPS: 1000 },
      'spec.warmPoolSelector must be set when warmWatermarkIOPS is',
    ],
    [
      'warm pools without a watermark',
      { warmPoolSelector: least.nvmePoolSelector },
      'spec.warmWatermarkIOPS must be set when warmPoolSelector is',
    ],
    [
      'both names of one selector',
      { hotPoolSelector: least.nvmePoolSelector },
      'spec.hotPoolSelector means the same as nvmePoolSelector',
    ],
    ['an empty selector', { nvmePoolSelector: {} }, 'spec.nvmePoolSelector is empty and would select every pool'],
    ['no duration', { cooldownPeriod: 'soon' }, 'spec.cooldownPeriod is not a duration; write it like 1h30m or 2d12h'],
    ['a window that is too long', { samplingWindow: '31d' }, 'spec.samplingWindow must lie between 1s and 30d'],
    [
      'a query that is missing',
      { metrics: { source: 'PromQL' } },
      'spec.metrics query must be set when source is PromQL',
    ],
    ['more moves than allowed', { maxConcurrentMigrations: 101 }, 'spec.maxConcurrentMigrations'],
    ['a watermark that is no number', { highWatermarkIOPS: '5000' }, 'spec.highWatermarkIOPS'],
  ])('%s', (_, change, problem) => {
    expect(problems({ ...least, ...change }).some((text) => text.startsWith(problem))).toBe(true);
  });

  test('all faults at once', () => {
    expect(problems({ highWatermarkIOPS: 1, lowWatermarkIOPS: 2 }).length).toBeGreaterThanOrEqual(3);
  });

  test.each([undefined, null, 'text', 7, []])('%j, which is no spec at all', (spec) => {
    expect(parsePolicySpec(spec).kind).toBe('invalid');
  });
});
