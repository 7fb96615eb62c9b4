import type { Profile } from '../world/profile.ts';

/**
 * What nobody can know yet is no breach: so long things take to become known to those who should act by them.
 */

/** The clocks of processes may differ by so much. */
export const CLOCK_TOLERANCE_MS = 30_000;
/** Mayastor needs so long to see that a node is gone. */
export const NOTICE_MS = 12_000;
/** Facts reach everybody within this, late messages and lost publishes included. */
export const NEWS_MS = 90_000;
/** A call may rest on a read of so long ago. */
export const FRESH_MS = 7_000;
/** No call rests on a read of a volume that was answered longer ago. */
export const READ_MS = 5_500;
/** After Redis forgot something its leases are those that it remembers. */
export const LEASES_AGAIN_MS = 60_000;

export const isWithin = (ms: number, limitMs: number): boolean => ms >= 0 && ms <= limitMs;

/** On 2.7 what was taken out of the target is filled again before the call that counts on its being empty arrives. */
export const fillsWithinACall = ({ version, rebuildMs }: Pick<Profile, 'version' | 'rebuildMs'>): boolean =>
  version === '2.7.1' && rebuildMs < READ_MS;
