const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const YEAR_MS = 365 * DAY_MS;

/** An age as `kubectl get` shows it: two units while small, one when large. */
export function humanDuration(durationMs: number): string {
  if (durationMs < -SECOND_MS) return '<invalid>';
  if (durationMs < 0) return '0s';
  const count = (unitMs: number): number => Math.floor(durationMs / unitMs);
  const pair = (large: number, largeName: string, small: number, smallName: string): string =>
    small === 0 ? `${large}${largeName}` : `${large}${largeName}${small}${smallName}`;
  if (durationMs < 2 * MINUTE_MS) return `${count(SECOND_MS)}s`;
  if (durationMs < 10 * MINUTE_MS) return pair(count(MINUTE_MS), 'm', count(SECOND_MS) % 60, 's');
  if (durationMs < 3 * HOUR_MS) return `${count(MINUTE_MS)}m`;
  if (durationMs < 8 * HOUR_MS) return pair(count(HOUR_MS), 'h', count(MINUTE_MS) % 60, 'm');
  if (durationMs < 2 * DAY_MS) return `${count(HOUR_MS)}h`;
  if (durationMs < 8 * DAY_MS) return pair(count(DAY_MS), 'd', count(HOUR_MS) % 24, 'h');
  if (durationMs < 2 * YEAR_MS) return `${count(DAY_MS)}d`;
  if (durationMs < 8 * YEAR_MS) return pair(count(YEAR_MS), 'y', count(DAY_MS) % 365, 'd');
  return `${count(YEAR_MS)}y`;
}

/** The age of an RFC 3339 time. */
export function humanAge(time: string | undefined, nowMs: number): string {
  if (time === undefined) return '<unknown>';
  const thenMs = Date.parse(time);
  return Number.isNaN(thenMs) ? '<invalid>' : humanDuration(nowMs - thenMs);
}
