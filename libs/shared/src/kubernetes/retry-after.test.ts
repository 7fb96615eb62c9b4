import { expect, test } from 'vitest';
import { parseRetryAfterMs } from './retry-after.ts';

const nowMs = Date.UTC(2026, 0, 1);

test.each([
  ['7', undefined, 7_000],
  ['0', undefined, 0],
  ['Thu, 01 Jan 2026 00:00:30 GMT', undefined, 30_000],
  ['Wed, 31 Dec 2025 23:59:00 GMT', undefined, 0],
  ['86400', undefined, 300_000],
  [undefined, 2, 2_000],
  ['3', 2, 3_000],
  ['soon', 2, 2_000],
  ['soon', undefined, undefined],
  [undefined, undefined, undefined],
])('a header of %s and a body of %s ask for %s ms', (header, bodySeconds, expected) => {
  expect(parseRetryAfterMs(header, bodySeconds, nowMs)).toBe(expected);
});
