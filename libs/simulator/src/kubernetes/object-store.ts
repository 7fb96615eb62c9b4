import type { ResourceKind } from './resource-kind.ts';
import { storageName } from './resource-kind.ts';
import { keyOf, objectKey, type KubeObject } from './kube-object.ts';
import { createOrderedObjects } from './ordered-objects.ts';

export interface ObjectEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly revision: number;
  readonly object: KubeObject;
  /** The object before, for selectors that it no longer or newly matches. */
  readonly previous: KubeObject | undefined;
}

/** The objects of one kind at one revision, in the order of lists. */
export interface Snapshot {
  readonly revision: number;
  readonly objects: readonly KubeObject[];
}

export interface ObjectTable {
  readonly kind: ResourceKind;
  readonly size: number;
  get(namespace: string | undefined, name: string): KubeObject | undefined;
  /** In the order of creation. */
  oldest(): Iterable<KubeObject>;
  /** Shared until the next change; never changed in place. */
  snapshot(): Snapshot;
  /** The changes after a revision, oldest first; `undefined` if some of them are forgotten. */
  eventsSince(revision: number): readonly ObjectEvent[] | undefined;
  subscribe(listener: (event: ObjectEvent) => void): () => void;
  /** Stores the object under the next revision and tells it to watchers; returns it with its resourceVersion. */
  put(object: KubeObject): KubeObject;
  remove(object: KubeObject): KubeObject;
}

export interface ObjectStore {
  /** The latest revision: one count for all kinds, as etcd has. */
  readonly revision: number;
  /** Grows with each `forgetHistory`; what was handed out before it has expired. */
  readonly compactions: number;
  table(kind: ResourceKind): ObjectTable;
  tables(): Iterable<ObjectTable>;
  /** Forgets all changes up to now, so that watches from earlier revisions and unfinished lists get 410. */
  forgetHistory(): void;
}

export interface ObjectStoreOptions {
  /** Changes remembered per kind. */
  readonly historyMax: number;
  readonly firstRevision: number;
}

export function createObjectStore({ historyMax, firstRevision }: ObjectStoreOptions): ObjectStore {
  let revision = firstRevision;
  let compactions = 0;
  const tables = new Map<string, ObjectTable & { forget(): void }>();
  const advance = (): number => ++revision;
  return {
    get revision() {
      return revision;
    },
    get compactions() {
      return compactions;
    },
    table: (kind) => {
      const name = storageName(kind);
      let table = tables.get(name);
      if (table === undefined) tables.set(name, (table = createTable(kind, historyMax, () => revision, advance)));
      return table;
    },
    tables: () => tables.values(),
    forgetHistory: () => {
      compactions += 1;
      for (const table of tables.values()) table.forget();
    },
  };
}

function createTable(
  kind: ResourceKind,
  historyMax: number,
  currentRevision: () => number,
  advance: () => number,
): ObjectTable & { forget(): void } {
  const objects = new Map<string, KubeObject>();
  const ordered = createOrderedObjects(objects);
  const listeners = new Set<(event: ObjectEvent) => void>();
  let history: ObjectEvent[] = [];
  let forgottenUpTo = currentRevision();

  const record = (event: ObjectEvent): void => {
    history.push(event);
    // Trimmed in batches, so that a long run of writes does not move the whole history each time.
    if (history.length > historyMax * 2) {
      forgottenUpTo = history[history.length - historyMax - 1]?.revision ?? forgottenUpTo;
      history = history.slice(-historyMax);
    }
    // A watch that opens meanwhile has seen this change in its first list.
    for (const listener of Array.from(listeners)) listener(event);
  };
  const stamp = (object: KubeObject, at: number): KubeObject => ({
    ...object,
    metadata: { ...object.metadata, resourceVersion: String(at) },
  });

  return {
    kind,
    get size() {
      return objects.size;
    },
    get: (namespace, name) => objects.get(objectKey(namespace, name)),
    oldest: () => objects.values(),
    snapshot: () => ({ revision: currentRevision(), objects: ordered.list() }),
    eventsSince: (since) => {
      if (since < forgottenUpTo) return undefined;
      let first = history.length;
      while (first > 0 && (history[first - 1]?.revision ?? 0) > since) first -= 1;
      return history.slice(first);
    },
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    put: (object) => {
      const at = advance();
      const key = keyOf(object);
      const previous = objects.get(key);
      const stored = stamp(object, at);
      objects.set(key, stored);
      if (previous === undefined) ordered.add(key, stored);
      else ordered.replace(key, stored);
      record({ type: previous === undefined ? 'ADDED' : 'MODIFIED', revision: at, object: stored, previous });
      return stored;
    },
    remove: (object) => {
      const at = advance();
      const key = keyOf(object);
      const previous = objects.get(key);
      objects.delete(key);
      ordered.remove(key);
      const removed = stamp(object, at);
      record({ type: 'DELETED', revision: at, object: removed, previous });
      return removed;
    },
    forget: () => {
      history = [];
      forgottenUpTo = currentRevision();
    },
  };
}
