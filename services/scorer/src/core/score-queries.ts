import type { PolicySpec } from '@couchestor/shared/policy';
import { memoriesOf, twoSpeedParts, type Memories, type Part as Piece } from '@couchestor/shared/scoring';
import { formatDuration } from '@couchestor/shared/units';
import { queryProblem, selectorProblem } from './promql.ts';
import type { MetricSourceName, MetricsReport } from './score-table.ts';

const READS = 'volume_num_read_ops';
const WRITES = 'volume_num_write_ops';
const GAUGE = 'openebs_volume_iops';
const GAUGE_LABEL = 'volume_id';

/** Metrics whose existence decides what `Auto` means. */
export const DISCOVERED_METRICS: readonly string[] = [READS, WRITES, GAUGE];

/** Parts of the window whose rates P95 ranks. */
const SUB_WINDOWS = 12;

/** A label matcher that leaves a part of the volumes, or empty for all. */
export type Part = string;

/** One query gives the IOPS of each volume. */
interface OneNumber {
  readonly kind: 'one';
  readonly query: (part: Part) => string;
}

/**
 * One query for each piece of the past gives the IOPS of the volumes that have enough samples in it; both memories are
 * made of these. Some nine queries, over four of the longer memory in all.
 */
export interface TwoSpeedNumbers {
  readonly kind: 'twoSpeed';
  readonly memories: Memories;
  readonly pieces: readonly Piece[];
  readonly query: (piece: Piece, samplesMin: number, part: Part) => string;
}

/**
 * What is asked of Prometheus for one (source, window): a few bulk queries, however many volumes there are.
 * `numbers` gives the IOPS. The other three say whether to believe it, and are absent where only the user knows which
 * samples a query is made of: how many samples each volume has in the window, when its last one was taken, and (asked of
 * a single volume) how far apart samples are.
 */
export interface ScoreQueries {
  /** The same for policies that can share the answers. */
  readonly key: string;
  readonly source: MetricSourceName;
  readonly windowMs: number;
  /** Label whose value names the volume. */
  readonly volumeLabel: string;
  readonly numbers: OneNumber | TwoSpeedNumbers;
  readonly evidence?: {
    readonly sampleCount: (part: Part) => string;
    readonly lastSampleTime: (part: Part) => string;
    /** Raw samples of the volume of that label value. */
    readonly samplesOf: (volume: string) => string;
    /** Why a volume that has samples may have no value. */
    readonly withoutValue: 'LowCoverage' | 'Ambiguous';
  };
  /**
   * What stands before the volume's id in the label, as a regular expression. By it the volumes are parted where one
   * answer about all of them would be too much; absent where a query cannot be parted.
   */
  readonly idPrefix?: string;
  /** Where the numbers come from, for people. */
  readonly description: string;
}

export type ChosenQueries =
  | { readonly kind: 'queries'; readonly queries: ScoreQueries }
  | { readonly kind: 'none'; readonly metrics: MetricsReport };

/** `existing` are those of the discovered metrics that Prometheus has; asked for by `Auto` alone. */
export function chooseQueries(spec: PolicySpec, existing: ReadonlySet<string>): ChosenQueries {
  const { metrics, scoring, samplingWindowMs: windowMs } = spec;
  if (scoring.method !== 'Average' && metrics.source === 'PromQL') {
    const message = `scoring.method ${scoring.method} is not available for the source PromQL; use Average.`;
    return none('MethodUnavailable', message);
  }
  const method: Method =
    scoring.method === 'TwoSpeed' ? { name: 'TwoSpeed', memories: memoriesOf(spec) } : { name: scoring.method };
  switch (metrics.source) {
    case 'MayastorCounters':
      return chosen(counterQueries(windowMs, method));
    case 'Gauge': {
      const { query = GAUGE, volumeLabel = GAUGE_LABEL } = metrics;
      const problem = selectorProblem(query, volumeLabel);
      return problem === undefined
        ? chosen(gaugeQueries(windowMs, method, query, volumeLabel))
        : none('QueryInvalid', problem);
    }
    case 'PromQL': {
      const queries = userQueries(windowMs, metrics.query ?? '', metrics.volumeLabel);
      const problem = queryProblem(withWindow(metrics.query ?? '', windowMs), queries.volumeLabel);
      return problem === undefined ? chosen(queries) : none('QueryInvalid', problem);
    }
    case 'Auto':
      if (existing.has(READS) && existing.has(WRITES)) return chosen(counterQueries(windowMs, method));
      if (existing.has(GAUGE)) return chosen(gaugeQueries(windowMs, method, GAUGE, GAUGE_LABEL));
      return none(
        'NoSeries',
        `Prometheus has neither ${READS} and ${WRITES} (the exporter of Mayastor, from 2.6 on) nor ${GAUGE}.`,
      );
  }
}

type Method = { readonly name: 'Average' | 'P95' } | { readonly name: 'TwoSpeed'; readonly memories: Memories };

const chosen = (queries: ScoreQueries): ChosenQueries => ({ kind: 'queries', queries });
const none = (reason: MetricsReport['reason'], message: string): ChosenQueries => ({
  kind: 'none',
  metrics: { available: false, reason, message },
});

/** In how many steps the volumes can be parted: by no, one or two digits of their ids. */
export const PARTING_MAX = 2;

/** All volumes in one part, or in 16 or 256 by their ids and one more for those that have no id in the label. */
export function partsOf({ volumeLabel, idPrefix }: ScoreQueries, parting: number): readonly Part[] {
  if (parting === 0 || idPrefix === undefined) return [''];
  const digits = Array.from({ length: 16 ** parting }, (_, index) => index.toString(16).padStart(parting, '0'));
  return [
    ...digits.map((start) => `${volumeLabel}=~"${idPrefix}${start}.*"`),
    `${volumeLabel}!~"${idPrefix}[0-9a-f]{${parting}}.*"`,
  ];
}

/**
 * Mayastor's counters, exported as gauges on the node of the volume's target. `max` over what is the same volume on the
 * same node takes duplicates of a scrape out; `sum` over the nodes joins the parts of a window in which the target moved.
 * A rate over the window divides by all of it, so the parts add up.
 */
function counterQueries(windowMs: number, method: Method): ScoreQueries {
  const window = promDuration(windowMs);
  const range = promDuration(Math.max(1_000, Math.ceil(windowMs / SUB_WINDOWS / 1_000) * 1_000));
  const perNode = (series: string): string => `max by (pv_name, node) (${series})`;
  const rate = (metric: string, part: Part, over: string): string => `rate(${withMatcher(metric, part)}${over})`;
  const average = (part: Part, over: string): string =>
    `sum by (pv_name) (${perNode(rate(READS, part, over))} + ${perNode(rate(WRITES, part, over))})`;
  const count = (part: Part, over: string): string =>
    `sum by (pv_name) (${perNode(`count_over_time(${withMatcher(READS, part)}${over})`)})`;
  const p95 = (part: Part): string =>
    `max by (pv_name) (quantile_over_time(0.95, (${rate(READS, part, `[${range}]`)} + ${rate(WRITES, part, `[${range}]`)})[${window}:${range}]))`;
  return {
    key: `MayastorCounters ${keyOf(method)} ${window}`,
    source: 'MayastorCounters',
    windowMs,
    volumeLabel: 'pv_name',
    numbers: numbersOf(method, {
      average: (part) => average(part, `[${window}]`),
      p95,
      piece: (over, samplesMin, part) => `${average(part, over)} and (${count(part, over)} >= ${samplesMin})`,
    }),
    evidence: {
      sampleCount: (part) => count(part, `[${countedRange(windowMs, method)}]`),
      lastSampleTime: (part) => `max by (pv_name) (timestamp(${withMatcher(READS, part)}))`,
      samplesOf: (volume) => `${READS}{pv_name=${quoted(volume)}}[${promDuration(sampledRangeMs(windowMs))}]`,
      withoutValue: 'LowCoverage',
    },
    idPrefix: 'pvc-',
    description: `${said(method, windowMs)} of ${READS} and ${WRITES} by pv_name.`,
  };
}

/** A gauge of IOPS that somebody records. Series of one volume that disagree by more than 1 % have no value;
 * what is below zero has one, so that it is seen to be none. */
function gaugeQueries(windowMs: number, method: Method, metric: string, volumeLabel: string): ScoreQueries {
  const window = promDuration(windowMs);
  const by = (aggregation: string, series: string): string => `${aggregation} by (${volumeLabel}) (${series})`;
  const agreed = (series: string): string =>
    `${by('max', series)} unless ((${by('max', series)} > 1.01 * ${by('min', series)}) > 0)`;
  const average = (part: Part, over: string): string => agreed(`avg_over_time(${withMatcher(metric, part)}${over})`);
  const count = (part: Part, over: string): string => by('max', `count_over_time(${withMatcher(metric, part)}${over})`);
  return {
    key: `Gauge ${keyOf(method)} ${window} ${metric} ${volumeLabel}`,
    source: 'Gauge',
    windowMs,
    volumeLabel,
    numbers: numbersOf(method, {
      average: (part) => average(part, `[${window}]`),
      p95: (part) => agreed(`quantile_over_time(0.95, ${withMatcher(metric, part)}[${window}])`),
      piece: (over, samplesMin, part) => `${average(part, over)} and (${count(part, over)} >= ${samplesMin})`,
    }),
    evidence: {
      sampleCount: (part) => count(part, `[${countedRange(windowMs, method)}]`),
      lastSampleTime: (part) => by('max', `timestamp(${withMatcher(metric, part)})`),
      samplesOf: (volume) =>
        `${withMatcher(metric, `${volumeLabel}=${quoted(volume)}`)}[${promDuration(sampledRangeMs(windowMs))}]`,
      withoutValue: 'Ambiguous',
    },
    idPrefix: '(pvc-)?',
    description: `${said(method, windowMs)} of the gauge ${metric} by ${volumeLabel}.`,
  };
}

interface QueryForms {
  readonly average: (part: Part) => string;
  readonly p95: (part: Part) => string;
  /** The average over a range, such as `[900s] offset 60s`, of those that have so many samples in it. */
  readonly piece: (over: string, samplesMin: number, part: Part) => string;
}

function numbersOf(method: Method, { average, p95, piece }: QueryForms): ScoreQueries['numbers'] {
  switch (method.name) {
    case 'Average':
      return { kind: 'one', query: average };
    case 'P95':
      return { kind: 'one', query: p95 };
    case 'TwoSpeed': {
      const { memories } = method;
      return {
        kind: 'twoSpeed',
        memories,
        pieces: twoSpeedParts(memories),
        query: ({ fromMs, toMs }, samplesMin, part) => {
          const offset = toMs === 0 ? '' : ` offset ${promDuration(toMs)}`;
          return piece(`[${promDuration(fromMs - toMs)}]${offset}`, samplesMin, part);
        },
      };
    }
  }
}

/** With two memories each piece of the past is counted by itself; then this only finds a volume that has samples. */
function countedRange(windowMs: number, method: Method): string {
  return promDuration(method.name === 'TwoSpeed' ? sampledRangeMs(method.memories.promoteMs) : windowMs);
}

/** `$window` in the user's query stands for the sampling window. */
function userQueries(windowMs: number, query: string, volumeLabel = 'pv_name'): ScoreQueries {
  const value = withWindow(query, windowMs);
  return {
    key: `PromQL ${volumeLabel} ${value}`,
    source: 'PromQL',
    windowMs,
    volumeLabel,
    numbers: { kind: 'one', query: () => value },
    description: `The query of the policy, by ${volumeLabel}. Its coverage is not measured.`,
  };
}

const withWindow = (query: string, windowMs: number): string => query.replaceAll('$window', promDuration(windowMs));

/** Prometheus' notation, exact to the millisecond. */
export function promDuration(ms: number): string {
  return ms % 1_000 === 0 ? `${ms / 1_000}s` : `${ms}ms`;
}

/** A part of a long window tells as well how far apart samples are. */
const sampledRangeMs = (windowMs: number): number => Math.min(windowMs, 3_600_000);

const quoted = (value: string): string => JSON.stringify(value);

function withMatcher(selector: string, matcher: string): string {
  if (matcher === '') return selector;
  const end = selector.lastIndexOf('}');
  if (end < 0) return `${selector}{${matcher}}`;
  const before = selector.slice(0, end).trimEnd().replace(/,$/, '');
  return before.endsWith('{') ? `${before}${matcher}}` : `${before},${matcher}}`;
}

function keyOf(method: Method): string {
  return method.name === 'TwoSpeed' ? `TwoSpeed ${method.memories.promoteMs} ${method.memories.demoteMs}` : method.name;
}

function said(method: Method, windowMs: number): string {
  switch (method.name) {
    case 'Average':
      return `The average over ${formatDuration(windowMs)}`;
    case 'P95':
      return `The 95th percentile over ${formatDuration(windowMs)}`;
    case 'TwoSpeed': {
      const { promoteMs, demoteMs } = method.memories;
      return `The averages with memories of ${formatDuration(promoteMs)} and ${formatDuration(demoteMs)}`;
    }
  }
}
