import { describe, expect, test } from 'vitest';
import { badPolicies, goodPolicies } from '../../../simulator/src/kubernetes/conformance/policy-table.ts';
import { parsePolicySpec } from './index.ts';

/** What the table says of API servers holds for CoucheStor itself, for policies that were stored before a rule existed. */

const least = {
  nvmePoolSelector: { matchLabels: { tier: 'hot' } },
  sataPoolSelector: { matchLabels: { tier: 'cold' } },
};

/** A cause of the API server in our words: its type is left out, and what it prints in front of sentences of ours. */
function problemOf(cause: string): string {
  const [, field, message = ''] = /^(\S+) \w+: (.*)$/s.exec(cause) ?? [];
  const sentence = message
    .replace(/^Invalid value: "(object|string)": (?!spec\S* in body )/, '')
    .replace(/^Required value: /, '');
  return `${field}: ${sentence}`;
}

/** What to change: the words of ours behind the colon, or those of the API server for types and bounds. */
const remedy =
  /: (raise|lower|shorten|choose|name|say|write|add|use|remove) |in body should be |must be of type |supported values: |must have at most |may not be more than |: Required value$/;

describe('a policy is in error, by the sentences with which an API server refuses it, for', () => {
  test.each(badPolicies.map(({ title, spec, causes }) => [title, spec, causes] as const))('%s', (_, spec, causes) => {
    const parsed = parsePolicySpec({ ...least, ...spec });
    const told = causes.filter((cause) => !cause.startsWith('<nil>')).map(problemOf);
    expect(parsed.kind === 'invalid' && parsed.problems.toSorted()).toEqual(told.toSorted());
    for (const problem of told) expect(problem).toMatch(remedy);
  });
});

describe('a policy is in force at the edge of what can work:', () => {
  test.each(goodPolicies)('%s', (_, spec) => {
    expect(parsePolicySpec({ ...least, ...spec })).toMatchObject({ kind: 'valid' });
  });
});

test('the table has policies of every kind', () => {
  expect(badPolicies.length).toBeGreaterThanOrEqual(40);
  expect(goodPolicies.length).toBeGreaterThanOrEqual(20);
});
