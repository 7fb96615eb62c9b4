import { DAY_MS, formatDuration, HOUR_MS, MINUTE_MS, SECOND_MS } from '@couchestor/shared/units';
import type { Score } from '../answers.ts';

/** How kubectl tells ages: two units at most, and only one from days on. */
export function formatAge(ageMs: number): string {
  const age = Math.max(0, ageMs);
  const unitMs =
    age < 10 * MINUTE_MS ? SECOND_MS : age < 10 * HOUR_MS ? MINUTE_MS : age < 2 * DAY_MS ? HOUR_MS : DAY_MS;
  return formatDuration(Math.floor(age / unitMs) * unitMs);
}

/** `unknown` for a text that is no time. */
export function ageOf(timestamp: string | undefined, nowMs: number): string {
  const ms = Date.parse(timestamp ?? '');
  return Number.isNaN(ms) ? 'unknown' : formatAge(nowMs - ms);
}

/** `2026-01-02T03:04:05Z (in 3h5m)`. */
export function formatMoment(timestamp: string, nowMs: number): string {
  const ms = Date.parse(timestamp);
  if (Number.isNaN(ms)) return timestamp;
  return `${timestamp} (${ms > nowMs ? `in ${formatAge(ms - nowMs)}` : `${formatAge(nowMs - ms)} ago`})`;
}

export function formatIops(iops: number): string {
  return iops < 10 ? iops.toFixed(1) : String(Math.round(iops));
}

export function formatScore(score: Score): string {
  if (score.kind === 'unknown') return `unknown: ${score.reason}`;
  return `${formatIops(score.iops)} IOPS, from ${formatPercent(score.coverage)} of the samples`;
}

export function formatPercent(share: number): string {
  return `${Math.round(share * 100)}%`;
}

export const dash = '-';
