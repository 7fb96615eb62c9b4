export { formatIops } from './format-iops.ts';
export { memoriesOf, twoSpeedParts, twoSpeedScore, type Memories, type Part } from './two-speed.ts';
export { deciding, wantedTier, type MoveReason, type Wanted, type WantedInput } from './wanted-tier.ts';
