import type { JsonObject } from '../json.ts';

/** A policy that cannot work. Whoever reads it must refuse it, with the field and what to change. */
export interface BadPolicy {
  /** Goes on after "a policy is refused for". */
  readonly title: string;
  /** Beside the two pool selectors of the least policy. */
  readonly spec: JsonObject;
  /** Every cause that the API server gives, `field reason: message`. */
  readonly causes: readonly string[];
}

/** The API server gives it beside each cause that keeps it from looking at rules. */
export const unchecked =
  '<nil> FieldValueInvalid: Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation';

/** A rule of our own is broken. */
export function rule(field: string, sentence: string, type = 'object'): string {
  return `${field} FieldValueInvalid: Invalid value: "${type}": ${sentence}`;
}

export function missing(field: string, sentence: string): string {
  return `${field} FieldValueRequired: Required value: ${sentence}`;
}

export function bound(field: string, value: string, demand: string): string {
  return `${field} FieldValueInvalid: Invalid value: ${value}: ${field} in body ${demand}`;
}

export function wrongType(field: string, found: string, wanted: string): readonly string[] {
  const message = `Invalid value: "${found}": ${field} in body must be of type ${wanted}: "${found}"`;
  return [`${field} FieldValueTypeInvalid: ${message}`, unchecked];
}

export function duration(field: string, name: string, value: string, from: string, to: string): string {
  const sentence = `${name} is "${value}" and must be a duration from ${from} to ${to}: write it like 90s, 1h30m or 2d12h`;
  return rule(field, sentence, 'string');
}

export function samplingWindow(value: string): BadPolicy['causes'] {
  return [duration('spec.samplingWindow', 'samplingWindow', value, '1s', '30d')];
}

export const highAboveLow = rule(
  'spec.highWatermarkIOPS',
  'highWatermarkIOPS must be greater than lowWatermarkIOPS: raise highWatermarkIOPS or lower lowWatermarkIOPS',
);
export const warmBetween = rule(
  'spec.warmWatermarkIOPS',
  'warmWatermarkIOPS must be greater than lowWatermarkIOPS and less than highWatermarkIOPS: choose a number between the two',
);

export function notEmpty(field: string, tier: string): string {
  const sentence = `${field} must not be empty, which would select every pool: name at least one label of the ${tier} DiskPools in matchLabels or matchExpressions`;
  return rule(`spec.${field}`, sentence);
}

export function notThoseOf(field: string, other: string): string {
  const sentence = `${field} must not select the pools of ${other}: name labels that only the DiskPools of its own tier have`;
  return rule(`spec.${field}`, sentence);
}

export function labelValue(field: string, value: string): string {
  const sentence = `the value of a label is "${value}" and must be of letters, digits, "-", "_" and ".", begin and end with a letter or digit, or be empty: write the value that the label has`;
  return rule(field, sentence, 'string');
}

/** A window of the night but for what is said. */
export function window(part: JsonObject): JsonObject {
  return { windows: [{ schedule: '0 22 * * *', duration: '6h', ...part }] };
}

export function badSchedule(title: string, schedule: string): BadPolicy {
  const sentence = `schedule is "${schedule}" and must be a cron schedule: write five fields with one space between, minute (0-59) hour (0-23) day of month (1-31) month (1-12 or JAN-DEC) day of week (0-7 or SUN-SAT), each *, a number, a rising range or a list of these, with /step behind * or a range if wanted, for example 0 22 * * 1-5`;
  return { title, spec: window({ schedule }), causes: [rule('spec.windows[0].schedule', sentence, 'string')] };
}

export function badTimeZone(title: string, timeZone: string, isWellFormed: boolean): BadPolicy {
  const remedy = 'must be the IANA name of a time zone: write it like Europe/Berlin or UTC';
  const sentence = isWellFormed
    ? `unknown time zone ${timeZone} evaluating rule: timeZone ${remedy}`
    : `timeZone is "${timeZone}" and ${remedy}`;
  return { title, spec: window({ timeZone }), causes: [rule('spec.windows[0].timeZone', sentence, 'string')] };
}

export const hot = { matchLabels: { tier: 'hot' } };
export const warm = { matchLabels: { tier: 'warm' } };
export const cold = { matchLabels: { tier: 'cold' } };
