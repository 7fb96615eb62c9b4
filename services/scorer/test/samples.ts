import type { Samples } from '../src/core/fold-scores.ts';

export type Entry = readonly [label: string, value: number];

/** Series as Prometheus answers them. */
export function samplesOf(entries: readonly Entry[]): Samples {
  return { labels: entries.map(([label]) => label), values: entries.map(([, value]) => value) };
}
