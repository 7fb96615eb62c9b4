import type { Intent, MigrationEventName } from '@couchestor/shared/messages';
import type { MoveEvents } from './ports.ts';

/**
 * Tells the events that a record still lists: whoever wrote it may have died before it told them. A repeat is known by
 * its id. To be done before the record becomes that of another move, which knows nothing of them.
 */
export async function tellUntold(events: MoveEvents, intent: Intent, signal: AbortSignal): Promise<void> {
  const { migrationId, outbox, traceparent } = intent;
  for (const { name, messageId, data } of outbox) {
    await events.publish(name as MigrationEventName, migrationId, data, {
      messageId,
      signal,
      ...(traceparent === undefined ? {} : { traceparent }),
    });
  }
}
