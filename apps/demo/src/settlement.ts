import type { DecisionMade, DecisionReason } from '@couchestor/shared/messages';

/** One volume, as the demo asks whether it has come to rest. */
export interface Resting {
  readonly name: string;
  readonly decision: DecisionMade | undefined;
  readonly moving: boolean;
}

/** Reasons that last: waiting does not change them, only a person or another load does. */
const lasting: ReadonlySet<DecisionReason> = new Set([
  'OnWantedTier',
  'BetweenWatermarks',
  'NotPublished',
  'Held',
  'HasSnapshots',
  'NoEligiblePool',
  'TopologyExcludesTier',
  'TargetPoolMissing',
  'AffinityGroupRestricted',
]);
/** Of these, those that keep a volume from the tier that it deserves. */
const preventing: ReadonlySet<DecisionReason> = new Set([
  'NotPublished',
  'Held',
  'HasSnapshots',
  'NoEligiblePool',
  'TopologyExcludesTier',
  'TargetPoolMissing',
  'AffinityGroupRestricted',
]);

export interface Census {
  readonly total: number;
  readonly hot: number;
  readonly warm: number;
  readonly cold: number;
  readonly mixed: number;
  /** Volumes that nothing keeps from the tier that they deserve. */
  readonly eligible: number;
  /** Of the eligible ones, those that are there. */
  readonly onWantedTier: number;
  readonly reasons: Readonly<Partial<Record<DecisionReason, number>>>;
}

export function takeCensus(volumes: readonly Resting[]): Census {
  const reasons: Partial<Record<DecisionReason, number>> = {};
  const on = (tier: string): number => volumes.filter(({ decision }) => decision?.tierNow === tier).length;
  for (const { decision } of volumes) {
    if (decision !== undefined) reasons[decision.reason] = (reasons[decision.reason] ?? 0) + 1;
  }
  const eligible = volumes.filter(({ decision }) => decision !== undefined && !preventing.has(decision.reason));
  return {
    total: volumes.length,
    hot: on('hot'),
    warm: on('warm'),
    cold: on('cold'),
    mixed: on('mixed'),
    eligible: eligible.length,
    onWantedTier: eligible.filter(
      ({ decision }) => decision?.tierWanted !== undefined && decision.tierNow === decision.tierWanted,
    ).length,
    reasons,
  };
}

/** Volumes that are neither on their tier nor kept from it for a lasting reason, with what they wait for. */
export function missing(volumes: readonly Resting[]): string[] {
  return volumes.flatMap(({ name, decision, moving }) => {
    if (decision === undefined) return [`${name}: no decision yet`];
    if (moving) return [`${name}: moving to ${decision.tierWanted ?? 'its tier'}`];
    return lasting.has(decision.reason) ? [] : [`${name}: ${decision.reason} (${decision.message})`];
  });
}
