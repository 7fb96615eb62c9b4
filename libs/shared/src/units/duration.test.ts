import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatDuration, parseDurationMs } from './duration.ts';

test.each([
  ['1h30m', 5_400_000],
  ['2d12h', 216_000_000],
  ['0s', 0],
  ['500ms', 500],
  ['1.5h', 5_400_000],
  ['365d', 31_536_000_000],
])('%s is %d ms', (text, ms) => expect(parseDurationMs(text)).toBe(ms));

test.each(['', '1', 'h', '1 h', '-1h', '1w', '1h 30m', '1e3s', '1us', `${'9'.repeat(30)}d`])(
  '%j is no duration',
  (text) => expect(parseDurationMs(text)).toBeUndefined(),
);

test('what is formatted is read back as the same', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 400 * 86_400_000 }), (ms) => {
      expect(parseDurationMs(formatDuration(ms))).toBe(ms);
    }),
  );
});
