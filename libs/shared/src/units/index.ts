export { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, durationPattern, formatDuration, parseDurationMs } from './duration.ts';
export { GIB, MIB, formatBytes } from './bytes.ts';
export { formatTimestamp, parseTimestampMs } from './timestamp.ts';
