export const SECOND_MS = 1_000;
export const MINUTE_MS = 60 * SECOND_MS;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

const unitMs: Readonly<Record<string, number>> = {
  d: DAY_MS,
  h: HOUR_MS,
  m: MINUTE_MS,
  s: SECOND_MS,
  ms: 1,
};

/**
 * Go's notation plus days: whole or decimal numbers with a unit, largest first or in any order (`1h30m`, `2d12h`,
 * `1.5h`, `500ms`). Go's `us` and `ns` are left out, for nothing here is decided below a millisecond.
 */
export const durationPattern = /^(\d+(\.\d+)?(ms|[dhms]))+$/;

/** Milliseconds of a duration such as `1h30m`; `undefined` if it is not one, or beyond what a number holds exactly. */
export function parseDurationMs(text: string): number | undefined {
  if (text.length > 64 || !durationPattern.test(text)) return undefined;
  let totalMs = 0;
  for (const [, amount = '', , unit = ''] of text.matchAll(/(\d+(\.\d+)?)(ms|[dhms])/g)) {
    totalMs += Number(amount) * (unitMs[unit] ?? Number.NaN);
  }
  return Number.isSafeInteger(Math.round(totalMs)) ? Math.round(totalMs) : undefined;
}

/** The shortest exact notation: `90_000` is `1m30s`. Days are used from two days on, as people say 36h but 3d. */
export function formatDuration(durationMs: number): string {
  if (!Number.isFinite(durationMs)) return String(durationMs);
  let rest = Math.abs(Math.round(durationMs));
  if (rest === 0) return '0s';
  let text = durationMs < 0 ? '-' : '';
  for (const [unit, sizeMs] of [
    ['d', DAY_MS],
    ['h', HOUR_MS],
    ['m', MINUTE_MS],
    ['s', SECOND_MS],
    ['ms', 1],
  ] as const) {
    if (unit === 'd' && rest < 2 * DAY_MS) continue;
    const count = Math.floor(rest / sizeMs);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * sizeMs;
  }
  return text;
}
