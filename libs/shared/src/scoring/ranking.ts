import type { Score } from '../messages/index.ts';
import type { Placement, PolicySpec } from '../policy/index.ts';
import { deciding, type MoveReason } from './wanted-tier.ts';

export interface RankInput {
  readonly spec: Pick<PolicySpec, 'highWatermarkIops' | 'lowWatermarkIops' | 'warmWatermarkIops'>;
  readonly score: Score;
  readonly reason: MoveReason;
  readonly from: Placement;
  /** What the move copies, of all replicas together. */
  readonly copiedGib: number;
}

const WEIGHT_PINNED = 100;
const WEIGHT_FINISH = 4;
const WEIGHT_PROMOTE = 2;
const WEIGHT_DEMOTE = 1;

/**
 * Who gets a scarce slot first: the greatest rank.
 *
 *     rank    = weight * benefit / (1 + GiB to copy)
 *     benefit = 1 + |log2((score + 1) / (watermark crossed + 1))|
 *
 * The benefit grows with each doubling past the watermark, so a volume at eight times the limit comes before one at the
 * limit, but a hundredfold score does not buy a hundredfold copy. The cost is what is copied; the 1 stands for what
 * every move costs however small it is. Weights: 100 for a pin (a person asked), 4 for bringing the rest of a mixed
 * volume (two thirds of it are in the wrong place, and the first third is paid for), 2 for a move to a hotter tier (it is
 * slow now), 1 for a move to a colder one (it only takes space). Pinned and mixed volumes have the benefit 1.
 */
export function rankOf(input: RankInput): number {
  return (weightOf(input) * benefitOf(input)) / (1 + input.copiedGib);
}

function weightOf({ reason, from }: RankInput): number {
  switch (reason) {
    case 'Pinned':
      return WEIGHT_PINNED;
    case 'FinishMixed':
      return WEIGHT_FINISH;
    case 'AboveHighWatermark':
      return WEIGHT_PROMOTE;
    case 'AboveWarmWatermark':
      return from === 'hot' ? WEIGHT_DEMOTE : WEIGHT_PROMOTE;
    case 'BelowLowWatermark':
      return WEIGHT_DEMOTE;
  }
}

function benefitOf({ reason, score, spec, from }: RankInput): number {
  if (score.kind === 'unknown' || reason === 'Pinned' || reason === 'FinishMixed') return 1;
  const crossed = watermarkCrossed(reason, spec, from);
  return 1 + Math.abs(Math.log2((deciding(reason, score) + 1) / (crossed + 1)));
}

function watermarkCrossed(
  reason: Exclude<MoveReason, 'Pinned' | 'FinishMixed'>,
  { highWatermarkIops, lowWatermarkIops, warmWatermarkIops }: RankInput['spec'],
  from: Placement,
): number {
  switch (reason) {
    case 'AboveHighWatermark':
      return highWatermarkIops;
    case 'AboveWarmWatermark':
      return from === 'hot' ? highWatermarkIops : (warmWatermarkIops ?? highWatermarkIops);
    case 'BelowLowWatermark':
      return lowWatermarkIops;
  }
}
