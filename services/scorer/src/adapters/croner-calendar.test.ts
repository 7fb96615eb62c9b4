import { parsePolicySpec, type MaintenanceWindow } from '@couchestor/shared/policy';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createCronerCalendar } from './croner-calendar.ts';

/** The windows of a policy with this schedule; undefined if the policy is refused. */
function windowsWith(schedule: string): readonly MaintenanceWindow[] | undefined {
  const parsed = parsePolicySpec({
    nvmePoolSelector: { matchLabels: { tier: 'hot' } },
    sataPoolSelector: { matchLabels: { tier: 'cold' } },
    windows: [{ schedule, duration: '1h', timeZone: 'Europe/Berlin' }],
  });
  return parsed.kind === 'valid' ? parsed.spec.windows : undefined;
}

const days = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'];
const months = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'];

function field(max: number, names: readonly string[]): fc.Arbitrary<string> {
  const value = fc.oneof(fc.nat(max).map(String), fc.constantFrom('0', '7', '07', ...names));
  const range = fc.oneof(
    fc.constant('*'),
    value,
    fc.tuple(value, value).map((ends) => ends.join('-')),
  );
  const step = fc.oneof(
    fc.constant(''),
    fc.nat(max + 1).map((size) => `/${size}`),
  );
  const list = fc
    .array(fc.tuple(range, step), { minLength: 1, maxLength: 2 })
    .map((items) => items.map((item) => item.join('')).join(','));
  return fc.oneof({ weight: 3, arbitrary: fc.constant('*') }, { weight: 2, arbitrary: list });
}
const schedules = fc
  .tuple(field(59, []), field(23, []), field(31, []), field(12, months), field(7, days))
  .map((fields) => fields.join(' '));

describe('a schedule that a policy may have', () => {
  const calendar = createCronerCalendar();

  test('can be read, whatever it is', { timeout: 30_000 }, () => {
    let accepted = 0;
    fc.assert(
      fc.property(schedules, (schedule) => {
        const windows = windowsWith(schedule);
        if (windows === undefined) return;
        accepted += 1;
        const state = calendar.stateAt(windows, Date.UTC(2030, 0, 1));
        expect(state.kind === 'closed' ? state.explanation : '').not.toContain('cannot be read');
      }),
      { numRuns: 200 },
    );
    expect(accepted).toBeGreaterThan(20);
  });

  test.each([
    ['0 9 * * FRI-SUN', Date.UTC(2030, 0, 6, 8, 30), 'open'],
    ['0 9 * * 5-7', Date.UTC(2030, 0, 6, 8, 30), 'open'],
    ['0 9 * * FRI-SUN', Date.UTC(2030, 0, 7, 8, 30), 'closed'],
    ['0 9-17/4 * JAN-MAR *', Date.UTC(2030, 1, 1, 12, 30), 'open'],
    ['0 9-17/4 * JAN-MAR *', Date.UTC(2030, 1, 1, 11, 30), 'closed'],
  ] as const)('means what it says: %s at %d is %s', (schedule, atMs, kind) => {
    expect(calendar.stateAt(windowsWith(schedule) ?? [], atMs).kind).toBe(kind);
  });
});
