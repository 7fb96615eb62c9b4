import { parsePolicySpec, type PolicyConditionType } from '@couchestor/shared/policy';
import { describe, expect, test } from 'vitest';
import { anEvaluation, aPolicySpec, NOW_MS } from '../../test/builders.ts';
import { CHECKPOINT_LAG_MAX, composeStatus, type PolicyView } from './compose-status.ts';
import { emptyLedger, type Ledger, type PolicyStatus } from './status.ts';

const counts = { watchedVolumes: 3, hotVolumes: 1, warmVolumes: 0, coldVolumes: 2, mixedVolumes: 0 };

function view(changes: Partial<PolicyView> = {}): PolicyView {
  return {
    generation: 1,
    parsed: parsePolicySpec(aPolicySpec()),
    evaluated: anEvaluation(),
    counts,
    activeMigrations: 0,
    overlappedBy: [],
    control: { paused: false, reason: undefined },
    ...changes,
  };
}
const compose = (
  changes: Partial<PolicyView> = {},
  previous?: PolicyStatus,
  ledger: Ledger = emptyLedger,
  nowMs = NOW_MS,
): PolicyStatus => composeStatus(previous, ledger, view(changes), nowMs);
const condition = (status: PolicyStatus, type: PolicyConditionType) =>
  status.conditions.find((each) => each.type === type);

describe('composeStatus', () => {
  test('is Pending until the scorer has looked, then Active', () => {
    expect(compose({ evaluated: undefined }).phase).toBe('Pending');
    expect(compose().phase).toBe('Active');
    expect(condition(compose(), 'Ready')).toMatchObject({ status: 'True', reason: 'Reconciled' });
  });

  test('is Disabled when spec.enabled is false, whether it was looked at or not', () => {
    const parsed = parsePolicySpec(aPolicySpec({ enabled: false }));
    expect(compose({ parsed }).phase).toBe('Disabled');
    expect(compose({ parsed, evaluated: undefined }).phase).toBe('Disabled');
  });

  test('is Error with a sentence for a policy whose high watermark is not above the low one', () => {
    const parsed = parsePolicySpec(aPolicySpec({ highWatermarkIOPS: 500, lowWatermarkIOPS: 500 }));
    const status = compose({ parsed });
    expect(status.phase).toBe('Error');
    const ready = condition(status, 'Ready');
    expect(ready).toMatchObject({ status: 'False', reason: 'InvalidSpec' });
    expect(ready?.message).toContain('raise highWatermarkIOPS or lower lowWatermarkIOPS');
  });

  test('is not Ready without metrics or pools, though Active', () => {
    const metrics = { available: false, reason: 'PrometheusUnavailable', message: 'Prometheus does not answer.' };
    const status = compose({ evaluated: anEvaluation({ metrics }) });
    expect(status.phase).toBe('Active');
    expect(condition(status, 'MetricsAvailable')).toMatchObject({ status: 'False', reason: 'PrometheusUnavailable' });
    expect(condition(status, 'Ready')).toMatchObject({ status: 'False', reason: 'MetricsUnavailable' });
    const pools = { available: false, reason: 'NoPools', message: 'No pool is hot.' };
    expect(condition(compose({ evaluated: anEvaluation({ pools }) }), 'PoolsAvailable')).toMatchObject({
      status: 'False',
    });
  });

  test('names the older policies that take its volumes', () => {
    const overlapping = condition(compose({ overlappedBy: ['b', 'a'] }), 'Overlapping');
    expect(overlapping).toMatchObject({ status: 'True', reason: 'OlderPolicyClaims' });
    expect(overlapping?.message).toContain('"a", "b"');
    expect(condition(compose(), 'Overlapping')).toMatchObject({ status: 'False' });
  });

  test('shows a pause with its reason', () => {
    const paused = condition(compose({ control: { paused: true, reason: 'upgrade' } }), 'Paused');
    expect(paused).toMatchObject({ status: 'True', reason: 'PausedByControl' });
    expect(paused?.message).toContain('upgrade');
  });

  test('keeps what it does not know yet as it was', () => {
    const before = compose({ overlappedBy: ['a'], activeMigrations: 2 });
    const after = compose({ counts: undefined, overlappedBy: undefined, activeMigrations: undefined }, before);
    expect(after).toBe(before);
  });

  test('is the previous status itself when nothing changed, later on too', () => {
    const before = compose();
    expect(compose({}, before, emptyLedger, NOW_MS + 60_000)).toBe(before);
  });

  test('moves lastReconcileTime only with other changes', () => {
    const before = compose();
    const after = compose({ activeMigrations: 1 }, before, emptyLedger, NOW_MS + 60_500);
    expect(before.lastReconcileMs).toBe(NOW_MS);
    expect(after.lastReconcileMs).toBe(NOW_MS + 60_000);
  });

  test('moves the time of a condition only when its status changes', () => {
    const before = compose({ control: { paused: true, reason: 'one' } });
    const other = compose({ control: { paused: true, reason: 'two' } }, before, emptyLedger, NOW_MS + 60_000);
    expect(condition(other, 'Paused')?.message).toContain('two');
    expect(condition(other, 'Paused')?.lastTransitionMs).toBe(NOW_MS);
    const resumed = compose({}, other, emptyLedger, NOW_MS + 120_000);
    expect(condition(resumed, 'Paused')?.lastTransitionMs).toBe(NOW_MS + 120_000);
    expect(condition(resumed, 'Ready')?.lastTransitionMs).toBe(NOW_MS);
  });

  test('does not write a checkpoint alone until it is far behind', () => {
    const at = (lastSequence: number, streamCreatedAt = 's') => ({
      ...emptyLedger,
      applied: { streamCreatedAt, lastSequence },
    });
    const before = compose({}, undefined, at(1));
    expect(compose({}, before, at(CHECKPOINT_LAG_MAX))).toBe(before);
    expect(compose({}, before, at(CHECKPOINT_LAG_MAX + 1))).not.toBe(before);
    expect(compose({}, before, at(1, 'another'))).not.toBe(before);
    expect(compose({}, before, at(0)).applied?.lastSequence).toBe(0);
  });

  test('says of which generation it is that the scorer speaks', () => {
    const before = compose();
    const edited = compose({ generation: 2 }, before);
    expect(edited.observedGeneration).toBe(2);
    const generations = (status: PolicyStatus) =>
      (['Ready', 'MetricsAvailable', 'PoolsAvailable', 'Paused'] as const).map(
        (type) => condition(status, type)?.observedGeneration,
      );
    expect(generations(edited)).toEqual([1, 1, 1, 2]);
    const seen = compose({ generation: 2, evaluated: anEvaluation({ policyGeneration: 2 }) }, edited);
    expect(generations(seen)).toEqual([2, 2, 2, 2]);
  });

  test('replaces a reason that Kubernetes would refuse', () => {
    const metrics = { available: true, reason: 'not one word', message: '' };
    expect(condition(compose({ evaluated: anEvaluation({ metrics }) }), 'MetricsAvailable')?.reason).toBe('Other');
  });
});
