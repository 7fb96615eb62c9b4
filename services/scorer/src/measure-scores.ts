import assert from 'node:assert/strict';
import { createScoreFold, intervalOf, type Samples } from './core/fold-scores.ts';
import {
  chooseQueries,
  DISCOVERED_METRICS,
  partsOf,
  PARTING_MAX,
  type Part,
  type ScoreQueries,
} from './core/score-queries.ts';
import { unknownScores, type MetricsReport, type ScoreTable } from './core/score-table.ts';
import type { Breathe } from '@couchestor/shared/clock';
import type { PolicySpec } from '@couchestor/shared/policy';
import { inSteps } from './in-steps.ts';
import { MetricsError } from './metrics-error.ts';
import type { MetricsServer, Slices } from './ports.ts';

/** Beyond this the clocks of Prometheus and ours differ too much for windows and cooldowns to mean the same. */
export const CLOCK_SKEW_MAX_MS = 30_000;
/** Metrics that had no series for so long do not exist. */
const DISCOVERY_MIN_MS = 300_000;

export interface MeasureInput {
  readonly server: MetricsServer;
  readonly specs: readonly PolicySpec[];
  /** The volume that a label value names. */
  readonly volumeIdOf: (label: string) => string;
  /** How far the volumes had to be parted for each question in the cycle before; kept for the next one. */
  readonly partings: Map<string, number>;
  readonly nowMs: () => number;
  readonly breathe: Breathe;
  readonly signal: AbortSignal;
}

/** The scores of one cycle. */
export interface Measurement {
  /** Of a policy, by what its spec asks for; undefined if that was not asked for in this cycle. */
  tableOf(spec: PolicySpec): ScoreTable | undefined;
  /** What is wrong with the connection; undefined if Prometheus answered. */
  readonly problem: string | undefined;
  /** For so long Prometheus asks to be left alone; 0 if it does not. */
  readonly restMs: number;
}

/**
 * Asks Prometheus for the scores of all policies: at one moment, its own, and once for policies that ask for the same.
 * Never rejects but for the signal: what cannot be had is unknown, with the reason.
 */
export async function measureScores(input: MeasureInput): Promise<Measurement> {
  const { server, specs, signal } = input;
  const tables = new Map<string, ScoreTable>();
  let existing: ReadonlySet<string> = new Set();
  let leftAlone: MetricsError | undefined;
  const onFailed = (error: MetricsError): void => {
    if (error.retryAfterMs > 0) leftAlone = error;
  };
  try {
    const startedMs = input.nowMs();
    const atMs = await server.nowMs(signal);
    // Its answer was made some time between the question and now.
    const skewMs = Math.max(startedMs - atMs, atMs - input.nowMs(), 0);
    const asked = specs.filter(({ metrics }) => metrics.source === 'Auto');
    if (asked.length > 0) {
      const withinMs = Math.max(DISCOVERY_MIN_MS, ...asked.map(({ samplingWindowMs }) => samplingWindowMs));
      existing = await server.existing(DISCOVERED_METRICS, atMs, withinMs, signal);
    }
    const keys = new Set<string>();
    for (const spec of specs) {
      const chosen = chooseQueries(spec, existing);
      if (chosen.kind === 'queries') keys.add(chosen.queries.key);
      if (chosen.kind === 'none' || tables.has(chosen.queries.key)) continue;
      const table =
        leftAlone === undefined
          ? await measure(input, chosen.queries, atMs, onFailed)
          : failed(leftAlone, chosen.queries);
      tables.set(chosen.queries.key, skewMs > CLOCK_SKEW_MAX_MS ? skewed(table) : table);
    }
    for (const key of input.partings.keys()) if (!keys.has(key)) input.partings.delete(key);
  } catch (error) {
    if (!(error instanceof MetricsError)) throw error;
    const table = failed(error);
    return { tableOf: () => table, problem: error.message, restMs: error.retryAfterMs };
  }
  const unavailable = [...tables.values()].find(({ metrics }) => metrics.reason === 'PrometheusUnavailable');
  return {
    tableOf: (spec) => {
      const chosen = chooseQueries(spec, existing);
      if (chosen.kind === 'queries') return tables.get(chosen.queries.key);
      return unknownScores(chosen.metrics.reason === 'NoSeries' ? 'NoSeries' : 'QueryFailed', chosen.metrics);
    },
    problem: unavailable?.metrics.message,
    restMs: leftAlone?.retryAfterMs ?? 0,
  };
}

/** Asks about all volumes at once, or about fewer at a time where that is more than Prometheus will load or we will read. */
async function measure(
  input: MeasureInput,
  queries: ScoreQueries,
  atMs: number,
  onFailed: (error: MetricsError) => void,
): Promise<ScoreTable> {
  const { partings } = input;
  for (;;) {
    const parting = partings.get(queries.key) ?? 0;
    try {
      return await measureParts(input, queries, partsOf(queries, parting), atMs);
    } catch (error) {
      if (!(error instanceof MetricsError)) throw error;
      const canPart = error.tooMuch && queries.idPrefix !== undefined;
      if (!canPart || parting >= PARTING_MAX) {
        // It may be another fault, that has nothing to do with size: the next cycle begins anew.
        partings.delete(queries.key);
        onFailed(error);
        return failed(error, queries);
      }
      partings.set(queries.key, parting + 1);
    }
  }
}

async function measureParts(
  { server, volumeIdOf, breathe, signal }: MeasureInput,
  queries: ScoreQueries,
  parts: readonly Part[],
  atMs: number,
): Promise<ScoreTable> {
  const fold = createScoreFold(queries, atMs, volumeIdOf);
  const questions = (queryOf: (part: Part) => string, take: (samples: Samples) => void): readonly Question[] =>
    parts.map((part) => ({ query: queryOf(part), take }));
  const ask = (...asked: readonly Question[]): Promise<void> =>
    askAll(asked, (query, until) => server.vector(query, queries.volumeLabel, atMs, until), breathe, signal);
  const { evidence, numbers } = queries;
  const evidenceQuestions =
    evidence === undefined
      ? []
      : [...questions(evidence.sampleCount, fold.counted), ...questions(evidence.lastSampleTime, fold.seenLast)];
  const spaceOut = async (): Promise<void> => {
    const best = fold.mostSampled();
    if (evidence === undefined) return;
    const times = best === undefined ? [] : await server.sampleTimes(evidence.samplesOf(best), atMs, signal);
    fold.spaced(intervalOf(times));
  };
  switch (numbers.kind) {
    case 'one': {
      const [first, ...others] = questions(numbers.query, (samples) => fold.valued(samples, 0));
      assert.ok(first !== undefined, 'there is one part at least');
      // The numbers can be asked for before it is known how far apart samples are, but not judged.
      await ask(...evidenceQuestions, { ...first, before: spaceOut }, ...others);
      break;
    }
    case 'twoSpeed':
      await ask(...evidenceQuestions);
      await spaceOut();
      await ask(
        ...numbers.pieces.flatMap((piece, index) => {
          const samplesMin = fold.samplesDue(piece);
          return questions(
            (part) => numbers.query(piece, samplesMin, part),
            (samples) => fold.valued(samples, index),
          );
        }),
      );
      break;
  }
  return inSteps(fold.finish(), breathe);
}

interface Question {
  readonly query: string;
  /** What has to be known before its answer is taken up. */
  readonly before?: () => Promise<void>;
  readonly take: (samples: Samples) => void;
}

/** Asks one question at a time; the next one is on its way while the answer to the one before is taken up. */
async function askAll(
  questions: readonly Question[],
  vector: (query: string, signal: AbortSignal) => Promise<Slices>,
  breathe: Breathe,
  signal: AbortSignal,
): Promise<void> {
  const ending = new AbortController();
  const either = AbortSignal.any([signal, ending.signal]);
  const begin = (question: Question | undefined): Promise<Slices> => {
    const arriving = question === undefined ? Promise.resolve([]) : vector(question.query, either);
    // It is looked at when its turn comes, if it comes.
    arriving.catch(() => undefined);
    return arriving;
  };
  try {
    let arriving = begin(questions[0]);
    for (const [index, { before, take }] of questions.entries()) {
      const slices = await arriving;
      arriving = begin(questions[index + 1]);
      await before?.();
      for await (const samples of slices) {
        take(samples);
        // The next slice may be here already.
        await breathe();
      }
    }
  } finally {
    ending.abort(new Error('no more is asked'));
  }
}

function failed(error: MetricsError, queries?: ScoreQueries): ScoreTable {
  const metrics: MetricsReport = {
    available: false,
    reason: error.reason,
    message: error.message,
    ...(queries === undefined ? {} : { source: queries.source }),
  };
  return unknownScores(error.reason, metrics);
}

function skewed(table: ScoreTable): ScoreTable {
  const message = `The clocks of Prometheus and of CoucheStor differ by more than ${CLOCK_SKEW_MAX_MS / 1_000} s; nothing starts until they agree.`;
  return { ...table, metrics: { ...table.metrics, reason: 'ClockSkew', message } };
}
