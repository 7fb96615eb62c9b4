export { cooldownOf, undoneTooSoon } from './cooldown.ts';
export { formatIops } from './format-iops.ts';
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
