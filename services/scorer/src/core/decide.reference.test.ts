import { decisionReasons } from '@couchestor/shared/messages';
import { expect, test, vi } from 'vitest';
import { randomWorld } from '../../test/random-worlds.ts';
import { referenceDecisions, type ReferenceDecision } from '../../test/reference-decisions.ts';
import { NOW_MS } from '../../test/worlds.ts';
import { decide } from './decide.ts';
import type { Decision } from './decision.ts';

const WORLDS = 1_000;
vi.setConfig({ testTimeout: 120_000 });

function comparable({ policy, tierNow, tierWanted, action, reason, nextEligibleAtMs }: Decision): ReferenceDecision {
  return { policyId: policy?.policyId, tierNow, tierWanted, action, reason, nextEligibleAtMs };
}

test('what is decided, and what is said of it, is what the documents say, in each of 1,000 random worlds', () => {
  const seen = new Map<string, number>();
  for (let seed = 0; seed < WORLDS; seed += 1) {
    const world = randomWorld(seed);
    const wanted = referenceDecisions(world, NOW_MS);
    const { decisions } = decide(world, NOW_MS);
    for (const decision of decisions) {
      const answer = `world ${seed}, volume ${decision.volumeId}`;
      expect({ answer, ...comparable(decision) }).toEqual({ answer, ...wanted.get(decision.volumeId) });
      seen.set(decision.reason, (seen.get(decision.reason) ?? 0) + 1);
    }
  }
  // The worlds are worth it: next to every reason comes up. That a policy overlaps is said of policies, not of volumes.
  expect(Object.keys(decisionReasons).filter((reason) => !seen.has(reason))).toEqual(['PolicyOverlap']);
});
