export { cooldownOf, undoneTooSoon } from './cooldown.ts';
export { formatIops } from './format-iops.ts';
export {
  scoreForPlaces,
  SWAP_MARGIN,
  watermarksByRank,
  type HotShareInput,
  type RankedWatermarks,
  type Standing,
} from './hot-share.ts';
export { rankOf } from './ranking.ts';
export { memoriesOf, twoSpeedParts, twoSpeedScore, type Memories, type Part } from './two-speed.ts';
export {
  bandOf,
  deciding,
  wantedTier,
  type Band,
  type MoveReason,
  type Wanted,
  type WantedInput,
} from './wanted-tier.ts';
