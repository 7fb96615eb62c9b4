import {
  decodeMessage,
  idOfSubject,
  isTombstone,
  MalformedMessageError,
  streams,
  subjectFilterOf,
  type Message,
  type StateName,
  type Tombstone,
} from '../messages/index.ts';
import { untilAborted } from './abort.ts';
import type { BusContext } from './context.ts';
import type { Fact, FactListener, FactTables } from './facts.ts';
import { createMirror, type Mirror } from './mirror.ts';
import { AWAY_MAX_MS, readInOrder, type StoredMessage } from './ordered-reader.ts';

/** One kind of fact. It is held as facts of any kind, since the kinds of one table cannot be told apart by a type. */
interface Table {
  readonly mirror: Mirror<Fact<StateName>>;
  readonly listeners: Set<FactListener<StateName>>;
  synced: boolean;
}

export function openFactTables<N extends StateName>(
  context: BusContext,
  names: readonly N[],
  signal: AbortSignal,
): FactTables<N> {
  const tables = new Map<StateName, Table>();
  const syncListeners = new Set<(name: N, synced: boolean) => void>();
  const waiting = new Set<() => void>();

  const tableOf = (name: StateName): Table => {
    const table = tables.get(name);
    if (table === undefined) throw new TypeError(`the table of ${name} was not opened`);
    return table;
  };
  const allSynced = (): boolean => [...tables.values()].every((table) => table.synced);
  const setSynced = (name: N, table: Table, synced: boolean): void => {
    if (table.synced === synced) return;
    table.synced = synced;
    for (const listener of syncListeners) {
      guarded(context, name, () => listener(name, synced));
    }
    if (!allSynced()) return;
    for (const resolve of waiting) resolve();
    waiting.clear();
  };

  for (const name of names) {
    const table = createTable(context, name);
    tables.set(name, table);
    const reading = readInOrder(context, {
      stream: streams.state.name,
      filterSubject: subjectFilterOf(name),
      awayMaxMs: AWAY_MAX_MS,
      signal,
      onSession: ({ restarted }) => {
        if (!restarted) return;
        setSynced(name, table, false);
        table.mirror.startOver();
      },
      onMessage: (message) => apply(context, table.mirror, message),
      onCaughtUp: () => {
        table.mirror.finish();
        setSynced(name, table, true);
      },
    });
    context.track(`reading ${name}`, reading);
  }

  return {
    of: (name) => tableOf(name).mirror.entries,
    synced: (name) => tableOf(name).synced,
    whenSynced: async () => {
      while (!allSynced()) {
        const { promise, resolve } = Promise.withResolvers<void>();
        waiting.add(resolve);
        await untilAborted(promise, signal).finally(() => waiting.delete(resolve));
      }
    },
    onChange: <K extends N>(name: K, listener: FactListener<K>) => {
      const { listeners } = tableOf(name);
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    onSynced: (listener) => {
      syncListeners.add(listener);
      return () => syncListeners.delete(listener);
    },
  };
}

function createTable(context: BusContext, name: StateName): Table {
  const listeners = new Set<FactListener<StateName>>();
  const mirror = createMirror<Fact<StateName>>((id, next, previous) => {
    for (const listener of listeners) guarded(context, name, () => listener(id, next, previous));
  });
  return { mirror, listeners, synced: false };
}

/** A listener's fault is its own: the table goes on. */
function guarded(context: BusContext, name: StateName, call: () => void): void {
  try {
    call();
  } catch (error) {
    context.logger.error({ err: error, type: name }, 'a listener of facts failed');
  }
}

function apply(context: BusContext, mirror: Mirror<Fact<StateName>>, stored: StoredMessage): void {
  const { subject, sequence } = stored;
  const id = idOfSubject(subject);
  const message = decode(context, stored);
  if (message === undefined) {
    mirror.delete(id);
    return;
  }
  context.metrics.consumed(message.name);
  if (isTombstone(message)) {
    mirror.delete(id);
    return;
  }
  mirror.set(id, {
    data: message.data as Fact<StateName>['data'],
    sequence,
    timeMs: Date.parse(message.time),
    ...(message.traceparent === undefined ? {} : { traceparent: message.traceparent }),
  });
}

function decode(context: BusContext, { subject, bytes, sequence }: StoredMessage): Message | Tombstone | undefined {
  try {
    return decodeMessage(subject, bytes);
  } catch (error) {
    if (!(error instanceof MalformedMessageError)) throw error;
    // The fact stays in its stream, so the reading need not wait until the letter is stored.
    const stream = streams.state.name;
    const letter = { service: context.service, subject, stream, sequence, bytes, problem: error.message };
    context.track('storing a dead letter', context.deadLetters.put(letter));
    return undefined;
  }
}
