import { foldScores, intervalOf, type Answers } from './core/fold-scores.ts';
import { chooseQueries, DISCOVERED_METRICS, type ScoreQueries } from './core/score-queries.ts';
import { unknownScores, type MetricsReport, type ScoreTable } from './core/score-table.ts';
import type { PolicySpec } from '@couchestor/shared/policy';
import { MetricsError } from './metrics-error.ts';
import type { MetricsServer } from './ports.ts';

/** Beyond this the clocks of Prometheus and ours differ too much for windows and cooldowns to mean the same. */
const CLOCK_SKEW_MAX_MS = 30_000;
/** Metrics that had no series for so long do not exist. */
const DISCOVERY_MIN_MS = 300_000;

export interface MeasureInput {
  readonly server: MetricsServer;
  readonly specs: readonly PolicySpec[];
  /** The volume that a label value names. */
  readonly volumeIdOf: (label: string) => string;
  readonly nowMs: () => number;
  readonly signal: AbortSignal;
}

/** The scores of one cycle. */
export interface Measurement {
  /** Of a policy, by what its spec asks for; undefined if that was not asked for in this cycle. */
  tableOf(spec: PolicySpec): ScoreTable | undefined;
  /** What is wrong with the connection; undefined if Prometheus answered. */
  readonly problem: string | undefined;
}

/**
 * Asks Prometheus for the scores of all policies: at one moment, its own, and once for policies that ask for the same.
 * Never rejects but for the signal: what cannot be had is unknown, with the reason.
 */
export async function measureScores(input: MeasureInput): Promise<Measurement> {
  const { server, specs, signal } = input;
  const tables = new Map<string, ScoreTable>();
  let existing: ReadonlySet<string> = new Set();
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
    for (const spec of specs) {
      const chosen = chooseQueries(spec, existing);
      if (chosen.kind === 'none' || tables.has(chosen.queries.key)) continue;
      const table = await measure(input, chosen.queries, atMs);
      tables.set(chosen.queries.key, skewMs > CLOCK_SKEW_MAX_MS ? skewed(table) : table);
    }
  } catch (error) {
    if (!(error instanceof MetricsError)) throw error;
    const table = failed(error);
    return { tableOf: () => table, problem: error.message };
  }
  const unavailable = [...tables.values()].find(({ metrics }) => metrics.reason === 'PrometheusUnavailable');
  return {
    tableOf: (spec) => {
      const chosen = chooseQueries(spec, existing);
      return chosen.kind === 'none' ? unknownScores('NoSeries', chosen.metrics) : tables.get(chosen.queries.key);
    },
    problem: unavailable?.metrics.message,
  };
}

async function measure(input: MeasureInput, queries: ScoreQueries, atMs: number): Promise<ScoreTable> {
  try {
    return foldScores(queries, await answersOf(input, queries, atMs), atMs, input.volumeIdOf);
  } catch (error) {
    if (error instanceof MetricsError) return failed(error, queries);
    throw error;
  }
}

async function answersOf({ server, signal }: MeasureInput, queries: ScoreQueries, atMs: number): Promise<Answers> {
  const ask = (query: string) => server.vector(query, queries.volumeLabel, atMs, signal);
  const { evidence } = queries;
  if (evidence === undefined) return { value: await ask(queries.value) };
  const sampleCount = await ask(evidence.sampleCount);
  const lastSampleTime = await ask(evidence.lastSampleTime);
  // Of those that still have samples, the volume with most of them shows best how far apart they are.
  const alive = new Set(lastSampleTime.map(([label]) => label));
  const [best] = sampleCount.reduce<(typeof sampleCount)[number]>(
    (most, next) => (next[0] !== undefined && alive.has(next[0]) && next[1] > most[1] ? next : most),
    [undefined, 0],
  );
  const times = best === undefined ? [] : await server.sampleTimes(evidence.samplesOf(best), atMs, signal);
  return {
    value: await ask(queries.value),
    evidence: { sampleCount, lastSampleTime, intervalMs: intervalOf(times) },
  };
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
