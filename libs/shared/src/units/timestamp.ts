/** Times cross processes as RFC 3339 in UTC and live inside as milliseconds since 1970. */
export function formatTimestamp(ms: number): string {
  return new Date(ms).toISOString();
}

/** @throws RangeError for a text that is no time: use it for what a schema has checked. */
export function parseTimestampMs(text: string): number {
  const ms = Date.parse(text);
  if (Number.isNaN(ms)) throw new RangeError(`not a time: ${JSON.stringify(text)}`);
  return ms;
}
