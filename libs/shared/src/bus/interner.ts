/**
 * Makes equal values one and the same in memory. Messages bring each value anew: of 100,000 volumes each would hold copies
 * of its own of the names of the same nodes and pools, and of the same labels.
 */
export interface Interner {
  /** Replaces what is below one of the keys, at any depth within the value, by the first that was equal to it. */
  readonly within: (value: unknown) => void;
}

/** What is larger is seldom said twice. */
const TEXT_LENGTH_MAX = 512;

/**
 * @param keys below which many messages say the same: texts, or records and lists of them
 * @param valuesMax so many are known at a time; when there are more it begins anew, and there is one copy more of each
 */
export function createInterner(keys: ReadonlySet<string>, valuesMax = 10_000): Interner {
  const firsts = new Map<string, unknown>();
  const firstOf = (value: string | object): unknown => {
    // No JSON of a record or a list is the JSON of a text.
    const text = JSON.stringify(value);
    if (text.length > TEXT_LENGTH_MAX) return value;
    const first = firsts.get(text);
    if (first !== undefined) return first;
    if (firsts.size >= valuesMax) firsts.clear();
    firsts.set(text, typeof value === 'string' ? value : Object.freeze(value));
    return value;
  };
  const within = (value: unknown): void => {
    if (Array.isArray(value)) {
      for (const item of value) within(item);
      return;
    }
    if (typeof value !== 'object' || value === null) return;
    const fields = value as Record<string, unknown>;
    for (const key of Object.keys(fields)) {
      const field = fields[key];
      if (!keys.has(key)) within(field);
      else if (typeof field === 'string' || (typeof field === 'object' && field !== null)) fields[key] = firstOf(field);
    }
  };
  return { within };
}
