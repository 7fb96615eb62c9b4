import type { DecisionMade, MigrationRequested, PolicyEvaluated } from '@couchestor/shared/messages';
import { formatTimestamp } from '@couchestor/shared/units';
import type { Decision, Evaluation, MoveRequest } from './core/decision.ts';

/** The core's answers in the words of the messages: times as text. */

export function toDecisionMade(decision: Decision): DecisionMade {
  const { policy, nextEligibleAtMs, ...rest } = decision;
  return {
    ...rest,
    ...(policy === undefined
      ? {}
      : { policyId: policy.policyId, policyName: policy.name, policyGeneration: policy.generation }),
    ...(nextEligibleAtMs === undefined ? {} : { nextEligibleAt: timestamp(nextEligibleAtMs) }),
  };
}

export function toPolicyEvaluated(evaluation: Evaluation): PolicyEvaluated {
  return { ...evaluation, brakes: [...evaluation.brakes] };
}

export function toMigrationRequested({ notAfterMs, regretsInRow, ...request }: MoveRequest): MigrationRequested {
  return {
    ...request,
    replicas: [...request.replicas],
    targetPools: request.targetPools.slice(0, TARGET_POOLS_MAX),
    notAfter: timestamp(notAfterMs),
    ...(regretsInRow === 0 ? {} : { regretsInRow }),
  };
}

/** As many as a request may name. */
const TARGET_POOLS_MAX = 1_024;
/** The last moment that RFC 3339 can tell, for what is never. */
const LAST_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

const timestamp = (ms: number): string => formatTimestamp(Math.min(Math.floor(ms), LAST_MS));
