import type { RefusalReason } from '@couchestor/shared/messages';
import { HOUR_MS, MINUTE_MS } from '@couchestor/shared/units';
import type { Hold } from './decision.ts';

/** A migrator would not take up a request. */
export interface Refusal {
  readonly migrationId: string;
  readonly reason: RefusalReason;
  readonly message: string;
  /** When it was heard of. */
  readonly atMs: number;
  /** Refusals of requests for the volume one after the other, this one included, as far as they say something of it. */
  readonly inRow: number;
}

const FIRST_MS = 5 * MINUTE_MS;
const FIRST_OF_SIGHT_MS = MINUTE_MS;
const MOST_MS = HOUR_MS;
/** A clock is mended at any time, and nobody tells; meanwhile the decision says why nothing moves. */
const CLOCK_MS = MINUTE_MS;

/** These say nothing about the volume: it may be asked for again as soon as what they name has passed. */
const passing: ReadonlySet<RefusalReason> = new Set<RefusalReason>([
  'Expired',
  'AlreadySeen',
  'AlreadyMoving',
  'PolicyChanged',
  'PolicyDisabled',
  'NoSlot',
  'Paused',
  'UnsupportedMayastor',
  'ClusterUpgrading',
]);

/** What is seen here as well, but was not yet by the one or the other: most often it is when next asked. */
const ofSight: ReadonlySet<RefusalReason> = new Set<RefusalReason>([
  'VolumeNotFound',
  'VolumeChanged',
  'VolumeDegraded',
  'NotPublished',
  'HasSnapshots',
  'Held',
]);

/** Whether asking again for the same would be as much in vain. */
export const isOfVolume = (reason: RefusalReason): boolean => reason !== 'ClockSkew' && !passing.has(reason);

/**
 * Holds a volume that was refused, so that it keeps no slot from others, unless it was observed anew since: for 5 minutes,
 * or one where only the time differs at which a thing was seen, doubling to an hour. A migrator whose clock is wrong is
 * asked again after a minute, each time.
 */
export function refusalHold(refusal: Refusal | undefined, observedAtMs: number, nowMs: number): Hold | undefined {
  if (refusal === undefined || passing.has(refusal.reason) || observedAtMs > refusal.atMs) return undefined;
  const firstMs = ofSight.has(refusal.reason) ? FIRST_OF_SIGHT_MS : FIRST_MS;
  const ofVolumeMs = Math.min(firstMs * 2 ** Math.min(refusal.inRow - 1, 16), MOST_MS);
  const untilMs = refusal.atMs + (isOfVolume(refusal.reason) ? ofVolumeMs : CLOCK_MS);
  if (nowMs >= untilMs) return undefined;
  const message = `The migrator refused the last request (${refusal.reason}): ${refusal.message}.`;
  return { reason: 'BackingOff', message, nextEligibleAtMs: untilMs };
}
