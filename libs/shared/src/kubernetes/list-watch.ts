import type { Clock } from '../clock/index.ts';
import { createBackoff } from '../service/backoff.ts';
import type { KubernetesAccess } from './access.ts';
import { KubernetesAnswerError, KubernetesStatusError } from './errors.ts';
import type { KubernetesObject } from './objects.ts';
import { listObjects } from './paged-list.ts';
import { watchObjects } from './watch-stream.ts';

export interface ListWatchOptions<T> {
  readonly access: KubernetesAccess;
  /** The path of a collection, as `collectionPath` builds it. */
  readonly path: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** What is kept of an object; everything else is dropped at once, so that memory holds only what is needed. */
  readonly project: (object: KubernetesObject) => T;
  /** `previous` is undefined for an object that was not known. */
  readonly onUpsert?: (next: T, previous: T | undefined) => void;
  readonly onDelete?: (previous: T) => void;
  /** After each complete list, the first one and those that make up for a gap. */
  readonly onSync?: (count: number) => void;
  /**
   * After each failure. `retryInMs` is undefined where nothing is repeated: a projection or a handler threw, which leaves
   * the list-watch and the other objects as they are.
   */
  readonly onError?: (error: unknown, retryInMs: number | undefined) => void;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Objects in one page of the list; 500 by default. */
  readonly pageSize?: number;
  /** Limits of the delay between attempts; 500 ms to 30 s by default. */
  readonly backoff?: { readonly baseMs: number; readonly maxMs: number };
  /** A watch that is silent for so long, bookmarks included, is taken up anew; 90 s by default. */
  readonly idleMs?: number;
}

/** A local picture of a collection that follows the API server until it is stopped. */
export interface ListWatch<T> extends AsyncDisposable {
  /** By namespace and name; kept, if stale, while the server is away. */
  readonly objects: ReadonlyMap<string, T>;
  /** Whether a complete list has been seen. */
  readonly synced: boolean;
  /** Resolves after the first complete list; rejects with the signal's reason. */
  untilSynced(signal: AbortSignal): Promise<void>;
  /** Since the server was last heard (a page, an event or a bookmark); undefined before the first time. */
  newestEventAgeMs(): number | undefined;
  stop(): Promise<void>;
}

interface Version {
  readonly uid: string;
  readonly resourceVersion: string;
}

/** A server, or a proxy before it, that ends watches sooner than this would be hammered without a pause. */
const WATCH_SHORT_MS = 1_000;
const WATCH_SECONDS_MIN = 240;
/** A list that twice took longer than the server keeps its snapshot is asked for in one piece. */
const EXPIRED_LISTS_MAX = 2;
/** A position may also be one that the server has not reached yet, as after a restored backup; it says so in many ways. */
const REFUSED_WATCHES_MAX = 5;

/**
 * Lists in pages, watches from there, resumes where it was after an interruption, and lists again only when the server no
 * longer knows that position; then it reports what was deleted meanwhile. It never gives up.
 */
export function startListWatch<T>(options: ListWatchOptions<T>): ListWatch<T> {
  const { access, path, labelSelector, fieldSelector, clock, random, onError } = options;
  const { pageSize = 500, idleMs = 90_000 } = options;
  const selectors = { labelSelector, fieldSelector };
  const backoff = createBackoff({ baseMs: 500, maxMs: 30_000, ...options.backoff, random });
  const objects = new Map<string, T>();
  const versions = new Map<string, Version>();
  const firstSync = Promise.withResolvers<void>();
  const stopping = new AbortController();
  let synced = false;
  /** Where to watch from; undefined if a list must come first. */
  let position: string | undefined;
  let heardAtMs: number | undefined;
  let expiredLists = 0;
  let refusedWatches = 0;

  const hear = (): void => {
    heardAtMs = clock.monotonicMs();
  };
  const isolate = (run: () => void): void => {
    try {
      run();
    } catch (error) {
      onError?.(error, undefined);
    }
  };

  const upsert = (object: KubernetesObject): void => {
    const { uid = '', resourceVersion = '' } = object.metadata;
    const key = keyOf(object);
    const known = versions.get(key);
    if (known !== undefined && known.uid !== uid) remove(key);
    if (known?.uid === uid && known.resourceVersion === resourceVersion) return;
    isolate(() => {
      const next = options.project(object);
      const previous = objects.get(key);
      objects.set(key, next);
      versions.set(key, { uid, resourceVersion });
      options.onUpsert?.(next, previous);
    });
  };
  const remove = (key: string): void => {
    if (!versions.delete(key)) return;
    const previous = objects.get(key) as T;
    objects.delete(key);
    isolate(() => options.onDelete?.(previous));
  };

  const list = async (): Promise<void> => {
    const inOnePiece = expiredLists >= EXPIRED_LISTS_MAX;
    const query = { ...selectors, ...(inOnePiece ? {} : { limit: pageSize }) };
    const seen = new Set<string>();
    const pages = listObjects(access, path, query, stopping.signal);
    for (let page = await pages.next(); ; page = await pages.next()) {
      hear();
      if (page.done === true) {
        position = page.value;
        break;
      }
      for (const object of page.value) {
        seen.add(keyOf(object));
        upsert(object);
      }
    }
    for (const key of versions.keys()) {
      if (!seen.has(key)) remove(key);
    }
    expiredLists = 0;
    synced = true;
    isolate(() => options.onSync?.(objects.size));
    firstSync.resolve();
  };

  /** Follows the collection from there until the watch ends; false if it ended too soon to be followed by another at once. */
  const watch = async (resourceVersion: string): Promise<boolean> => {
    const startMs = clock.monotonicMs();
    const timeoutSeconds = Math.floor(WATCH_SECONDS_MIN * (1 + random()));
    const query = { ...selectors, resourceVersion, timeoutSeconds };
    for await (const event of watchObjects({ access, path, query, clock, idleMs, signal: stopping.signal })) {
      hear();
      refusedWatches = 0;
      backoff.reset();
      switch (event.type) {
        case 'ADDED':
        case 'MODIFIED':
          upsert(event.object);
          break;
        case 'DELETED':
          remove(keyOf(event.object));
          break;
        case 'BOOKMARK':
          break;
      }
      position = event.object.metadata.resourceVersion ?? position;
    }
    return clock.monotonicMs() - startMs >= WATCH_SHORT_MS;
  };

  const settleFailure = async (error: unknown): Promise<void> => {
    const isExpired = error instanceof KubernetesStatusError && error.status === 410;
    if (isExpired && position === undefined) expiredLists += 1;
    if (error instanceof KubernetesStatusError) refusedWatches += 1;
    if (isExpired || error instanceof KubernetesAnswerError || refusedWatches >= REFUSED_WATCHES_MAX) {
      position = undefined;
      refusedWatches = 0;
    }
    const askedMs = error instanceof KubernetesStatusError ? (error.retryAfterMs ?? 0) : 0;
    const delayMs = Math.max(backoff.nextDelayMs(), Math.round(askedMs * (1 + random() / 4)));
    onError?.(error, delayMs);
    await clock.sleep(delayMs, stopping.signal);
  };

  const follow = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      try {
        if (position === undefined) await list();
        else if (!(await watch(position))) await clock.sleep(backoff.nextDelayMs(), stopping.signal);
      } catch (error) {
        if (stopping.signal.aborted) return;
        await settleFailure(error);
      }
    }
  };
  const ended = follow().catch((error: unknown) => {
    if (!stopping.signal.aborted) throw error;
  });

  const stop = async (): Promise<void> => {
    stopping.abort(new Error(`the watch of ${path} was stopped`));
    await ended;
  };
  return {
    objects,
    get synced() {
      return synced;
    },
    untilSynced: (signal) => settleBefore(firstSync.promise, AbortSignal.any([signal, stopping.signal])),
    newestEventAgeMs: () => (heardAtMs === undefined ? undefined : clock.monotonicMs() - heardAtMs),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

function keyOf({ metadata: { namespace = '', name } }: KubernetesObject): string {
  return `${namespace}/${name}`;
}

/** Settles as the promise does, unless the signal is aborted first. */
function settleBefore(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
