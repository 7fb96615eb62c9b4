import { badSchedule, badTimeZone, duration, unchecked, window, wrongType, type BadPolicy } from './policy-refusals.ts';

export const badWindows: readonly BadPolicy[] = [
  badSchedule('a schedule of six fields', '0 0 22 * * *'),
  badSchedule('a schedule at hour 25', '0 25 * * *'),
  badSchedule('a schedule with two spaces', '0  22 * * *'),
  badSchedule('a schedule by a nickname', '@daily'),
  badSchedule('a step behind a number', '0/15 * * * *'),
  badSchedule('a step of nothing', '*/0 * * * *'),
  badSchedule('a step of more hours than a day has', '0 */24 * * *'),
  badSchedule('a range of hours across midnight', '0 22-6 * * *'),
  badSchedule('a range of days across the week', '0 0 * * FRI-MON'),
  badSchedule('a range of months across the year', '0 0 * NOV-FEB *'),
  badTimeZone('a time zone in words', 'Central European', false),
  badTimeZone('the time zone of whoever reads it', 'Local', false),
  badTimeZone('a time zone that does not exist', 'Europe/Berln', true),
  {
    title: 'a window that stays open too long',
    spec: window({ duration: '31d1s' }),
    causes: [duration('spec.windows[0].duration', 'duration', '31d1s', '1s', '31d')],
  },
  {
    title: 'a window without a duration',
    spec: { windows: [{ schedule: '0 22 * * *' }] },
    causes: ['spec.windows[0].duration FieldValueRequired: Required value', unchecked],
  },
  {
    title: 'a window that neither allows nor denies',
    spec: window({ action: 'Maybe' }),
    causes: [
      'spec.windows[0].action FieldValueNotSupported: Unsupported value: "Maybe": supported values: "Allow", "Deny"',
      unchecked,
    ],
  },
  {
    title: 'too many windows',
    spec: { windows: Array.from({ length: 21 }, () => ({ schedule: '0 22 * * *', duration: '1h' })) },
    causes: ['spec.windows FieldValueTooMany: Too many: 21: must have at most 20 items', unchecked],
  },
  {
    title: 'an object where a list belongs',
    spec: { windows: {} },
    causes: wrongType('spec.windows', 'object', 'array'),
  },
];
