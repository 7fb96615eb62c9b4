/** More than this is not waited for, whatever a server says. */
const RETRY_AFTER_MAX_MS = 300_000;

/**
 * How long a server asks to be left alone, from its header (seconds or a date) or from the `Status` body, between 0 and 5
 * minutes; undefined if it does not ask.
 */
export function parseRetryAfterMs(
  header: string | readonly string[] | undefined,
  bodySeconds: number | undefined,
  nowMs: number,
): number | undefined {
  const text = typeof header === 'string' ? header : header?.[0];
  const delayMs = headerMs(text, nowMs) ?? (bodySeconds === undefined ? undefined : bodySeconds * 1_000);
  if (delayMs === undefined || Number.isNaN(delayMs)) return undefined;
  return Math.min(RETRY_AFTER_MAX_MS, Math.max(0, delayMs));
}

function headerMs(text: string | undefined, nowMs: number): number | undefined {
  if (text === undefined || text.trim() === '') return undefined;
  const seconds = Number(text);
  if (!Number.isNaN(seconds)) return seconds * 1_000;
  const dateMs = Date.parse(text);
  return Number.isNaN(dateMs) ? undefined : dateMs - nowMs;
}
