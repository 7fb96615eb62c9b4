export { zonesAfter, zonesOf, ZONE_LABEL } from './zones.ts';
export {
  byAge,
  claimOf,
  policyClaims,
  readClaims,
  type Claim,
  type ClaimedVolume,
  type ClaimingPolicy,
  type ClaimingSpec,
} from './claims.ts';
export {
  labelSelectorSchema,
  selectorIsEmpty,
  selectorMatches,
  type Labels,
  type LabelSelector,
} from './label-selector.ts';
export { parsePolicySpec, type MaintenanceWindow, type ParsedSpec, type PolicySpec } from './policy-spec.ts';
export {
  HISTORY_MAX,
  policyConditionTypes,
  policyPhases,
  policyStatusSchema,
  type PolicyConditionType,
  type PolicyPhase,
} from './policy-status.ts';
export { placementOf, tierOfPool, tiers, type Placement, type Tier } from './tiers.ts';
export {
  aboveCapacityLimit,
  copyBytes,
  poolRefusal,
  poolRefusals,
  refusalIsTopology,
  refusalLasts,
  type PlacementNode,
  type PlacementPool,
  type PlacementVolume,
  type PoolRefusal,
  topologyMisfit,
} from './pool-eligibility.ts';
