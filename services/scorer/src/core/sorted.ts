import type { Steps } from './steps.ts';

/** Short enough to be sorted in one step. */
const RUN = 512;

/** Sorts as `Array.sort` does, in steps: runs first, then merges of two, until one is left. */
export function* sorted<T>(items: readonly T[], compare: (a: T, b: T) => number): Steps<readonly T[]> {
  let runs: (readonly T[])[] = [];
  for (let from = 0; from < items.length; from += RUN) {
    runs.push(items.slice(from, from + RUN).sort(compare));
    yield;
  }
  while (runs.length > 1) {
    const merged: (readonly T[])[] = [];
    for (let index = 0; index < runs.length; index += 2) {
      merged.push(yield* merge(runs[index] ?? [], runs[index + 1] ?? [], compare));
    }
    runs = merged;
  }
  return runs[0] ?? [];
}

function* merge<T>(first: readonly T[], second: readonly T[], compare: (a: T, b: T) => number): Steps<readonly T[]> {
  const merged: T[] = [];
  let [i, j] = [0, 0];
  while (i < first.length || j < second.length) {
    const [a, b] = [first[i], second[j]];
    const takesFirst = j >= second.length || (i < first.length && compare(a as T, b as T) <= 0);
    if (takesFirst) i += 1;
    else j += 1;
    merged.push((takesFirst ? a : b) as T);
    if (merged.length % RUN === 0) yield;
  }
  return merged;
}
