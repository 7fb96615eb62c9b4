import type { Score, UnknownReason } from '@couchestor/shared/messages';
import type { Placement, PolicySpec, Tier } from '@couchestor/shared/policy';
import { formatIops } from './format-iops.ts';
import type { Wishes } from './world.ts';

export type MoveReason = 'AboveHighWatermark' | 'AboveWarmWatermark' | 'BelowLowWatermark' | 'FinishMixed' | 'Pinned';

export type Wanted =
  | { readonly kind: 'tier'; readonly tier: Tier; readonly reason: MoveReason; readonly message: string }
  /** Between two watermarks: it stays where it is, which keeps volumes at a threshold from going to and fro. */
  | { readonly kind: 'stay'; readonly message: string }
  | { readonly kind: 'unknown'; readonly reason: UnknownReason };

export interface WantedInput {
  readonly spec: Pick<PolicySpec, 'highWatermarkIops' | 'lowWatermarkIops' | 'warmWatermarkIops'>;
  readonly score: Score;
  readonly pin: Wishes['pin'];
  readonly placement: Placement;
  /** One for each replica; undefined where its pool belongs to no tier. */
  readonly replicaTiers: readonly (Tier | undefined)[];
}

/** The tier that a volume deserves, whether or not it is there already. */
export function wantedTier({ spec, score, pin, placement, replicaTiers }: WantedInput): Wanted {
  if (pin.kind === 'tier') {
    return { kind: 'tier', tier: pin.tier, reason: 'Pinned', message: `The annotation pin-tier wants it ${pin.tier}.` };
  }
  if (score.kind === 'unknown') return { kind: 'unknown', reason: score.reason };
  const banded = tierOfIops(score.iops, spec);
  if (banded.kind === 'tier' || placement !== 'mixed') return banded;
  const majority = majorityTier(replicaTiers);
  if (majority === undefined) return banded;
  const message = `${banded.message} Its replicas lie on several tiers, and most of them are ${majority}.`;
  return { kind: 'tier', tier: majority, reason: 'FinishMixed', message };
}

function tierOfIops(iops: number, spec: WantedInput['spec']): Extract<Wanted, { kind: 'tier' | 'stay' }> {
  const { highWatermarkIops: high, lowWatermarkIops: low, warmWatermarkIops: warm } = spec;
  const said = formatIops(iops);
  if (iops >= high) {
    const message = `${said} is at or above the high watermark of ${formatIops(high)}.`;
    return { kind: 'tier', tier: 'hot', reason: 'AboveHighWatermark', message };
  }
  if (iops <= low) {
    const message = `${said} is at or below the low watermark of ${formatIops(low)}.`;
    return { kind: 'tier', tier: 'cold', reason: 'BelowLowWatermark', message };
  }
  if (warm === undefined) {
    return { kind: 'stay', message: `${said} lies between the watermarks of ${low} and ${formatIops(high)}.` };
  }
  if (iops >= warm) {
    const message = `${said} lies between the warm watermark of ${warm} and the high one of ${formatIops(high)}.`;
    return { kind: 'tier', tier: 'warm', reason: 'AboveWarmWatermark', message };
  }
  return { kind: 'stay', message: `${said} lies between the low watermark of ${low} and the warm one of ${warm}.` };
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
