import type { Score, UnknownReason } from '../messages/index.ts';
import type { Placement, PolicySpec, Tier } from '../policy/index.ts';
import { formatIops, shownIops } from './format-iops.ts';
import { scoreForPlaces } from './hot-share.ts';

export type MoveReason = 'AboveHighWatermark' | 'AboveWarmWatermark' | 'BelowLowWatermark' | 'FinishMixed' | 'Pinned';

export type Wanted =
  | { readonly kind: 'tier'; readonly tier: Tier; readonly reason: MoveReason; readonly message: string }
  /** Between two watermarks: it stays where it is, which keeps volumes at a threshold from going to and fro. */
  | { readonly kind: 'stay'; readonly message: string }
  | { readonly kind: 'unknown'; readonly reason: UnknownReason };

export interface WantedInput {
  readonly spec: Pick<PolicySpec, 'highWatermarkIops' | 'lowWatermarkIops' | 'warmWatermarkIops'>;
  readonly score: Score;
  /** What the annotation says; one that cannot be read is not for this function to judge. */
  readonly pin: { readonly kind: 'none' | 'unreadable' } | { readonly kind: 'tier'; readonly tier: Tier };
  readonly placement: Placement;
  /** One for each replica; undefined where its pool belongs to no tier. */
  readonly replicaTiers: readonly (Tier | undefined)[];
  /** Whether the hot tier has places for a share of the volumes: what lies there in part has one of them. */
  readonly placesByRank?: boolean;
}

type ScoreValue = Extract<Score, { kind: 'value' }>;

/** The tier that a volume deserves, whether or not it is there already. */
export function wantedTier(input: WantedInput): Wanted {
  const { spec, score, pin, placement, replicaTiers, placesByRank = false } = input;
  if (pin.kind === 'tier') {
    return { kind: 'tier', tier: pin.tier, reason: 'Pinned', message: `The annotation pin-tier wants it ${pin.tier}.` };
  }
  if (score.kind === 'unknown') return { kind: 'unknown', reason: score.reason };
  const banded = tierOfScore(score, bandOf(placesByRank ? scoreForPlaces(score) : score, spec), spec);
  if (banded.kind === 'tier' || placement !== 'mixed') return banded;
  // Whoever brought it to where most of it is would have to bring it back as soon as its place had come free by that.
  if (placesByRank && replicaTiers.includes('hot')) {
    const message = `${banded.message} Its replicas lie on several tiers, and it has its place on the hot one.`;
    return { kind: 'tier', tier: 'hot', reason: 'FinishMixed', message };
  }
  const majority = majorityTier(replicaTiers);
  if (majority === undefined) return banded;
  const message = `${banded.message} Its replicas lie on several tiers, and most of them are ${majority}.`;
  return { kind: 'tier', tier: majority, reason: 'FinishMixed', message };
}

/** Of the two numbers that a score may hold, the one that spoke for the move. */
export function deciding(reason: MoveReason, { iops, demoteIops }: ScoreValue): number {
  return reason === 'BelowLowWatermark' ? (demoteIops ?? iops) : iops;
}

/** Where a score lies among the watermarks. */
export type Band = 'hot' | 'cold' | 'warm' | 'betweenLowAndWarm' | 'betweenLowAndHigh';

/**
 * What speaks for a hotter tier is heard first: a volume that is busy now is not demoted because it was quiet for long.
 * So no score wants a volume up where it is cold and down where it is hot.
 */
export function bandOf({ iops: up, demoteIops: down = up }: ScoreValue, spec: WantedInput['spec']): Band {
  const { highWatermarkIops: high, lowWatermarkIops: low, warmWatermarkIops: warm } = spec;
  if (up >= high) return 'hot';
  if (down <= low && up < (warm ?? high)) return 'cold';
  if (warm === undefined) return 'betweenLowAndHigh';
  return up >= warm && down < high ? 'warm' : 'betweenLowAndWarm';
}

type Banded = Extract<Wanted, { kind: 'tier' | 'stay' }>;

/** Of one policy, or of the ranking of one pass, by where a score lies and how it reads. */
const bandedBy = new WeakMap<WantedInput['spec'], Map<Band, Map<number, Banded>>>();
/** In each band; more than disks have whole numbers of IOPS. Beyond that it begins anew. */
const BANDED_MAX = 20_000;

/**
 * Of 100,000 volumes those whose scores read the same have one sentence, made once and in memory once: made for each of
 * them in each pass, sentences were a third of the garbage.
 */
function tierOfScore(score: ScoreValue, band: Band, spec: WantedInput['spec']): Banded {
  if (score.demoteIops !== undefined) return bandedTier(score, band, spec);
  const bands = bandedBy.get(spec) ?? new Map<Band, Map<number, Banded>>();
  bandedBy.set(spec, bands);
  const known = bands.get(band);
  const reads = shownIops(score.iops);
  const before = known?.get(reads);
  if (before !== undefined) return before;
  const banded = bandedTier(score, band, spec);
  if (known === undefined || known.size >= BANDED_MAX) bands.set(band, new Map([[reads, banded]]));
  else known.set(reads, banded);
  return banded;
}

function bandedTier(score: ScoreValue, band: Band, spec: WantedInput['spec']): Banded {
  const { highWatermarkIops: high, lowWatermarkIops: low, warmWatermarkIops: warm } = spec;
  switch (band) {
    case 'hot': {
      const message = inOnePiece`${promotingBy(score)} is at or above the high watermark of ${formatIops(high)}.`;
      return { kind: 'tier', tier: 'hot', reason: 'AboveHighWatermark', message };
    }
    case 'cold': {
      const message = inOnePiece`${demotingBy(score)} is at or below the low watermark of ${formatIops(low)}.`;
      return { kind: 'tier', tier: 'cold', reason: 'BelowLowWatermark', message };
    }
    case 'warm': {
      const message = inOnePiece`${lying(score)} between the warm watermark of ${warm} and the high one of ${formatIops(high)}.`;
      return { kind: 'tier', tier: 'warm', reason: 'AboveWarmWatermark', message };
    }
    case 'betweenLowAndWarm': {
      const message = inOnePiece`${lying(score)} between the low watermark of ${low} and the warm one of ${warm}.`;
      return { kind: 'stay', message };
    }
    case 'betweenLowAndHigh': {
      const message = inOnePiece`${lying(score)} between the watermarks of ${low} and ${formatIops(high)}.`;
      return { kind: 'stay', message };
    }
  }
}

/** What a template makes by itself is kept as the tree of its parts: of 100,000 sentences, half a million things. */
function inOnePiece(texts: TemplateStringsArray, ...values: readonly unknown[]): string {
  return texts.map((text, index) => (index < values.length ? `${text}${String(values[index])}` : text)).join('');
}

/** The number that speaks for a hotter tier. */
function promotingBy({ iops, demoteIops }: ScoreValue): string {
  return demoteIops === undefined ? formatIops(iops) : `${formatIops(iops)} by the memory for promotion`;
}

/** The number that speaks for a colder one. */
function demotingBy({ iops, demoteIops }: ScoreValue): string {
  return demoteIops === undefined ? formatIops(iops) : `${formatIops(demoteIops)} by the memory for demotion`;
}

function lying(score: ScoreValue): string {
  if (score.demoteIops === undefined) return `${promotingBy(score)} lies`;
  return `With ${promotingBy(score)} and ${demotingBy(score)} it lies`;
}

/**
 * The tier of most replicas, the hotter of two with as many. Undefined unless two tiers are involved: a replica on a
 * pool that has merely lost its labels is no reason to copy anything.
 */
function majorityTier(replicaTiers: readonly (Tier | undefined)[]): Tier | undefined {
  const counts = (['hot', 'warm', 'cold'] as const).map((tier) => ({
    tier,
    count: replicaTiers.filter((other) => other === tier).length,
  }));
  if (counts.filter(({ count }) => count > 0).length < 2) return undefined;
  return counts.reduce((most, next) => (next.count > most.count ? next : most)).tier;
}
