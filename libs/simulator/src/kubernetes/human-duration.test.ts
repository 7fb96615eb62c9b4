import { expect, test } from 'vitest';
import { humanAge, humanDuration } from './human-duration.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

test.each([
  [-2 * SECOND, '<invalid>'],
  [-SECOND / 2, '0s'],
  [119 * SECOND, '119s'],
  [2 * MINUTE, '2m'],
  [9 * MINUTE + 59 * SECOND, '9m59s'],
  [10 * MINUTE + 30 * SECOND, '10m'],
  [3 * HOUR, '3h'],
  [7 * HOUR + 5 * MINUTE, '7h5m'],
  [47 * HOUR, '47h'],
  [2 * DAY, '2d'],
  [7 * DAY + 23 * HOUR, '7d23h'],
  [30 * DAY, '30d'],
  [2 * 365 * DAY + DAY, '2y1d'],
  [9 * 365 * DAY, '9y'],
])('an age of %d ms is shown as %s', (durationMs, text) => expect(humanDuration(durationMs)).toBe(text));

test('an age of nothing is unknown, and of nonsense invalid', () => {
  expect(humanAge(undefined, 0)).toBe('<unknown>');
  expect(humanAge('yesterday', 0)).toBe('<invalid>');
});
