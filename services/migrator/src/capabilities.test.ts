import type { MayastorNode } from '@couchestor/shared/mayastor';
import { describe, expect, test } from 'vitest';
import { createMethodFinder } from './capabilities.ts';

function cluster(versions: readonly string[], poolCordon: boolean) {
  const state = { versions: [...versions], probes: 0 };
  const mayastor = {
    listNodes: () =>
      Promise.resolve(
        state.versions.map((version, index): MayastorNode => ({
          id: `n${index}`,
          status: 'Online',
          version,
          cordonLabels: [],
          drainLabels: [],
          labels: {},
        })),
      ),
    poolCordonSupported: () => {
      state.probes += 1;
      return Promise.resolve(poolCordon);
    },
  };
  return { state, mayastor };
}

const signal = new AbortController().signal;
const always = { nodeFenceAllowed: true, mayProbe: () => true, onNodes: () => Promise.resolve() };

describe('how a cluster is fenced', () => {
  test.each([
    [['v2.12.2', 'v2.10.0'], true, true, 'poolCordon'],
    [['v2.12.2', 'v2.9.0'], true, true, 'nodeCordon'],
    [['v2.7.1'], false, true, 'nodeCordon'],
    [['v2.7.1'], false, false, 'none'],
    [['v2.6.1'], false, true, 'none'],
    [['v2.12.2'], false, true, 'none'],
    [[], true, true, 'undetermined'],
  ])(
    'with nodes of %j, pool cordon %s, whole nodes allowed %s: %s',
    async (versions, poolCordon, nodeFenceAllowed, method) => {
      const { mayastor } = cluster(versions, poolCordon);
      expect(await createMethodFinder(mayastor, { ...always, nodeFenceAllowed })(signal)).toBe(method);
    },
  );
});

test('Mayastor is probed only under the permit, and again only after an upgrade', async () => {
  const { state, mayastor } = cluster(['v2.10.0'], true);
  let permitted = false;
  const find = createMethodFinder(mayastor, { ...always, nodeFenceAllowed: false, mayProbe: () => permitted });
  expect(await find(signal)).toBe('undetermined');
  expect(state.probes).toBe(0);
  permitted = true;
  expect(await find(signal)).toBe('poolCordon');
  permitted = false;
  expect(await find(signal)).toBe('poolCordon');
  expect(state.probes).toBe(1);
  state.versions = ['v2.12.2'];
  expect(await find(signal)).toBe('undetermined');
  permitted = true;
  expect(await find(signal)).toBe('poolCordon');
  expect(state.probes).toBe(2);
});
