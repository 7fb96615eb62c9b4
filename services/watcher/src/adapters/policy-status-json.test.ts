import { policyConditionTypes, policyPhases, policyStatusSchema } from '@couchestor/shared/policy';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { same } from '../core/same.ts';
import type { PolicyStatus } from '../core/status.ts';
import { formatPolicyStatus, parsePolicyStatus } from './policy-status-json.ts';

const count = fc.nat();
const seconds = fc.nat(4_000_000_000).map((s) => s * 1000);
const millis = fc.nat(4_000_000_000).map((s) => s * 997);
const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const status: fc.Arbitrary<PolicyStatus> = fc.record({
  phase: fc.constantFrom(...policyPhases),
  watchedVolumes: count,
  hotVolumes: count,
  warmVolumes: count,
  coldVolumes: count,
  mixedVolumes: count,
  activeMigrations: count,
  totalMigrations: count,
  failedMigrations: count,
  observedGeneration: count,
  lastReconcileMs: optional(seconds),
  applied: optional(
    fc.record({ streamCreatedAt: millis.map((ms) => new Date(ms).toISOString()), lastSequence: count }),
  ),
  conditions: fc.array(
    fc.record({
      type: fc.constantFrom(...policyConditionTypes),
      status: fc.constantFrom('True' as const, 'False' as const, 'Unknown' as const),
      reason: fc.constantFrom('Reconciled', 'Other'),
      message: fc.string(),
      observedGeneration: count,
      lastTransitionMs: seconds,
    }),
    { maxLength: 5 },
  ),
  history: fc.array(
    fc.record({
      migrationId: fc.string({ minLength: 1 }),
      volumeName: fc.string({ minLength: 1 }),
      endedAtMs: millis,
      fromTier: optional(fc.constantFrom('hot' as const, 'warm' as const, 'cold' as const, 'mixed' as const)),
      toTier: fc.constantFrom('hot' as const, 'warm' as const, 'cold' as const),
      triggerIops: optional(fc.float({ min: 0, noNaN: true, noDefaultInfinity: true })),
      durationMs: fc.nat(),
      success: fc.boolean(),
      error: optional(fc.string()),
    }),
    { maxLength: 50 },
  ),
});

describe('the status of a policy in Kubernetes', () => {
  test('is what the API server takes, and nothing of it is lost there', () => {
    fc.assert(
      fc.property(status, (written) => {
        const json: unknown = JSON.parse(JSON.stringify(formatPolicyStatus(written)));
        expect(policyStatusSchema.parse(json)).toEqual(json);
      }),
    );
  });

  test('reads back as it was written, or it would be written for ever', () => {
    fc.assert(
      fc.property(status, (written) => {
        const read = parsePolicyStatus(JSON.parse(JSON.stringify(formatPolicyStatus(written))));
        expect(same(read, written)).toBe(true);
      }),
    );
  });

  test('is undefined where there is none', () => {
    expect(parsePolicyStatus(undefined)).toBeUndefined();
    expect(parsePolicyStatus({})).toBeUndefined();
  });

  test('keeps what can be read of a history that somebody else wrote into', () => {
    const entry = {
      migrationId: 'm',
      volumeName: 'v',
      timestamp: '2026-01-01T00:00:00Z',
      toTier: 'hot',
      duration: '4m10s',
    };
    const read = parsePolicyStatus({
      phase: 'Nonsense',
      migrationHistory: [{ ...entry, success: true }, { nonsense: true }],
      totalMigrations: 7,
    });
    expect(read?.history).toHaveLength(1);
    expect(read?.history[0]?.durationMs).toBe(250_000);
    expect(read?.totalMigrations).toBe(7);
  });

  test('writes times and durations as people read them', () => {
    const [first] = fc.sample(status, 1);
    const written = formatPolicyStatus({ ...(first as PolicyStatus), lastReconcileMs: Date.UTC(2026, 0, 2, 3, 4, 5) });
    expect(written['lastReconcileTime']).toBe('2026-01-02T03:04:05Z');
  });
});
