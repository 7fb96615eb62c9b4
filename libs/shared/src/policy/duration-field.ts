import { formatDuration, parseDurationMs, SECOND_MS } from '../units/index.ts';
import { celText, textMax, withRules } from './spec-rule.ts';

/** Each unit at most once, the largest first, and so short that their sum overflows nowhere. */
const PATTERN =
  '^([0-9]{1,4}d)?([0-9]{1,6}([.][0-9]{1,3})?h)?([0-9]{1,6}([.][0-9]{1,3})?m)?([0-9]{1,9}([.][0-9]{1,3})?s)?([0-9]{1,9}ms)?$';
const pattern = new RegExp(PATTERN);

/** Whether a text is one, in CEL. */
export function celIsDuration(text: string): string {
  return `${text} != "" && ${text}.matches(${celText(PATTERN)})`;
}

/** Milliseconds; undefined for what is no duration of a policy. */
export function readDuration(text: string): number | undefined {
  return pattern.test(text) ? parseDurationMs(text) : undefined;
}

/** A duration in CEL, as a moment after 1970, since CEL knows no days; of a text that the pattern has let through. */
export function celDuration(text: string): string {
  const days = `timestamp(int(${text}.split("d")[0]) * 86400) + duration("0s" + ${text}.split("d")[1])`;
  return `(${text}.contains("d") ? ${days} : timestamp(0) + duration(${text}))`;
}

/** A field that holds a duration in whole seconds' bounds, both included. */
export function durationField(name: string, minMs: number, maxMs: number, description: string) {
  const value = celDuration('self');
  const bounds = [
    ...(minMs === 0 ? [] : [`${value} >= timestamp(${minMs / SECOND_MS})`]),
    `${value} <= timestamp(${maxMs / SECOND_MS})`,
  ];
  return withRules(textMax(32), {
    cel: [celIsDuration('self'), ...bounds].join(' && '),
    holds: (self) => {
      const ms = readDuration(self);
      return ms !== undefined && ms >= minMs && ms <= maxMs;
    },
    sentence: `${name}[ is "{}" and] must be a duration from ${formatDuration(minMs)} to ${formatDuration(maxMs)}: write it like 90s, 1h30m or 2d12h`,
  }).meta({ description });
}
