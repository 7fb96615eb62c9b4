import { expect, test } from 'vitest';
import { createInterner } from './interner.ts';

const parsed = (value: unknown): Record<string, unknown> =>
  JSON.parse(JSON.stringify(value)) as Record<string, unknown>;
const interned = (interner: ReturnType<typeof createInterner>, value: unknown): Record<string, unknown> => {
  const copy = parsed(value);
  interner.within(copy);
  return copy;
};
const keys = new Set(['node', 'labels', 'allowedNodes']);

test('equal records and lists below a key become one, which cannot be changed, and others stay what they are', () => {
  const interner = createInterner(keys);
  const volume = { labels: { app: 'shop' }, topology: { allowedNodes: ['node-1'] }, other: { app: 'shop' } };
  const [a, b] = [interned(interner, volume), interned(interner, volume)];
  expect([a, b]).toEqual([volume, volume]);
  expect(a['labels']).toBe(b['labels']);
  expect(a['labels']).not.toBe(interned(interner, { labels: { app: 'bank' } })['labels']);
  expect(Object.isFrozen(a['labels'])).toBe(true);
  const listOf = ({ topology }: Record<string, unknown>) => (topology as Record<string, unknown>)['allowedNodes'];
  expect(listOf(a)).toBe(listOf(b));
  expect(a['other']).not.toBe(b['other']);
});

test('it looks into lists, and leaves alone what is neither a text nor made of them', () => {
  const interner = createInterner(keys);
  const value = { replicas: [{ node: 'a' }, { node: null }, { node: 3 }, 'text', null], node: '["a"]', labels: ['a'] };
  expect([interned(interner, value), interned(interner, value)]).toEqual([value, value]);
});

test('a text is not taken for a list that is written like it', () => {
  const interner = createInterner(keys);
  expect(interned(interner, { node: ['a'] })).toEqual({ node: ['a'] });
  expect(interned(interner, { node: '["a"]' })).toEqual({ node: '["a"]' });
});

test('it knows so many values and no more, and nothing that is long', () => {
  const interner = createInterner(keys, 2);
  const labelsOf = (app: string): unknown => interned(interner, { labels: { app } })['labels'];
  const first = labelsOf('a');
  labelsOf('b');
  expect(labelsOf('a')).toBe(first);
  labelsOf('c');
  expect(labelsOf('a')).not.toBe(first);
  expect(labelsOf('x'.repeat(600))).not.toBe(labelsOf('x'.repeat(600)));
});
