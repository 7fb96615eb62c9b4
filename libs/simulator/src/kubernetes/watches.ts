import type { Clock } from '@couchestor/shared/clock';
import { gone, invalid, type ApiError } from './api-error.ts';
import type { JsonObject } from './json.ts';
import { readFilter, readRevision } from './lists.ts';
import type { KubeObject } from './kube-object.ts';
import type { ObjectEvent, ObjectStore } from './object-store.ts';
import { bookmarkObject, represent } from './representation.ts';
import {
  readBoolean,
  readCount,
  readRepresentation,
  type KubeRequest,
  type KubeResponse,
  type WatchSink,
} from './request.ts';
import { apiVersionOf } from './resource-kind.ts';
import type { Target } from './route.ts';
import type { ObjectFilter } from './selectors.ts';

export interface WatchOptions {
  /** How often a watch that allows bookmarks gets one; it also gets one shortly before its end. */
  readonly bookmarkIntervalMs: number;
  /** How long a watch without `timeoutSeconds` lasts. */
  readonly defaultTimeoutMs: number;
}

/** How long before its end a watch gets its last bookmark. */
const lastBookmarkMs = 2000;

export interface WatchReader {
  readonly watch: (request: KubeRequest, query: URLSearchParams, target: Target) => KubeResponse;
  /** Watches that are open. */
  readonly openCount: () => number;
  /** Ends open watches, all or those of one kind; returns how many. `error` is sent first, as an ERROR event. */
  readonly cut: (plural?: string, error?: ApiError) => number;
}

interface OpenWatch {
  readonly plural: string;
  readonly end: (error?: ApiError) => void;
}

export function createWatchReader(store: ObjectStore, clock: Clock, options: WatchOptions): WatchReader {
  const open = new Set<OpenWatch>();
  return {
    openCount: () => open.size,
    cut: (plural, error) => {
      const cut = [...open].filter((watch) => plural === undefined || watch.plural === plural);
      for (const watch of cut) watch.end(error);
      return cut.length;
    },
    watch: (request, query, target) => {
      if (query.has('sendInitialEvents')) refuseInitialEvents(query);
      const since = readRevision(query);
      const session = {
        target,
        since,
        filter: narrowed(target, readFilter(query, target)),
        form: readRepresentation(request, query),
        timeoutMs: (readCount(query, 'timeoutSeconds') ?? 0) * 1000 || options.defaultTimeoutMs,
        bookmarkIntervalMs: readBoolean(query, 'allowWatchBookmarks') ? options.bookmarkIntervalMs : undefined,
      };
      return {
        kind: 'watch',
        code: 200,
        headers: { 'content-type': 'application/json', 'cache-control': 'no-cache, private' },
        open: (sink) => openWatch(store, clock, session, sink, open),
      };
    },
  };
}

function narrowed(target: Target, filter: ObjectFilter | undefined): ObjectFilter | undefined {
  const { name } = target;
  if (name === undefined) return filter;
  return (object) => object.metadata.name === name && (filter === undefined || filter(object));
}

/** The streaming list is not served; the answer is that of a server without it. */
function refuseInitialEvents(query: URLSearchParams): void {
  const needsMatch = query.get('resourceVersionMatch') !== 'NotOlderThan';
  throw invalid({ group: 'meta.k8s.io', kind: 'ListOptions', name: '' }, [
    needsMatch
      ? {
          field: 'resourceVersionMatch',
          type: 'FieldValueForbidden',
          detail: 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan',
        }
      : {
          field: 'sendInitialEvents',
          type: 'FieldValueForbidden',
          detail: 'sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled',
        },
  ]);
}

interface Session {
  readonly target: Target;
  readonly since: number | undefined;
  readonly filter: ObjectFilter | undefined;
  readonly form: ReturnType<typeof readRepresentation>;
  readonly timeoutMs: number;
  readonly bookmarkIntervalMs: number | undefined;
}

function openWatch(
  store: ObjectStore,
  clock: Clock,
  session: Session,
  sink: WatchSink,
  open: Set<OpenWatch>,
): () => void {
  const { target, since, filter, form, timeoutMs, bookmarkIntervalMs } = session;
  const table = store.table(target.kind);
  const cancels: (() => void)[] = [];
  let isOpen = true;
  let namesColumns = true;

  const send = (type: string, object: JsonObject): void => sink.send(`${JSON.stringify({ type, object })}\n`);
  const sendObject = (type: string, object: KubeObject): void => {
    send(type, represent(object, target.served, form, clock.nowMs(), namesColumns));
    namesColumns = false;
  };
  const release = (): void => {
    isOpen = false;
    open.delete(watch);
    for (const cancel of cancels) cancel();
  };
  const end = (error?: ApiError): void => {
    if (!isOpen) return;
    release();
    if (error !== undefined) send('ERROR', error.status);
    sink.end();
  };
  const watch: OpenWatch = { plural: target.kind.plural, end };
  const deliver = (event: ObjectEvent): void => {
    const seen = visibleChange(event, filter);
    if (seen !== undefined && isOpen) sendObject(seen, event.object);
  };
  const bookmark = (): void => {
    const { kind } = target.kind;
    send('BOOKMARK', bookmarkObject(kind, apiVersionOf(target.served), store.revision, form));
  };

  open.add(watch);
  if (since === undefined || since === 0) {
    for (const object of table.snapshot().objects) {
      if (filter === undefined || filter(object)) sendObject('ADDED', object);
    }
  } else {
    const missed = table.eventsSince(since);
    if (missed === undefined) {
      end(gone(`too old resource version: ${since} (${store.revision})`));
      return () => {};
    }
    for (const event of missed) deliver(event);
  }
  cancels.push(
    table.subscribe(deliver),
    clock.after(timeoutMs, () => end()),
  );
  if (bookmarkIntervalMs !== undefined) {
    cancels.push(repeat(clock, bookmarkIntervalMs, bookmark));
    if (timeoutMs > lastBookmarkMs) cancels.push(clock.after(timeoutMs - lastBookmarkMs, bookmark));
  }
  return release;
}

function repeat(clock: Clock, intervalMs: number, run: () => void): () => void {
  let cancel = clock.after(intervalMs, tick);
  function tick(): void {
    run();
    cancel = clock.after(intervalMs, tick);
  }
  return () => cancel();
}

/** How a change looks to a watch with a selector: an object that begins to match appears, one that stops goes. */
function visibleChange(event: ObjectEvent, filter: ObjectFilter | undefined): ObjectEvent['type'] | undefined {
  if (filter === undefined) return event.type;
  const matched = event.previous !== undefined && filter(event.previous);
  const matches = event.type !== 'DELETED' && filter(event.object);
  if (matched) return matches ? 'MODIFIED' : 'DELETED';
  return matches ? 'ADDED' : undefined;
}
