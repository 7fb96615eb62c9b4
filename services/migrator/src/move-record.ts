import { BusUnavailableError, ConflictError, type IntentStore } from '@couchestor/shared/bus';
import type { Clock } from '@couchestor/shared/clock';
import type { ActiveIntent, EndedIntent, Intent, MigrationEventName } from '@couchestor/shared/messages';
import type { MoveEvents } from './ports.ts';

/** The intent of one move, as its owner writes it, and the events that its writes decided. */
export interface MoveRecord {
  /** As last known to be stored. Once the record has ended, the last active one. */
  readonly intent: ActiveIntent;
  /** Of what was last written; greater than that of everything that was stored before. */
  readonly revision: number;
  readonly ended: EndedIntent | undefined;
  /** A write had no answer or an event is untold: before anything else is done `settle` has to succeed. */
  readonly isUnsettled: boolean;
  /** @throws ConflictError if another owner wrote it; BusUnavailableError when there was no answer in time */
  write(next: Intent): Promise<void>;
  /** Finds out what became of a write without an answer, and tells what is untold. Rejects as `write` does. */
  settle(): Promise<void>;
  /** Asks the bucket whether nobody else has taken the move over. */
  isOurs(): Promise<boolean>;
  /** The record as it is stored now, whoever wrote it. */
  stored(): Promise<Intent | undefined>;
}

export function createMoveRecord(options: {
  readonly start: { readonly intent: ActiveIntent; readonly revision: number };
  readonly token: number;
  readonly intents: IntentStore;
  readonly events: MoveEvents;
  readonly clock: Clock;
  /** Of one request to the bus, which by itself would wait out an outage; a move with cordons must not. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Told of each write that is known to be stored: until then nobody else had the move. */
  readonly onStored: () => void;
}): MoveRecord {
  const { start, token, intents, events, clock, timeoutMs, signal, onStored } = options;
  const { migrationId, volumeId } = start.intent;
  let { intent, revision } = start;
  let untold: Intent['outbox'] = intent.outbox;
  let ended: EndedIntent | undefined;
  /** What was written may be stored, may be lost, and may yet arrive. */
  let isInDoubt = false;

  const withDeadline = async <T>(what: string, request: (deadline: AbortSignal) => Promise<T>): Promise<T> => {
    const late = new AbortController();
    const cancel = clock.after(timeoutMs, () => late.abort(new BusUnavailableError(what)));
    try {
      return await request(AbortSignal.any([signal, late.signal]));
    } finally {
      cancel();
    }
  };
  const isOwn = (stored: Intent): boolean =>
    stored.migrationId === migrationId && (stored.state === 'ended' || stored.ownerToken === token);
  const adopt = (stored: Intent): void => {
    if (stored.state === 'active') intent = stored;
    else ended = stored;
    untold = stored.outbox;
  };
  const store = async (record: Intent): Promise<void> => {
    isInDoubt = true;
    try {
      revision = await withDeadline('a write of the intent', (deadline) => intents.update(record, revision, deadline));
    } catch (error) {
      if (error instanceof ConflictError) isInDoubt = false;
      throw error;
    }
    isInDoubt = false;
    adopt(record);
    onStored();
  };
  const read = () => withDeadline('a read of the intent', (deadline) => intents.get(volumeId, deadline));

  /** Writing again what is stored makes sure that a write which is still on its way comes too late. */
  const clearDoubt = async (): Promise<void> => {
    while (isInDoubt) {
      const stored = await read();
      if (stored === undefined || !isOwn(stored.intent)) throw new ConflictError(volumeId);
      ({ revision } = stored);
      try {
        await store(stored.intent);
      } catch (error) {
        if (!(error instanceof ConflictError)) throw error;
        isInDoubt = true;
      }
    }
  };
  const tell = async (): Promise<void> => {
    const { traceparent } = intent;
    for (const entry of untold) {
      await withDeadline('an event', (deadline) =>
        events.publish(entry.name as MigrationEventName, migrationId, entry.data, {
          messageId: entry.messageId,
          signal: deadline,
          ...(traceparent === undefined ? {} : { traceparent }),
        }),
      );
      untold = untold.filter((other) => other !== entry);
    }
  };

  return {
    get intent() {
      return intent;
    },
    get revision() {
      return revision;
    },
    get ended() {
      return ended;
    },
    get isUnsettled() {
      return isInDoubt || untold.length > 0;
    },
    write: async (next) => {
      await store({ ...next, outbox: [...untold, ...next.outbox] });
      await tell();
    },
    settle: async () => {
      await clearDoubt();
      await tell();
    },
    isOurs: async () => {
      const stored = await read();
      return stored !== undefined && isOwn(stored.intent);
    },
    stored: async () => (await read())?.intent,
  };
}
