import type { Watched } from '../ports.ts';

/** The sending side of a `Watched`. */
export interface WatchedStore<T> extends Watched<T> {
  set(key: string, next: T | undefined): void;
  keys(): Iterable<string>;
  markSynced(): void;
}

export function createWatchedStore<T>(): WatchedStore<T> {
  const objects = new Map<string, T>();
  const listeners = new Set<(next: T | undefined, previous: T | undefined) => void>();
  const synced = Promise.withResolvers<void>();
  return {
    objects: () => objects.values(),
    keys: () => objects.keys(),
    markSynced: () => synced.resolve(),
    whenSynced: (signal) =>
      new Promise<void>((resolve, reject) => {
        const abort = (): void => reject(signal.reason);
        if (signal.aborted) return abort();
        signal.addEventListener('abort', abort, { once: true });
        void synced.promise.then(() => {
          signal.removeEventListener('abort', abort);
          resolve();
        });
      }),
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    set: (key, next) => {
      const previous = objects.get(key);
      if (next === undefined) objects.delete(key);
      else objects.set(key, next);
      if (next === undefined && previous === undefined) return;
      for (const listener of listeners) listener(next, previous);
    },
  };
}
