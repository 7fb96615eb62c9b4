import { HOUR_MS } from '@couchestor/shared/units';
import type { MaintenanceWindow } from '@couchestor/shared/policy';
import { expect, test } from 'vitest';
import { createCronerCalendar } from '../adapters/croner-calendar.ts';

const calendar = createCronerCalendar();
const allow = (schedule: string, durationMs: number, timeZone = 'UTC'): MaintenanceWindow => ({
  schedule,
  durationMs,
  timeZone,
  action: 'Allow',
});
const deny = (schedule: string, durationMs: number): MaintenanceWindow => ({
  ...allow(schedule, durationMs),
  action: 'Deny',
  reason: 'backup',
});
const at = (iso: string): number => Date.parse(iso);
const stateAt = (windows: readonly MaintenanceWindow[], iso: string) => calendar.stateAt(windows, at(iso));

test('without windows moves may always start', () => {
  expect(stateAt([], '2026-06-15T12:00:00Z')).toEqual({ kind: 'open' });
});

test.each([
  ['2026-06-15T21:59:59.999Z', { kind: 'closed', opensAtMs: at('2026-06-15T22:00:00Z') }],
  ['2026-06-15T22:00:00.000Z', { kind: 'open', closesAtMs: at('2026-06-16T02:00:00Z') }],
  ['2026-06-16T01:59:59.999Z', { kind: 'open', closesAtMs: at('2026-06-16T02:00:00Z') }],
  ['2026-06-16T02:00:00.000Z', { kind: 'closed', opensAtMs: at('2026-06-16T22:00:00Z') }],
])('a window over midnight at %s', (iso, state) => {
  expect(stateAt([allow('0 22 * * *', 4 * HOUR_MS)], iso)).toMatchObject(state);
});

test.each([
  ['2026-03-28T21:30:00Z', 'open'],
  ['2026-03-29T20:30:00Z', 'open'],
  ['2026-03-29T21:30:00Z', 'closed'],
  ['2026-10-24T20:30:00Z', 'open'],
  ['2026-10-25T20:30:00Z', 'closed'],
  ['2026-10-25T21:30:00Z', 'open'],
])('22 o’clock in Berlin follows daylight saving: %s is %s', (iso, kind) => {
  expect(stateAt([allow('0 22 * * *', HOUR_MS, 'Europe/Berlin')], iso)).toMatchObject({ kind });
});

test('a Deny wins, and moves must end before it begins', () => {
  const windows = [allow('0 20 * * *', 8 * HOUR_MS), deny('0 23 * * *', HOUR_MS)];
  expect(stateAt(windows, '2026-06-15T22:30:00Z')).toEqual({ kind: 'open', closesAtMs: at('2026-06-15T23:00:00Z') });
  expect(stateAt(windows, '2026-06-15T23:30:00Z')).toEqual({
    kind: 'closed',
    explanation: 'A window that denies moves is open (backup).',
    opensAtMs: at('2026-06-16T00:00:00Z'),
  });
  expect(stateAt([deny('0 23 * * *', HOUR_MS)], '2026-06-15T12:00:00Z')).toMatchObject({ kind: 'open' });
});

test('windows without a gap between them are one', () => {
  const windows = [allow('0 20 * * *', 2 * HOUR_MS), allow('0 22 * * *', 2 * HOUR_MS)];
  expect(stateAt(windows, '2026-06-15T20:30:00Z')).toEqual({ kind: 'open', closesAtMs: at('2026-06-16T00:00:00Z') });
});

test.each([allow('every night', HOUR_MS), allow('0 22 * * *', HOUR_MS, 'Mars/Olympus'), deny('61 * * * *', HOUR_MS)])(
  'what cannot be read permits nothing: $schedule $timeZone',
  (window) => {
    expect(stateAt([allow('* * * * *', HOUR_MS), window], '2026-06-15T22:30:00Z')).toMatchObject({
      kind: 'closed',
      explanation: expect.stringContaining('cannot be read'),
    });
  },
);

test('a window that never comes has no time of opening', () => {
  expect(stateAt([allow('0 0 31 2 *', HOUR_MS)], '2026-06-15T22:30:00Z')).toEqual({
    kind: 'closed',
    explanation: 'No maintenance window is open.',
  });
});
