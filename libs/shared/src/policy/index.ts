export { byAge, claimOf, policyClaims, type Claim, type ClaimedVolume, type ClaimingPolicy } from './claims.ts';
export {
  labelSelectorSchema,
  selectorIsEmpty,
  selectorMatches,
  type Labels,
  type LabelSelector,
} from './label-selector.ts';
export {
  parsePolicySpec,
  policySpecSchema,
  type MaintenanceWindow,
  type ParsedSpec,
  type PolicySpec,
} from './policy-spec.ts';
export { placementOf, tierOfPool, tiers, type Placement, type Tier } from './tiers.ts';
