import { selectorMatches, type Labels } from './label-selector.ts';
import type { PolicySpec } from './policy-spec.ts';

export const tiers = ['hot', 'warm', 'cold'] as const;
export type Tier = (typeof tiers)[number];

/** Where a volume is: on one tier, on several (`mixed`), or on pools that no tier of the policy claims (`none`). */
export type Placement = Tier | 'mixed' | 'none';

/**
 * The tier of a pool under a policy; undefined if no selector or more than one matches. A pool of two tiers belongs to
 * neither, since nothing could be said about a replica on it.
 */
export function tierOfPool(policy: PolicySpec, poolLabels: Labels): Tier | undefined {
  const { hot, warm, cold } = policy.poolSelectors;
  const matching = [
    ...(selectorMatches(hot, poolLabels) ? (['hot'] as const) : []),
    ...(warm !== undefined && selectorMatches(warm, poolLabels) ? (['warm'] as const) : []),
    ...(selectorMatches(cold, poolLabels) ? (['cold'] as const) : []),
  ];
  return matching.length === 1 ? matching[0] : undefined;
}

/** Folds the tiers of a volume's replicas, undefined for a replica on a pool without tier. */
export function placementOf(replicaTiers: readonly (Tier | undefined)[]): Placement {
  const [first] = replicaTiers;
  for (const tier of replicaTiers) if (tier !== first) return 'mixed';
  return first ?? 'none';
}
