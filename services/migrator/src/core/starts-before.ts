import type { Intent } from '@couchestor/shared/messages';
import { HOUR_MS, parseTimestampMs } from '@couchestor/shared/units';

const KEPT_MAX = 16;

/** When the volume's moves of the last hour began: its record is written over by the next one, and brakes count them. */
export function startsBefore(record: Intent | undefined, nowMs: number): NonNullable<Intent['startsBefore']> {
  if (record === undefined) return [];
  const { migrationId, startedAt, startsBefore: earlier = [] } = record;
  return [...earlier, { migrationId, startedAt }]
    .filter((start) => nowMs - parseTimestampMs(start.startedAt) < HOUR_MS)
    .slice(-KEPT_MAX);
}
