import { z } from 'zod';
import { DAY_MS, SECOND_MS } from '../units/index.ts';
import { CRON_CEL, isCronSchedule } from './cron-schedule.ts';
import { durationField } from './duration-field.ts';
import { celText, textMax, withRules } from './spec-rule.ts';

/**
 * The API server asks Go's tables of time zones, and CoucheStor those of ICU. Both know every IANA name; ICU does not mind
 * capitals, and does not take `Factory` for a zone.
 */
function knownTimeZone(name: string): boolean | string {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch (error) {
    if (error instanceof RangeError) return `unknown time zone ${name}`;
    throw error;
  }
}
const TIME_ZONE = '^[A-Z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}$';
const timeZonePattern = new RegExp(TIME_ZONE);

export const windowSchema = z.object({
  schedule: withRules(textMax(100), {
    cel: CRON_CEL,
    holds: isCronSchedule,
    sentence:
      'schedule[ is "{}" and] must be a cron schedule: write five fields with one space between, minute (0-59) hour (0-23) day of month (1-31) month (1-12 or JAN-DEC) day of week (0-7 or SUN-SAT), each *, a number, a rising range or a list of these, with /step behind * or a range if wanted, for example 0 22 * * 1-5',
  }).meta({
    description:
      "When the window opens: a cron schedule of five fields (minute, hour, day of month, month, day of week) in the window's time zone.",
  }),
  duration: durationField('duration', SECOND_MS, 31 * DAY_MS, 'How long the window stays open, 1s to 31d.'),
  timeZone: withRules(textMax(64), {
    cel: `self != "Local" && self.matches(${celText(TIME_ZONE)}) && timestamp("2025-01-01T00:00:00Z").getHours(self) >= 0`,
    holds: (self) => timeZonePattern.test(self) && self !== 'Local' && knownTimeZone(self),
    sentence: 'timeZone[ is "{}" and] must be the IANA name of a time zone: write it like Europe/Berlin or UTC',
  })
    .meta({ description: 'The IANA name of the time zone that schedule is read in, such as Europe/Berlin.' })
    .default('UTC'),
  action: z
    .enum(['Allow', 'Deny'])
    .meta({
      description: 'Allow: moves may start inside. Deny: no move may start inside, whatever other windows say.',
    })
    .default('Allow'),
  reason: textMax(256).meta({ description: 'Why, in your words; shown when the window holds a move back.' }).optional(),
});
