import { idOfSubject, streams, subjectFilterOf, type StateName } from '../messages/index.ts';
import { untilAborted } from './abort.ts';
import type { BusContext } from './context.ts';
import type { Fact, FactListener, FactTables } from './facts.ts';
import { createInterner } from './interner.ts';
import { createMirror, type Mirror } from './mirror.ts';
import { AWAY_MAX_MS, readInOrder } from './ordered-reader.ts';
import { guarded, readFact } from './read-fact.ts';

/** What many facts say alike: where things lie, and what they are labelled. */
const SAID_BY_MANY: ReadonlySet<string> = new Set([
  'affinityGroup',
  'allowedNodes',
  'labels',
  'mayastorLabels',
  'namespace',
  'node',
  'nodeExclusion',
  'nodeInclusion',
  'pool',
  'poolInclusion',
  'storageClassName',
  'targetNode',
]);

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
  const interner = createInterner(SAID_BY_MANY);

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
      onMessage: (message) => {
        const id = idOfSubject(message.subject);
        const fact = readFact(context, message);
        if (fact === undefined) {
          table.mirror.delete(id);
          return;
        }
        interner.within(fact.data);
        table.mirror.set(ownTextOf(fact.data, id), fact);
      },
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

/** The id in the words of the fact, so that 100,000 ids are not kept twice. */
function ownTextOf(data: object, id: string): string {
  return Object.values(data).find((value): value is string => value === id) ?? id;
}

function createTable(context: BusContext, name: StateName): Table {
  const listeners = new Set<FactListener<StateName>>();
  const mirror = createMirror<Fact<StateName>>((id, next, previous) => {
    for (const listener of listeners) guarded(context, name, () => listener(id, next, previous));
  });
  return { mirror, listeners, synced: false };
}
