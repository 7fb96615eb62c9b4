import { badSelectors } from './bad-selectors.ts';
import { badBrakes, badDurations, badMetrics, badWatermarks } from './bad-values.ts';
import { badWindows } from './bad-windows.ts';
import type { BadPolicy } from './policy-refusals.ts';

export { goodPolicies } from './good-policies.ts';

/** Policies that cannot work, each with every sentence of its refusal. */
export const badPolicies: readonly BadPolicy[] = [
  ...badWatermarks,
  ...badSelectors,
  ...badDurations,
  ...badWindows,
  ...badMetrics,
  ...badBrakes,
];
