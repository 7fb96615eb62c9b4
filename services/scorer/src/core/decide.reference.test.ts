import assert from 'node:assert/strict';
import { decisionReasons } from '@couchestor/shared/messages';
import { expect, test, vi } from 'vitest';
import { randomWorld } from '../../test/random-worlds.ts';
import { referenceDecisions, type ReferenceDecision } from '../../test/reference-decisions.ts';
import { NOW_MS } from '../../test/worlds.ts';
import { decide } from './decide.ts';
import type { Decision, MoveRequest } from './decision.ts';

/** As many as it takes for each rule of the slots to have made a difference once. */
const WORLDS = 4_000;
vi.setConfig({ testTimeout: 120_000 });

function comparable(
  { policy, tierNow, tierWanted, action, reason, nextEligibleAtMs, comparedWith }: Decision,
  request: MoveRequest | undefined,
): ReferenceDecision {
  const { targetPools } = request ?? {};
  return {
    policyId: policy?.policyId,
    tierNow,
    tierWanted,
    action,
    reason,
    nextEligibleAtMs,
    comparedWith,
    targetPools,
  };
}

test('what is decided, and what is said of it, is what the documents say, in thousands of random worlds', () => {
  const seen = new Map<string, number>();
  for (let seed = 0; seed < WORLDS; seed += 1) {
    const world = randomWorld(seed);
    const wanted = referenceDecisions(world, NOW_MS);
    const { decisions, requests } = decide(world, NOW_MS);
    for (const decision of decisions) {
      const { volumeId } = decision;
      const request = requests.find((one) => one.volumeId === volumeId);
      const known = { seed, volumeId, ...comparable(decision, request) };
      assert.deepStrictEqual(known, { seed, volumeId, ...wanted.get(volumeId) });
      seen.set(decision.reason, (seen.get(decision.reason) ?? 0) + 1);
    }
  }
  // The worlds are worth it: next to every reason comes up. That a policy overlaps is said of policies, not of volumes.
  expect(Object.keys(decisionReasons).filter((reason) => !seen.has(reason))).toEqual(['PolicyOverlap']);
});
