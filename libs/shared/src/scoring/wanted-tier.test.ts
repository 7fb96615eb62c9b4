import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Tier } from '../policy/index.ts';
import { deciding, wantedTier } from './wanted-tier.ts';

const two = { highWatermarkIops: 700, lowWatermarkIops: 350 };
const three = { ...two, warmWatermarkIops: 500 };
const wanted = (iops: number, demoteIops: number | undefined, placement: Tier, spec: typeof two | typeof three = two) =>
  wantedTier({
    spec,
    score: { kind: 'value', iops, coverage: 1, ...(demoteIops === undefined ? {} : { demoteIops }) },
    pin: { kind: 'none' },
    placement,
    replicaTiers: [placement],
  });
const tierOf = (answer: ReturnType<typeof wanted>) => (answer.kind === 'tier' ? answer.tier : answer.kind);

test.each([
  [700, 100, 'hot'],
  [699, 351, 'stay'],
  [699, 350, 'cold'],
  [100, 900, 'stay'],
  [100, 350, 'cold'],
])('%d IOPS to promote by and %d to demote by: %s', (iops, demoteIops, expected) => {
  expect(tierOf(wanted(iops, demoteIops, 'cold'))).toBe(expected);
  expect(tierOf(wanted(iops, demoteIops, 'hot'))).toBe(expected);
});

test.each([
  [700, 100, 'hot'],
  [500, 100, 'warm'],
  [499, 350, 'cold'],
  [499, 351, 'stay'],
  [600, 699, 'warm'],
  [600, 700, 'stay'],
])('with a warm tier, %d IOPS to promote by and %d to demote by: %s', (iops, demoteIops, expected) => {
  expect(tierOf(wanted(iops, demoteIops, 'warm', three))).toBe(expected);
});

test('two equal numbers mean what one number means', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1_000 }), fc.constantFrom(two, three), (iops, spec) => {
      expect(tierOf(wanted(iops, iops, 'cold', spec))).toBe(tierOf(wanted(iops, undefined, 'cold', spec)));
    }),
  );
});

test('the numbers that were compared are named, each by its memory', () => {
  expect(wanted(720, 400, 'cold')).toMatchObject({
    message: '720 IOPS by the memory for promotion is at or above the high watermark of 700 IOPS.',
  });
  expect(wanted(100, 300, 'hot')).toMatchObject({
    message: '300 IOPS by the memory for demotion is at or below the low watermark of 350 IOPS.',
  });
  expect(wanted(600, 400, 'hot')).toMatchObject({
    message:
      'With 600 IOPS by the memory for promotion and 400 IOPS by the memory for demotion it lies between the watermarks of 350 and 700 IOPS.',
  });
  expect(wanted(600, undefined, 'hot')).toMatchObject({
    message: '600 IOPS lies between the watermarks of 350 and 700 IOPS.',
  });
});

test('the number that spoke for a move is the one of its direction', () => {
  const score = { kind: 'value', iops: 100, demoteIops: 300, coverage: 1 } as const;
  expect(deciding('BelowLowWatermark', score)).toBe(300);
  expect(deciding('AboveHighWatermark', score)).toBe(100);
  expect(deciding('BelowLowWatermark', { kind: 'value', iops: 100, coverage: 1 })).toBe(100);
});

test('a sentence that was made before is the one that would be made now', () => {
  const iops = fc.oneof(
    fc.double({ min: 0, max: 1_000, noNaN: true }),
    fc.constantFrom(349.6, 350, 350.4, 499.7, 699.6),
  );
  fc.assert(
    fc.property(fc.array(iops, { maxLength: 50 }), fc.constantFrom(two, three), (scores, spec) => {
      for (const score of scores) {
        expect(wanted(score, undefined, 'hot', spec)).toEqual(wanted(score, undefined, 'hot', { ...spec }));
      }
    }),
  );
});

test('however many numbers were read, the next is right', () => {
  for (let iops = 700; iops < 21_000; iops += 1) wanted(iops, undefined, 'hot', two);
  expect(wanted(20_999.6, undefined, 'hot', two)).toMatchObject({
    tier: 'hot',
    message: '21000 IOPS is at or above the high watermark of 700 IOPS.',
  });
});
