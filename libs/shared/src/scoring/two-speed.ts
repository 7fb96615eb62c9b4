import type { Score } from '../messages/index.ts';
import type { PolicySpec } from '../policy/index.ts';

/**
 * How long the two averages remember: what happened one memory ago counts e times less than what happens now. A short
 * one to promote by notices soon that a volume has become busy; a long one to demote by lets a busy one rest.
 */
export interface Memories {
  readonly promoteMs: number;
  readonly demoteMs: number;
}

/** A piece of the past; both ends count back from now, `fromMs` the farther one. */
export interface Part {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Where nothing is set: as fast as the sampling window, and four times as slow. */
const DEMOTE_TIMES = 4;
/** Parts of the shorter memory, in which a change shows. */
const PARTS_OF_MEMORY = 4;
/** Parts grow with age, since what is old weighs little and may be told less sharply. */
const GROWTH = 1.5;
/** Beyond so many of the longer memory, less than 2 % of the weight is left. */
const MEMORIES_KEPT = 4;

export function memoriesOf({ scoring, samplingWindowMs }: Pick<PolicySpec, 'scoring' | 'samplingWindowMs'>): Memories {
  const promoteMs = scoring.promoteMemoryMs ?? samplingWindowMs;
  return { promoteMs, demoteMs: scoring.demoteMemoryMs ?? DEMOTE_TIMES * promoteMs };
}

/**
 * The pieces of the past whose averages are enough for both memories, newest first, each beginning where the one before
 * it ends. They are whole seconds, and few: 6 for two equal memories, 9 where one is four times as long.
 */
export function twoSpeedParts({ promoteMs, demoteMs }: Memories): readonly Part[] {
  const keptMs = MEMORIES_KEPT * Math.max(promoteMs, demoteMs);
  const parts: Part[] = [];
  let toMs = 0;
  let lengthMs = Math.min(promoteMs, demoteMs) / PARTS_OF_MEMORY;
  while (toMs < keptMs) {
    const fromMs = toMs + Math.max(1_000, Math.round(lengthMs / 1_000) * 1_000);
    parts.push({ fromMs, toMs });
    toMs = fromMs;
    lengthMs *= GROWTH;
  }
  return parts;
}

/**
 * The score of a volume from the mean IOPS of each part, undefined where it is not known. A part weighs what the
 * exponential gives to its time; parts that are not known are left out and the others stand for them, so an average is
 * never too low for want of data. How much they had to stand for is the coverage: the known share of the weight, of
 * the memory that knows less.
 */
export function twoSpeedScore(
  parts: readonly Part[],
  iopsOf: readonly (number | undefined)[],
  { promoteMs, demoteMs }: Memories,
): Score {
  const promote = exponentialAverage(parts, iopsOf, promoteMs);
  const demote = exponentialAverage(parts, iopsOf, demoteMs);
  if (promote === undefined || demote === undefined) return { kind: 'unknown', reason: 'LowCoverage' };
  return {
    kind: 'value',
    iops: promote.iops,
    demoteIops: demote.iops,
    coverage: Math.min(promote.coverage, demote.coverage),
  };
}

function exponentialAverage(
  parts: readonly Part[],
  iopsOf: readonly (number | undefined)[],
  memoryMs: number,
): { readonly iops: number; readonly coverage: number } | undefined {
  let sum = 0;
  let known = 0;
  let whole = 0;
  for (const [index, { fromMs, toMs }] of parts.entries()) {
    const weight = Math.exp(-toMs / memoryMs) - Math.exp(-fromMs / memoryMs);
    const iops = iopsOf[index];
    whole += weight;
    if (iops === undefined) continue;
    sum += weight * iops;
    known += weight;
  }
  return known === 0 ? undefined : { iops: sum / known, coverage: known / whole };
}
