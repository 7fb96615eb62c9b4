import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SWAP_MARGIN, watermarksByRank, type Standing } from './hot-share.ts';
import { bandOf } from './wanted-tier.ts';

const hot = (iops: number): Standing => ({ onHot: true, iops, demoteIops: iops });
const cold = (iops: number): Standing => ({ onHot: false, iops, demoteIops: iops });
const fleet = fc.array(
  fc.record({
    onHot: fc.boolean(),
    iops: fc.oneof(fc.integer({ min: 0, max: 50 }), fc.double({ min: 0, max: 1e6, noNaN: true })),
  }),
  { maxLength: 20 },
);
const standingsOf = (volumes: readonly { readonly onHot: boolean; readonly iops: number }[]): readonly Standing[] =>
  volumes.map(({ onHot, iops }) => ({ onHot, iops, demoteIops: iops }));
const bandIn = (standing: Standing, watermarks: ReturnType<typeof watermarksByRank>) =>
  bandOf({ kind: 'value', coverage: 1, ...standing }, watermarks);

test('free places go to the highest outside', () => {
  const standings = [cold(900), cold(700), cold(300)];
  expect(watermarksByRank({ standings, places: 2, floorIops: 100 })).toStrictEqual({
    highWatermarkIops: 700,
    lowWatermarkIops: 240,
  });
});

test('on a full tier a place changes hands only for a score that is so much higher', () => {
  const at = (iops: number) =>
    watermarksByRank({ standings: [hot(1_000), hot(500), cold(iops)], places: 2, floorIops: 0 });
  expect(at(626)).toStrictEqual({ highWatermarkIops: 626, lowWatermarkIops: 500 });
  expect(at(624)).toStrictEqual({ highWatermarkIops: 625, lowWatermarkIops: 499 });
});

test('a tier that is too full loses its lowest', () => {
  const standings = [hot(1_000), hot(500), hot(400), cold(100)];
  const watermarks = watermarksByRank({ standings, places: 1, floorIops: 0 });
  expect(standings.map((standing) => bandIn(standing, watermarks))).toStrictEqual([
    'betweenLowAndHigh',
    'cold',
    'cold',
    'cold',
  ]);
});

test('at or below the floor nobody is hot, however much room there is', () => {
  const standings = [hot(100), cold(100), cold(101)];
  const watermarks = watermarksByRank({ standings, places: 3, floorIops: 100 });
  expect(standings.map((standing) => bandIn(standing, watermarks))).toStrictEqual(['cold', 'cold', 'hot']);
});

test('of volumes with equal scores rather none moves than more than there are places for', () => {
  const standings = [cold(500), cold(500), cold(500)];
  expect(watermarksByRank({ standings, places: 2, floorIops: 0 }).highWatermarkIops).toBe(501);
});

test('whatever the fleet, the tier is never filled beyond its places, and nothing is wanted up and down', () => {
  fc.assert(
    fc.property(fleet, fc.nat(10), fc.nat(100), (volumes, places, floorIops) => {
      const standings = standingsOf(volumes);
      const watermarks = watermarksByRank({ standings, places, floorIops });
      expect(watermarks.highWatermarkIops).toBeGreaterThan(watermarks.lowWatermarkIops);
      expect(Number.isInteger(watermarks.highWatermarkIops) && Number.isInteger(watermarks.lowWatermarkIops)).toBe(
        true,
      );
      const after = standings.filter((standing) => {
        const band = bandIn(standing, watermarks);
        return band === 'hot' ? true : band === 'cold' ? false : standing.onHot;
      }).length;
      const before = standings.filter(({ onHot }) => onHot).length;
      expect(after).toBeLessThanOrEqual(Math.max(places, before));
    }),
    { numRuns: 2_000 },
  );
});

test('after the moves, with the same scores, nothing moves any more', () => {
  fc.assert(
    fc.property(fleet, fc.nat(10), fc.nat(100), (volumes, places, floorIops) => {
      let standings = standingsOf(volumes);
      let moves = 0;
      for (let round = 0; round < 3; round += 1) {
        const watermarks = watermarksByRank({ standings, places, floorIops });
        moves = 0;
        standings = standings.map((standing) => {
          const band = bandIn(standing, watermarks);
          const onHot = band === 'hot' ? true : band === 'cold' ? false : standing.onHot;
          if (onHot !== standing.onHot) moves += 1;
          return { ...standing, onHot };
        });
      }
      expect(moves).toBe(0);
    }),
    { numRuns: 2_000 },
  );
});

test('a higher score never loses a place that a lower one has', () => {
  fc.assert(
    fc.property(fleet, fc.nat(10), (volumes, places) => {
      const standings = standingsOf(volumes);
      const watermarks = watermarksByRank({ standings, places, floorIops: 0 });
      const going = standings.filter((standing) => standing.onHot && bandIn(standing, watermarks) === 'cold');
      const coming = standings.filter((standing) => !standing.onHot && bandIn(standing, watermarks) === 'hot');
      for (const one of going) {
        for (const other of coming) expect(other.iops).toBeGreaterThanOrEqual(one.iops);
      }
      const staying = standings.filter((standing) => standing.onHot && bandIn(standing, watermarks) !== 'cold');
      for (const one of going) for (const other of staying) expect(one.iops).toBeLessThanOrEqual(other.iops);
      expect(SWAP_MARGIN).toBeGreaterThan(1);
    }),
    { numRuns: 1_000 },
  );
});
