import type { Score, UnknownReason } from '@couchestor/shared/messages';
import { twoSpeedScore, type Part as Piece } from '@couchestor/shared/scoring';
import type { ScoreQueries, TwoSpeedNumbers } from './score-queries.ts';
import type { MetricsReport, ScoreTable } from './score-table.ts';
import type { Steps } from './steps.ts';

/** Series of an instant vector: of each the value of the volume's label, empty if it has none, and the number. */
export interface Samples {
  readonly labels: readonly string[];
  readonly values: ArrayLike<number>;
}

/**
 * Makes scores of what Prometheus answers, slice by slice: first how many samples each volume has, then when the last
 * one was taken and how far apart they are, then the numbers themselves, which are judged by the rest as they come.
 * Where a source has no such evidence there are only the numbers.
 */
export interface ScoreFold {
  readonly counted: (samples: Samples) => void;
  /** In seconds since 1970. */
  readonly seenLast: (samples: Samples) => void;
  /** The volume that shows best how far apart samples are: of those that still have some, the one with most. */
  readonly mostSampled: () => string | undefined;
  /** Undefined if that could not be seen. */
  readonly spaced: (intervalMs: number | undefined) => void;
  /** `piece` is the index of the piece of the past, where there are several. */
  readonly valued: (samples: Samples, piece: number) => void;
  /** How many samples a piece of the past must have to be known. */
  readonly samplesDue: (piece: Piece) => number;
  readonly finish: () => Steps<ScoreTable>;
}

/** Samples may be this many intervals late, and at least so many milliseconds, before a series counts as stale. */
const STALE_INTERVALS = 3;
const STALE_MIN_MS = 5_000;
/** Of the samples due in a piece of the past, as many must be there. */
const PIECE_COVERAGE = 0.8;
/** Volumes that are finished in one step. */
const STEP = 1_000;

const unknown = (reason: UnknownReason): Score => ({ kind: 'unknown', reason });
const ambiguous = unknown('Ambiguous');
const noNumber = unknown('QueryFailed');
const stale = unknown('Stale');

/**
 * Coverage is the share of the samples due in the window, by the interval that samples are seen to have, that a volume
 * has: a volume whose series began lately, because it was published lately, has few, and so has everything after
 * Prometheus was down. A number that no rate can have (NaN, infinite, negative) is no value, and what is found twice for
 * one volume is not to be guessed.
 */
export function createScoreFold(queries: ScoreQueries, atMs: number, volumeIdOf: (label: string) => string): ScoreFold {
  const counts = new Map<string, number>();
  const lastTimes = new Map<string, number>();
  const valued = new Set<string>();
  const scores = new Map<string, Score>();
  const { evidence, windowMs, numbers } = queries;
  const pieces = numbers.kind === 'twoSpeed' ? createPieces(numbers) : undefined;
  // A volume that has samples but no value is known to exist, so it is not told that it has no series.
  const withoutValue = unknown(evidence?.withoutValue ?? 'NoSeries');
  let most: { readonly label: string; readonly count: number } | undefined;
  let intervalMs: number | undefined;
  let due: number | undefined;
  let staleAfterMs = STALE_MIN_MS;

  const each = ({ labels, values }: Samples, take: (volumeId: string, value: number, label: string) => void): void => {
    let index = 0;
    for (const label of labels) {
      if (label !== '') take(volumeIdOf(label), values[index] ?? Number.NaN, label);
      index += 1;
    }
  };
  // What is NaN, because it was found twice, is not fresh either.
  const isStale = (volumeId: string): boolean =>
    !(atMs - (lastTimes.get(volumeId) ?? Number.NaN) * 1_000 <= staleAfterMs);
  const judge = (volumeId: string, iops: number): Score => {
    if (!Number.isFinite(iops) || iops < 0) return noNumber;
    if (evidence === undefined) return { kind: 'value', iops, coverage: 1 };
    if (isStale(volumeId)) return stale;
    const count = counts.get(volumeId);
    const coverage = due === undefined || count === undefined ? 0 : Math.min(1, count / due);
    return { kind: 'value', iops, coverage: Number.isFinite(coverage) ? coverage : 0 };
  };
  const once = (known: Map<string, number>, volumeId: string, value: number): void => {
    known.set(volumeId, known.has(volumeId) ? Number.NaN : value);
  };
  return {
    counted: (samples) =>
      each(samples, (volumeId, count) => {
        once(counts, volumeId, count);
        scores.set(volumeId, withoutValue);
      }),
    seenLast: (samples) =>
      each(samples, (volumeId, seconds, label) => {
        once(lastTimes, volumeId, seconds);
        const count = counts.get(volumeId) ?? 0;
        if (count > (most?.count ?? 0)) most = { label, count };
      }),
    mostSampled: () => most?.label,
    spaced: (spacing) => {
      intervalMs = spacing;
      due = spacing === undefined ? undefined : Math.max(2, Math.floor(windowMs / spacing));
      staleAfterMs = Math.max(STALE_MIN_MS, STALE_INTERVALS * (spacing ?? 0));
    },
    samplesDue: ({ fromMs, toMs }) =>
      intervalMs === undefined ? 2 : Math.max(2, Math.ceil(PIECE_COVERAGE * Math.floor((fromMs - toMs) / intervalMs))),
    valued: (samples, piece) =>
      each(samples, (volumeId, iops) => {
        if (pieces !== undefined) {
          pieces.add(volumeId, piece, iops);
          return;
        }
        scores.set(volumeId, valued.has(volumeId) ? ambiguous : judge(volumeId, iops));
        valued.add(volumeId);
      }),
    finish: function* () {
      if (pieces !== undefined) {
        let done = 0;
        for (const volumeId of pieces.volumeIds()) {
          scores.set(volumeId, isStale(volumeId) ? stale : pieces.scoreOf(volumeId));
          done += 1;
          if (done % STEP === 0) yield;
        }
      }
      return { metrics: report(queries, scores.size), scores, absent: 'NoSeries' };
    },
  };
}

interface Pieces {
  add(volumeId: string, piece: number, iops: number): void;
  volumeIds(): Iterable<string>;
  scoreOf(volumeId: string): Score;
}

/** What is known of each volume, piece by piece of the past. */
function createPieces({ pieces, memories }: TwoSpeedNumbers): Pieces {
  const known = new Map<string, (number | undefined)[]>();
  const spoilt = new Map<string, Score>();
  return {
    add: (volumeId, piece, iops) => {
      const values = known.get(volumeId) ?? Array.from<undefined>({ length: pieces.length });
      if (!Number.isFinite(iops) || iops < 0) spoilt.set(volumeId, noNumber);
      if (values[piece] !== undefined) spoilt.set(volumeId, ambiguous);
      values[piece] = iops;
      known.set(volumeId, values);
    },
    volumeIds: () => known.keys(),
    scoreOf: (volumeId) => spoilt.get(volumeId) ?? twoSpeedScore(pieces, known.get(volumeId) ?? [], memories),
  };
}

/** How far apart samples are: the middle one of the gaps of the series that has most of them. */
export function intervalOf(timesMs: readonly (readonly number[])[]): number | undefined {
  const longest = timesMs.reduce((most, times) => (times.length > most.length ? times : most), [] as readonly number[]);
  const gaps = longest.slice(1).map((time, index) => time - (longest[index] ?? time));
  const ascending = gaps.filter((gap) => gap > 0).sort((a, b) => a - b);
  return ascending[Math.floor(ascending.length / 2)];
}

function report({ source, description, volumeLabel }: ScoreQueries, found: number): MetricsReport {
  if (found > 0) return { available: true, reason: 'MetricsAvailable', message: description, source };
  const message = `${description} There is no series with the label ${volumeLabel}.`;
  return { available: false, reason: 'NoSeries', message, source };
}
