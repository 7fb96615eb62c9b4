import { describe, expect, test } from 'vitest';
import { claimOf, selectorMatches, type ClaimingPolicy } from './index.ts';

const volume = { storageClassName: 'mayastor', labels: { team: 'blue' } };

function policy(name: string, createdAtMs: number, spec: Partial<ClaimingPolicy['spec']> = {}): ClaimingPolicy {
  return {
    policyId: name,
    name,
    createdAtMs,
    spec: { enabled: true, storageClassName: 'mayastor', volumeSelector: {}, ...spec },
  };
}

describe('a volume belongs to', () => {
  test('nobody, if no policy names its class or its labels', () => {
    const other = policy('other', 1, { storageClassName: 'other' });
    const red = policy('red', 1, { volumeSelector: { matchLabels: { team: 'red' } } });
    expect(claimOf([other, red], volume)).toEqual({ kind: 'unclaimed' });
  });

  test('the older of two policies, and the younger is told', () => {
    const old = policy('old', 1);
    const young = policy('young', 2);
    expect(claimOf([young, old], volume)).toEqual({ kind: 'claimed', policy: old, overlapping: [young] });
  });

  test('the one whose name sorts first, of two of the same second', () => {
    expect(claimOf([policy('b', 1), policy('a', 1)], volume)).toMatchObject({ policy: { name: 'a' } });
  });

  test('a younger enabled policy rather than an older disabled one', () => {
    const asleep = policy('asleep', 1, { enabled: false });
    const awake = policy('awake', 2);
    expect(claimOf([asleep, awake], volume)).toEqual({ kind: 'claimed', policy: awake, overlapping: [] });
    expect(claimOf([asleep], volume)).toMatchObject({ policy: asleep });
  });
});

describe('a label selector', () => {
  test.each([
    [{ operator: 'In', values: ['blue', 'red'] }, true],
    [{ operator: 'In', values: ['red'] }, false],
    [{ operator: 'NotIn', values: ['red'] }, true],
    [{ operator: 'NotIn', values: ['blue'] }, false],
    [{ operator: 'Exists' }, true],
    [{ operator: 'DoesNotExist' }, false],
  ] as const)('with team %j', (requirement, matches) => {
    const selector = { matchExpressions: [{ key: 'team', ...requirement }] } as Parameters<typeof selectorMatches>[0];
    expect(selectorMatches(selector, volume.labels)).toBe(matches);
  });

  test('wants every label and every expression at once, and an absent label is in no set', () => {
    const both = { matchLabels: { team: 'blue' }, matchExpressions: [{ key: 'app', operator: 'Exists' as const }] };
    expect(selectorMatches(both, { team: 'blue' })).toBe(false);
    expect(selectorMatches(both, { team: 'blue', app: 'db' })).toBe(true);
    expect(selectorMatches({ matchExpressions: [{ key: 'app', operator: 'NotIn', values: ['db'] }] }, {})).toBe(true);
  });
});
