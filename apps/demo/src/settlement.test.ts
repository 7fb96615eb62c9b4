import { expect, test } from 'vitest';
import type { DecisionMade } from '@couchestor/shared/messages';
import { missing, takeCensus, type Resting } from './settlement.ts';

function resting(
  reason: DecisionMade['reason'],
  tierNow: DecisionMade['tierNow'],
  tierWanted?: 'hot' | 'cold',
): Resting {
  return {
    name: `pvc-${reason}`,
    moving: false,
    decision: {
      volumeId: 'v',
      volumeName: `pvc-${reason}`,
      tierNow,
      ...(tierWanted === undefined ? {} : { tierWanted }),
      action: 'hold',
      reason,
      message: 'because',
      score: { kind: 'unknown', reason: 'NoSeries' },
    },
  };
}

test('a volume on its tier is at rest, and so is one with a reason that lasts', () => {
  expect(missing([resting('OnWantedTier', 'hot', 'hot'), resting('Held', 'cold', 'hot')])).toEqual([]);
});

test.each(['CoolingDown', 'ScoreUnknown', 'AwaitingSlot', 'BackingOff', 'AboveHighWatermark'] as const)(
  'a volume that waits for %s is not at rest',
  (reason) => expect(missing([resting(reason, 'cold', 'hot')])).toEqual([`pvc-${reason}: ${reason} (because)`]),
);

test('a volume that moves, or of which nothing is known, is not at rest', () => {
  expect(missing([{ ...resting('OnWantedTier', 'hot', 'hot'), moving: true }])).toHaveLength(1);
  expect(missing([{ name: 'pvc-new', decision: undefined, moving: false }])).toEqual(['pvc-new: no decision yet']);
});

test('what is kept from its tier is not counted as eligible', () => {
  const census = takeCensus([
    resting('OnWantedTier', 'hot', 'hot'),
    resting('BetweenWatermarks', 'cold', 'cold'),
    resting('HasSnapshots', 'cold', 'hot'),
    resting('CoolingDown', 'cold', 'hot'),
  ]);
  expect(census).toMatchObject({ total: 4, hot: 1, cold: 3, eligible: 3, onWantedTier: 2 });
});
