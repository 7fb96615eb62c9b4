import { expect, test } from 'vitest';
import { parsePolicySpec, placementOf, tierOfPool } from './index.ts';

const parsed = parsePolicySpec({
  nvmePoolSelector: { matchExpressions: [{ key: 'media', operator: 'In', values: ['nvme'] }] },
  sataPoolSelector: { matchLabels: { cheap: 'yes' } },
});
const policy = parsed.kind === 'valid' ? parsed.spec : expect.fail('the policy is valid');

test('a pool is of the tier whose selector it matches, expressions included', () => {
  expect(tierOfPool(policy, { media: 'nvme' })).toBe('hot');
  expect(tierOfPool(policy, { cheap: 'yes', media: 'sata' })).toBe('cold');
});

test('a pool of no tier or of two belongs to none', () => {
  expect(tierOfPool(policy, {})).toBeUndefined();
  expect(tierOfPool(policy, { media: 'nvme', cheap: 'yes' })).toBeUndefined();
});

test('a volume is where all its replicas are, else mixed', () => {
  expect(placementOf(['hot', 'hot'])).toBe('hot');
  expect(placementOf(['hot', 'cold'])).toBe('mixed');
  expect(placementOf(['hot', undefined])).toBe('mixed');
  expect(placementOf([undefined, undefined])).toBe('none');
  expect(placementOf([])).toBe('none');
});
