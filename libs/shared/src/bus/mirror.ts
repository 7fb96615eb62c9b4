/** Told of each change, after the entries have it. */
export type MirrorListener<V> = (id: string, next: V | undefined, previous: V | undefined) => void;

/**
 * The last word per id, as a stream tells it. When the stream has to be read anew the old entries stay until the reading
 * has caught up; what did not come back by then is gone.
 */
export interface Mirror<V> {
  readonly entries: ReadonlyMap<string, V>;
  set(id: string, next: V): void;
  delete(id: string): void;
  /** The stream is read from its beginning again. */
  startOver(): void;
  /** All that the stream held was read. */
  finish(): void;
}

export function createMirror<V>(onChange: MirrorListener<V>): Mirror<V> {
  const entries = new Map<string, V>();
  let unconfirmed: Set<string> | undefined;

  const remove = (id: string): void => {
    unconfirmed?.delete(id);
    const previous = entries.get(id);
    if (previous === undefined) return;
    entries.delete(id);
    onChange(id, undefined, previous);
  };

  return {
    entries,
    set: (id, next) => {
      unconfirmed?.delete(id);
      const previous = entries.get(id);
      entries.set(id, next);
      onChange(id, next, previous);
    },
    delete: remove,
    startOver: () => {
      unconfirmed = new Set(entries.keys());
    },
    finish: () => {
      const gone = unconfirmed;
      unconfirmed = undefined;
      for (const id of gone ?? []) remove(id);
    },
  };
}
