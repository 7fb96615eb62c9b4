import { celText } from './spec-rule.ts';

/**
 * Cron schedules of five fields, as far as a policy may use them: what is accepted here is read by the scorer's cron
 * library, and means the same to everyone. Ranges go upwards, and steps follow `*` or a range.
 */

const DAYS = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'];
const MONTHS = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'];

function field(number: string, step: string, names: readonly string[] = []): string {
  const range = (value: string): string => `${value}(-${value}(/${step})?)?`;
  const named = names.length === 0 ? '' : `|${range(`(${names.join('|')})`)}`;
  const item = `([*](/${step})?|${range(number)}${named})`;
  return `^${item}(,${item})*$`;
}

/** Minute, hour, day of the month, month, day of the week; a step is at most what the field can hold. */
const FIELDS = [
  field('[0-5]?[0-9]', '([1-9]|[1-5][0-9])'),
  field('([01]?[0-9]|2[0-3])', '([1-9]|1[0-9]|2[0-3])'),
  field('(0?[1-9]|[12][0-9]|3[01])', '([1-9]|[12][0-9]|3[01])'),
  field('(0?[1-9]|1[0-2])', '([1-9]|1[0-2])', MONTHS),
  field('[0-7]', '[1-7]', DAYS),
];
const patterns = FIELDS.map((text) => new RegExp(text));

/** Where a name stands among all names is its rank; Sunday ends a range behind Saturday, and the months follow. */
const RANKS_FROM = `${DAYS.join('')}   ${MONTHS.join('')}`;
const RANKS_TO = `   ${DAYS.slice(1).join('')}SUN${MONTHS.join('')}`;

export function isCronSchedule(text: string): boolean {
  const fields = text.split(' ');
  return (
    fields.length === patterns.length &&
    patterns.every((pattern, index) => pattern.test(fields[index] ?? '')) &&
    text.replaceAll(' ', ',').split(',').every(goesUpwards)
  );
}

function goesUpwards(item: string): boolean {
  const [from = '', to] = item.replace(/[/].*$/, '').split('-');
  return to === undefined || rank(from, RANKS_FROM) <= rank(to, RANKS_TO);
}

function rank(value: string, names: string): number {
  return /^[0-9]/.test(value) ? Number(value) : names.indexOf(value);
}

/** `isCronSchedule(self)` in CEL. */
export const CRON_CEL = [
  `self.split(" ").size() == ${FIELDS.length}`,
  ...FIELDS.map((text, index) => `self.split(" ")[${index}].matches(${celText(text)})`),
  `self.replace(" ", ",").split(",").all(item, !item.contains("-") || ${celRank('[0]', RANKS_FROM)} <= ${celRank('[1]', RANKS_TO)})`,
].join(' && ');

function celRank(end: string, names: string): string {
  const value = `item.split("/")[0].split("-")${end}`;
  return `(${value}.matches("^[0-9]") ? int(${value}) : ${celText(names)}.indexOf(${value}))`;
}
