import { expect, test } from 'vitest';
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

test('all faults are told at once', () => {
  const parsed = parsePolicySpec({ highWatermarkIOPS: 1, lowWatermarkIOPS: 2 });
  expect(parsed.kind === 'invalid' && parsed.problems.map((problem) => problem.replace(/:.*/, ''))).toEqual([
    'spec.highWatermarkIOPS',
    'spec.nvmePoolSelector',
    'spec.sataPoolSelector',
  ]);
});

test.each([undefined, null, 'text', 7, []])('%j, which is no spec at all, is refused', (spec) => {
  expect(parsePolicySpec(spec).kind).toBe('invalid');
});
