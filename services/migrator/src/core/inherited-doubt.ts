import type { ActiveIntent } from '@couchestor/shared/messages';

/** What the last call of whoever had a move before may still bring about, as far as its record lets it have made one. */
export interface InheritedDoubt {
  /** A replica count may be set. */
  readonly count: boolean;
  /** A cordon may be set or removed. */
  readonly cordons: boolean;
}

/** A count is counted as a try, and a cordon listed, before Mayastor is asked for it. */
export function inheritedDoubt({ round }: ActiveIntent): InheritedDoubt {
  if (round === undefined) return { count: false, cordons: false };
  const isFenced = round.fence !== undefined && round.fence.ours.length > 0;
  return {
    count: round.growths + round.shrinks > 0 && round.countsOver !== true,
    cordons: isFenced || round.steer !== undefined,
  };
}
