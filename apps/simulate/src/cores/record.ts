import { BusUnavailableError, ConflictError, type StoredIntent } from '@couchestor/shared/bus';
import type { ActiveIntent, EndedIntent, Intent } from '@couchestor/shared/messages';
import type { DirectBus } from '../bus/simulated-bus.ts';
import { CALL_TIMEOUT_MS } from '../services/surroundings.ts';
import type { Task } from './task.ts';
import type { Ways } from './ways.ts';

/** The bucket of intents and the stream of events, as one process of the cores reaches them. */
export interface Store {
  get(volumeId: string): Task<StoredIntent | undefined>;
  list(): Task<ReadonlyMap<string, StoredIntent>>;
  /** @param expected undefined for a volume that has no record */
  put(intent: Intent, expected: number | undefined): Task<number>;
  remove(volumeId: string, expected: number): Task;
  tell(entry: Intent['outbox'][number], traceparent: string | undefined): Task;
}

export function createStore(ways: Ways, bus: DirectBus): Store {
  const { process } = ways;
  const ask = <T>(what: string, effect: () => T): Task<T> =>
    ways.ask(what, CALL_TIMEOUT_MS, effect, () => new BusUnavailableError(what));
  return {
    get: (volumeId) => ask('get intent', () => bus.intents.get(volumeId)),
    list: () => ask('list intents', () => new Map(bus.intents)),
    put: (intent, expected) => ask('update intent', () => bus.putIntent(intent, expected, process)),
    remove: (volumeId, expected) => ask('delete intent', () => bus.removeIntent(volumeId, expected)),
    tell: ({ name, messageId, data }, traceparent) =>
      ask('publish event', () =>
        bus.tell(name as 'migration.accepted', messageId, data as never, process, traceparent),
      ),
  };
}

/** The intent of one move, as its owner writes it, and the events that its writes decided. */
export interface CoreRecord {
  readonly intent: ActiveIntent;
  readonly revision: number;
  readonly ended: EndedIntent | undefined;
  /** A write had no answer or an event is untold. */
  readonly isUnsettled: boolean;
  write(next: Intent): Task;
  settle(): Task;
  isOurs(): Task<boolean>;
  stored(): Task<Intent | undefined>;
}

export function createRecord(
  store: Store,
  start: { readonly intent: ActiveIntent; readonly revision: number },
  token: number,
  onStored: () => void,
): CoreRecord {
  const { migrationId, volumeId } = start.intent;
  let { intent, revision } = start;
  let untold = intent.outbox;
  let ended: EndedIntent | undefined;
  let isInDoubt = false;

  const isOwn = (stored: Intent): boolean =>
    stored.migrationId === migrationId && (stored.state === 'ended' || stored.ownerToken === token);
  function* put(record: Intent): Task {
    isInDoubt = true;
    try {
      revision = yield* store.put(record, revision);
    } catch (error) {
      if (error instanceof ConflictError) isInDoubt = false;
      throw error;
    }
    isInDoubt = false;
    if (record.state === 'active') intent = record;
    else ended = record;
    untold = record.outbox;
    onStored();
  }
  /** Writing again what is stored makes sure that a write which is still on its way comes too late. */
  function* clearDoubt(): Task {
    while (isInDoubt) {
      const stored = yield* store.get(volumeId);
      if (stored === undefined || !isOwn(stored.intent)) throw new ConflictError(volumeId);
      ({ revision } = stored);
      try {
        yield* put(stored.intent);
      } catch (error) {
        if (!(error instanceof ConflictError)) throw error;
        isInDoubt = true;
      }
    }
  }
  function* tell(): Task {
    for (const entry of untold) {
      yield* store.tell(entry, intent.traceparent);
      untold = untold.filter((other) => other !== entry);
    }
  }
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
    write: function* (next) {
      yield* put(untold.length === 0 ? next : { ...next, outbox: [...untold, ...next.outbox] });
      yield* tell();
    },
    settle: function* () {
      yield* clearDoubt();
      yield* tell();
    },
    isOurs: function* () {
      const stored = yield* store.get(volumeId);
      return stored !== undefined && isOwn(stored.intent);
    },
    stored: function* () {
      return (yield* store.get(volumeId))?.intent;
    },
  };
}
