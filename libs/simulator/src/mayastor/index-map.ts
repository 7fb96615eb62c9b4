/**
 * A map whose order is what Mayastor's core keeps: entries stand in the order of insertion, but the last entry fills the
 * hole that a removal leaves. Paging and, up to 2.9, the choice between equal victims follow this order.
 */
export interface IndexMap<V> {
  get(key: string): V | undefined;
  has(key: string): boolean;
  set(key: string, value: V): void;
  delete(key: string): boolean;
  /** Position of `key`, or -1. */
  indexOf(key: string): number;
  /** Entries from position `start` (inclusive) to `end` (exclusive). */
  slice(start: number, end: number): V[];
  /** What a restart of the core does: the store hands its entries out in the order of their keys. */
  sortByKey(): void;
  readonly size: number;
  values(): IterableIterator<V>;
}

export function createIndexMap<V>(): IndexMap<V> {
  const positions = new Map<string, number>();
  let entries: { readonly key: string; value: V }[] = [];

  function* values(): IterableIterator<V> {
    for (const entry of entries) yield entry.value;
  }

  return {
    get: (key) => {
      const position = positions.get(key);
      return position === undefined ? undefined : entries[position]?.value;
    },
    has: (key) => positions.has(key),
    set: (key, value) => {
      const position = positions.get(key);
      const entry = position === undefined ? undefined : entries[position];
      if (entry !== undefined) {
        entry.value = value;
        return;
      }
      positions.set(key, entries.length);
      entries.push({ key, value });
    },
    delete: (key) => {
      const position = positions.get(key);
      if (position === undefined) return false;
      positions.delete(key);
      const last = entries.pop();
      if (last !== undefined && last.key !== key) {
        entries[position] = last;
        positions.set(last.key, position);
      }
      return true;
    },
    indexOf: (key) => positions.get(key) ?? -1,
    slice: (start, end) => entries.slice(start, end).map((entry) => entry.value),
    sortByKey: () => {
      entries = entries.toSorted((left, right) => (left.key < right.key ? -1 : 1));
      for (const [position, entry] of entries.entries()) positions.set(entry.key, position);
    },
    get size() {
      return entries.length;
    },
    values,
  };
}
