import type { Score } from '@couchestor/shared/messages';
import type { ScoreQueries } from './score-queries.ts';
import type { MetricsReport, ScoreTable } from './score-table.ts';

/** One series of an instant vector: the value of the volume's label, undefined if it has none, and the number. */
export type Sample = readonly [label: string | undefined, value: number];

export interface Answers {
  readonly value: readonly Sample[];
  readonly evidence?: {
    readonly sampleCount: readonly Sample[];
    /** Seconds since 1970. */
    readonly lastSampleTime: readonly Sample[];
    /** How far apart samples are; undefined if that could not be seen. */
    readonly intervalMs: number | undefined;
  };
}

/** Samples may be this many intervals late, and at least so many milliseconds, before a series counts as stale. */
const STALE_INTERVALS = 3;
const STALE_MIN_MS = 5_000;

/**
 * Makes scores of what Prometheus answered. Coverage is the share of the samples due in the window, by the interval that
 * samples are seen to have, that a volume has: a volume whose series began lately, because it was published lately, has
 * few, and so has everything after Prometheus was down. A number that no rate can have (NaN, infinite, negative) is no
 * value.
 */
export function foldScores(
  queries: ScoreQueries,
  answers: Answers,
  atMs: number,
  volumeIdOf: (label: string) => string,
): ScoreTable {
  const values = byVolume(answers.value, volumeIdOf);
  const scores = new Map<string, Score>();
  const { evidence } = answers;
  const trust = evidence === undefined ? undefined : evidenceOf(evidence, queries.windowMs, atMs, volumeIdOf);
  for (const [volumeId, iops] of values) scores.set(volumeId, judge(volumeId, iops, trust));
  if (trust !== undefined && queries.evidence !== undefined) {
    // A volume that has samples but no value is known to exist, so it is not told that it has no series.
    const reason = queries.evidence.withoutValue;
    for (const volumeId of trust.counts.keys()) {
      if (!scores.has(volumeId)) scores.set(volumeId, { kind: 'unknown', reason });
    }
  }
  return { metrics: report(queries, scores.size), scores, absent: 'NoSeries' };
}

/** How far apart samples are: the middle one of the gaps of the series that has most of them. */
export function intervalOf(timesMs: readonly (readonly number[])[]): number | undefined {
  const longest = timesMs.reduce((most, times) => (times.length > most.length ? times : most), [] as readonly number[]);
  const gaps = longest.slice(1).map((time, index) => time - (longest[index] ?? time));
  const ascending = gaps.filter((gap) => gap > 0).sort((a, b) => a - b);
  return ascending[Math.floor(ascending.length / 2)];
}

type OneOrMany = number | 'many';

/** What is found twice for one volume is not to be guessed. */
function byVolume(samples: readonly Sample[], volumeIdOf: (label: string) => string): ReadonlyMap<string, OneOrMany> {
  const found = new Map<string, OneOrMany>();
  for (const [label, value] of samples) {
    if (label === undefined || label === '') continue;
    const volumeId = volumeIdOf(label);
    found.set(volumeId, found.has(volumeId) ? 'many' : value);
  }
  return found;
}

interface Trust {
  readonly counts: ReadonlyMap<string, OneOrMany>;
  readonly coverageOf: (volumeId: string) => number;
  readonly isStale: (volumeId: string) => boolean;
}

function evidenceOf(
  { sampleCount, lastSampleTime, intervalMs }: NonNullable<Answers['evidence']>,
  windowMs: number,
  atMs: number,
  volumeIdOf: (label: string) => string,
): Trust {
  const counts = byVolume(sampleCount, volumeIdOf);
  const lastTimes = byVolume(lastSampleTime, volumeIdOf);
  const due = intervalMs === undefined ? undefined : Math.max(2, Math.floor(windowMs / intervalMs));
  const staleAfterMs = Math.max(STALE_MIN_MS, STALE_INTERVALS * (intervalMs ?? 0));
  return {
    counts,
    coverageOf: (volumeId) => {
      const count = counts.get(volumeId);
      return typeof count === 'number' && due !== undefined ? Math.min(1, count / due) : 0;
    },
    isStale: (volumeId) => {
      const last = lastTimes.get(volumeId);
      return typeof last !== 'number' || atMs - last * 1_000 > staleAfterMs;
    },
  };
}

function judge(volumeId: string, iops: OneOrMany, trust: Trust | undefined): Score {
  if (iops === 'many') return { kind: 'unknown', reason: 'Ambiguous' };
  if (!Number.isFinite(iops) || iops < 0) return { kind: 'unknown', reason: 'QueryFailed' };
  if (trust === undefined) return { kind: 'value', iops, coverage: 1 };
  if (trust.isStale(volumeId)) return { kind: 'unknown', reason: 'Stale' };
  return { kind: 'value', iops, coverage: trust.coverageOf(volumeId) };
}

function report({ source, description, volumeLabel }: ScoreQueries, found: number): MetricsReport {
  if (found > 0) return { available: true, reason: 'MetricsAvailable', message: description, source };
  const message = `${description} There is no series with the label ${volumeLabel}.`;
  return { available: false, reason: 'NoSeries', message, source };
}
