import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  anActiveMove,
  anEndedMove,
  aPolicy,
  aPool,
  aVolume,
  NODE_NUMBERS,
  NOW_MS,
  outcomeOf,
  wishes,
} from '../../test/worlds.ts';
import type { World, WorldVolume } from './world.ts';

const share = { scoring: { hotSharePercent: 50 }, maxConcurrentMigrations: 10 };
const unbraked = { ...share, limits: { perPool: 20, perNode: 20, maxVolumesInMotionPercent: 100 } };
const hot = (id: string) => aVolume(id, ['hot-1']);
const cold = (id: string) => aVolume(id, ['cold-2']);

const cordoningCold = (isCordoned: (number: number) => boolean) =>
  NODE_NUMBERS.flatMap((number) => [aPool('hot', number), aPool('cold', number, { cordoned: isCordoned(number) })]);

/** What each volume comes to, by id. */
function reasonsOf(
  volumes: readonly WorldVolume[],
  iops: Readonly<Record<string, number>>,
  change: Partial<World> = {},
): Readonly<Record<string, string>> {
  const { decisions } = outcomeOf(volumes, aPolicy(iops, unbraked), change);
  return Object.fromEntries(decisions.map(({ volumeId, reason }) => [volumeId, reason]));
}

test('the volumes with the highest scores get the places, far below the high watermark too', () => {
  expect(reasonsOf([cold('a'), cold('b'), cold('c'), cold('d')], { a: 900, b: 800, c: 700, d: 50 })).toStrictEqual({
    a: 'AboveHighWatermark',
    b: 'AboveHighWatermark',
    c: 'BetweenWatermarks',
    d: 'OnWantedTier',
  });
});

test('at or below the low watermark nobody gets a place, however many are free', () => {
  expect(reasonsOf([cold('a'), cold('b')], { a: 100, b: 50 })).toStrictEqual({ a: 'OnWantedTier', b: 'OnWantedTier' });
  expect(reasonsOf([cold('a'), cold('b')], { a: 101, b: 50 })).toMatchObject({ a: 'AboveHighWatermark' });
});

test('on a full tier the lowest leaves for one with a score that is a quarter higher, which waits until it has left', () => {
  const volumes = [hot('a'), hot('b'), cold('c'), cold('d')];
  expect(reasonsOf(volumes, { a: 900, b: 400, c: 500, d: 0 })).toStrictEqual({
    a: 'OnWantedTier',
    b: 'BelowLowWatermark',
    c: 'AwaitingSlot',
    d: 'OnWantedTier',
  });
  expect(reasonsOf(volumes, { a: 900, b: 400, c: 499, d: 0 })).toMatchObject({
    b: 'BetweenWatermarks',
    c: 'BetweenWatermarks',
  });
});

test('a place that is being given up is free for the next, and one that is being taken is not', () => {
  const volumes = [hot('a'), hot('b'), cold('c'), cold('d')];
  const iops = { a: 900, b: 400, c: 500, d: 450 };
  const leaving = anActiveMove({ fromTier: 'hot', toTier: 'cold' });
  expect(reasonsOf(volumes, iops, { intents: new Map([['b', leaving]]) })).toMatchObject({
    a: 'OnWantedTier',
    b: 'AlreadyMoving',
    c: 'AboveHighWatermark',
    d: 'BetweenWatermarks',
  });
  const coming = anActiveMove();
  expect(
    reasonsOf([hot('a'), cold('b'), cold('c'), cold('d')], iops, { intents: new Map([['c', coming]]) }),
  ).toMatchObject({ b: 'BetweenWatermarks', c: 'AlreadyMoving', d: 'BetweenWatermarks' });
});

test('who may not leave keeps its place, and the next lowest gives way', () => {
  const cooling = anEndedMove({ endedAtMs: NOW_MS - 60_000 });
  const volumes = [hot('a'), hot('b'), cold('c'), cold('d')];
  expect(reasonsOf(volumes, { a: 600, b: 400, c: 900, d: 0 }, { intents: new Map([['b', cooling]]) })).toMatchObject({
    a: 'BelowLowWatermark',
    b: 'CoolingDown',
    c: 'AwaitingSlot',
  });
});

test('an unknown score takes no place from anybody and loses none', () => {
  expect(reasonsOf([hot('a'), cold('b'), cold('c'), cold('d')], { b: 900, c: 800, d: 700 })).toMatchObject({
    a: 'ScoreUnknown',
    b: 'TooManyUnknown',
  });
  const volumes = [hot('a'), ...['b', 'c', 'd', 'e', 'f'].map(cold)];
  expect(reasonsOf(volumes, { b: 900, c: 800, d: 700, e: 600, f: 500 })).toMatchObject({
    a: 'ScoreUnknown',
    b: 'AboveHighWatermark',
    c: 'AboveHighWatermark',
    d: 'BetweenWatermarks',
  });
});

test('a pinned volume stays where its pin says, and its place is not given away', () => {
  const pinned = { ...hot('a'), wishes: wishes({ pin: { kind: 'tier', tier: 'hot' } }) };
  expect(reasonsOf([pinned, cold('b'), cold('c'), cold('d')], { a: 0, b: 900, c: 800, d: 0 })).toMatchObject({
    a: 'OnWantedTier',
    b: 'AboveHighWatermark',
    c: 'BetweenWatermarks',
  });
});

test('what lies on hot in part has its place there, and the rest follows though most of it is on cold', () => {
  const mixed = aVolume('a', ['hot-1', 'cold-2', 'cold-3']);
  expect(reasonsOf([mixed, cold('b')], { a: 400, b: 300 })).toStrictEqual({ a: 'FinishMixed', b: 'BetweenWatermarks' });
  const { requests } = outcomeOf([mixed, cold('b')], aPolicy({ a: 400, b: 300 }, unbraked));
  expect(requests).toMatchObject([{ volumeId: 'a', toTier: 'hot' }]);
});

test('what could not leave the hot tier is not ranked, and what lies there in part comes no further', () => {
  const volumes = [aVolume('a', ['hot-1', 'cold-2']), cold('b')];
  const iops = { a: 900, b: 300 };
  expect(reasonsOf(volumes, iops)).toMatchObject({ a: 'FinishMixed' });
  const theOthers = cordoningCold((number) => number !== 2);
  expect(reasonsOf(volumes, iops, { pools: theOthers })).toMatchObject({ a: 'NoEligiblePool' });
  const itsOwn = cordoningCold((number) => number === 2);
  expect(reasonsOf(volumes, iops, { pools: itsOwn })).toMatchObject({ a: 'VolumeNotReady' });
});

test('without places by rank, it comes further though a cordoned pool keeps it from leaving', () => {
  const pools = cordoningCold((number) => number === 2);
  const { requests } = outcomeOf([aVolume('a', ['hot-1', 'cold-2'])], aPolicy({ a: 1_000 }), { pools });
  expect(requests).toMatchObject([{ volumeId: 'a', toTier: 'hot' }]);
});

test('who came for what the short memory says keeps the place, though the long one knows nothing of it yet', () => {
  const busyLately = { kind: 'value', iops: 800, demoteIops: 0, coverage: 1 } as const;
  const reasonWith = (iops: number) =>
    outcomeOf([hot('a'), cold('b')], aPolicy({ a: busyLately, b: iops }, unbraked)).decisions[0]?.reason;
  expect(reasonWith(999)).toBe('BetweenWatermarks');
  expect(reasonWith(1_000)).toBe('BelowLowWatermark');
});

test('the decision names the watermarks of the moment', () => {
  const { decisions } = outcomeOf([hot('a'), cold('b')], aPolicy({ a: 800, b: 500 }, unbraked));
  expect(decisions[1]).toMatchObject({
    volumeId: 'b',
    comparedWith: { highIops: 1_000, lowIops: 400 },
    message: '500 IOPS lies between the watermarks of 400 and 1000 IOPS.',
  });
});

test('whatever the fleet, no more are asked to come than there are places', () => {
  const fleet = fc.array(fc.record({ onHot: fc.boolean(), iops: fc.integer({ min: 0, max: 3_000 }) }), {
    minLength: 1,
    maxLength: 12,
  });
  fc.assert(
    fc.property(fleet, fc.integer({ min: 1, max: 99 }), (of, hotSharePercent) => {
      const volumes = of.map(({ onHot }, index) => (onHot ? hot(`v${index}`) : cold(`v${index}`)));
      const iops = Object.fromEntries(of.map(({ iops }, index) => [`v${index}`, iops]));
      const stored = { ...unbraked, scoring: { hotSharePercent } };
      const { requests } = outcomeOf(volumes, aPolicy(iops, stored));
      const places = Math.max(1, Math.floor((of.length * hotSharePercent) / 100));
      const coming = requests.filter(({ toTier }) => toTier === 'hot').length;
      const before = of.filter(({ onHot }) => onHot).length;
      expect(before + coming).toBeLessThanOrEqual(Math.max(places, before));
    }),
    { numRuns: 100 },
  );
});
