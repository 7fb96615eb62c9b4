import { eventTimeMs, type Event } from '../objects.ts';
import { formatTable } from './table.ts';
import { formatAge } from './words.ts';

const ROWS_MAX = 10;
const endings = ['MigrationCompleted', 'MigrationFailed', 'MigrationAborted'];
const migrationPattern = /\(migration ([^()\s]+)\)\s*$/;

/** The id of a move that began and is not told to have ended; Events are lost after an hour, so this may miss one. */
export function moveFromEvents(newestFirst: readonly Event[]): string | undefined {
  const idOf = ({ message = '' }: Event): string | undefined => migrationPattern.exec(message)?.[1];
  const ended = new Set(newestFirst.filter(({ reason = '' }) => endings.includes(reason)).map(idOf));
  return newestFirst
    .filter(({ reason }) => reason === 'MigrationStarted' || reason === 'MigrationNeedsAttention')
    .map(idOf)
    .find((id) => id !== undefined && !ended.has(id));
}

export function renderEvents(newestFirst: readonly Event[], nowMs: number): string | undefined {
  if (newestFirst.length === 0) return undefined;
  const rows = newestFirst
    .slice(0, ROWS_MAX)
    .map((event) => [`${formatAge(nowMs - eventTimeMs(event))} ago`, event.reason ?? '', event.message ?? '']);
  return formatTable(['EVENT', 'REASON', 'MESSAGE'], rows);
}
