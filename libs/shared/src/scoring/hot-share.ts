import type { Score } from '../messages/index.ts';

type ScoreValue = Extract<Score, { kind: 'value' }>;

/** A volume takes the place of another on a full hot tier only with a score this many times as high. */
export const SWAP_MARGIN = 1.25;

/**
 * The score as it counts where places are given by rank: a volume keeps its place for what either memory says. By the long
 * one alone it would have to leave as soon as it had come for what the short one says.
 */
export function scoreForPlaces(score: ScoreValue): ScoreValue {
  const { iops, demoteIops = iops } = score;
  return demoteIops >= iops ? score : { ...score, demoteIops: iops };
}

/** A volume that may come to the hot tier or leave it. */
export interface Standing {
  readonly onHot: boolean;
  /** By the memory for promotion. */
  readonly iops: number;
  /** By the memory for demotion. */
  readonly demoteIops: number;
}

export interface HotShareInput {
  /** In any order; who may not move now (held, pinned, cooling down, without a score) is not among them. */
  readonly standings: readonly Standing[];
  /** How many of them the hot tier can hold. */
  readonly places: number;
  /** At or below this a volume is cold, however much room there is. */
  readonly floorIops: number;
}

export interface RankedWatermarks {
  /** Whole numbers, the low one less than the high one. */
  readonly highWatermarkIops: number;
  readonly lowWatermarkIops: number;
}

/**
 * Watermarks that follow the fleet, so that the hot tier holds as many volumes as it has places for: those with the
 * highest scores. Free places go to the highest outside. On a full tier the highest outside takes the place of the
 * lowest inside, as long as its score is `SWAP_MARGIN` times as high. The watermarks come to lie so that just these
 * volumes cross them, and fewer where scores are equal; where none does, they say what a volume would need.
 */
export function watermarksByRank({ standings, places, floorIops }: HotShareInput): RankedWatermarks {
  const outside = ascendingAbove(floorIops, standings, false).reverse();
  const inside = ascendingAbove(floorIops, standings, true);
  const most = Math.max(0, places);
  let leaving = Math.max(0, inside.length - most);
  let coming = Math.min(outside.length, Math.max(0, most - inside.length));
  for (;;) {
    const [next, last] = [outside[coming], inside[leaving]];
    if (most === 0 || next === undefined || last === undefined) break;
    if (inside.length - leaving + coming < most || next < SWAP_MARGIN * last) break;
    coming += 1;
    leaving += 1;
  }
  const lowWatermarkIops = Math.max(floorIops, lowOf(inside, outside[coming], leaving));
  // Of equal scores none may have left, and then fewer may come.
  const kept = inside.filter((iops) => iops > lowWatermarkIops);
  const admitted = Math.min(coming, Math.max(0, most - kept.length));
  const highWatermarkIops = Math.max(lowWatermarkIops + 1, highOf(outside, kept[0], admitted));
  return { highWatermarkIops, lowWatermarkIops };
}

/**
 * As whole numbers that compare with whole watermarks just as the scores do: what speaks for promotion rounded down, what
 * speaks for demotion rounded up. In a typed array, since there may be 100,000 of them to sort.
 */
function ascendingAbove(floorIops: number, standings: readonly Standing[], onHot: boolean): Float64Array {
  const whole = new Float64Array(standings.length);
  let count = 0;
  for (const standing of standings) {
    if (standing.onHot !== onHot) continue;
    const iops = onHot ? Math.ceil(standing.demoteIops) : Math.floor(standing.iops);
    if (iops <= floorIops) continue;
    whole[count] = iops;
    count += 1;
  }
  return whole.subarray(0, count).sort();
}

/** What the last that comes has, and nobody after it; or the price of the weakest place. */
function highOf(outside: Float64Array, weakest: number | undefined, coming: number): number {
  const [last, next] = [outside[coming - 1], outside[coming]];
  const aboveNext = next === undefined ? 0 : next + 1;
  if (last !== undefined) return Math.max(last, aboveNext);
  return weakest === undefined ? aboveNext : Math.max(aboveNext, Math.ceil(SWAP_MARGIN * weakest));
}

/** What the last that leaves has, and nobody after it; or what the strongest outside could take the place of. */
function lowOf(inside: Float64Array, strongest: number | undefined, leaving: number): number {
  const [last, next] = [inside[leaving - 1], inside[leaving]];
  const belowNext = next === undefined ? Infinity : next - 1;
  if (last !== undefined) return Math.min(last, belowNext);
  return strongest === undefined ? 0 : Math.min(belowNext, Math.floor(strongest / SWAP_MARGIN));
}
