import type { PolicySpec } from '@couchestor/shared/policy';
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

/**
 * What is asked of Prometheus for one (source, window): at most four bulk queries, however many volumes there are.
 * `value` gives the IOPS. The other three say whether to believe it, and are absent where only the user knows which
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
  readonly value: (part: Part) => string;
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
  if (scoring.method === 'TwoSpeed' || (scoring.method === 'P95' && metrics.source === 'PromQL')) {
    const message = `scoring.method ${scoring.method} is not available for the source ${metrics.source}; use Average.`;
    return none('MethodUnavailable', message);
  }
  const method = scoring.method;
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
      const problem = queryProblem(queries.value(''), queries.volumeLabel);
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
function counterQueries(windowMs: number, method: 'Average' | 'P95'): ScoreQueries {
  const window = promDuration(windowMs);
  const range = promDuration(Math.max(1_000, Math.ceil(windowMs / SUB_WINDOWS / 1_000) * 1_000));
  const perNode = (series: string): string => `max by (pv_name, node) (${series})`;
  const rate = (metric: string, part: Part, over: string): string => `rate(${withMatcher(metric, part)}[${over}])`;
  const average = (part: Part): string =>
    `sum by (pv_name) (${perNode(rate(READS, part, window))} + ${perNode(rate(WRITES, part, window))})`;
  const p95 = (part: Part): string =>
    `max by (pv_name) (quantile_over_time(0.95, (${rate(READS, part, range)} + ${rate(WRITES, part, range)})[${window}:${range}]))`;
  return {
    key: `MayastorCounters ${method} ${window}`,
    source: 'MayastorCounters',
    windowMs,
    volumeLabel: 'pv_name',
    value: method === 'P95' ? p95 : average,
    evidence: {
      sampleCount: (part) => `sum by (pv_name) (${perNode(`count_over_time(${withMatcher(READS, part)}[${window}])`)})`,
      lastSampleTime: (part) => `max by (pv_name) (timestamp(${withMatcher(READS, part)}))`,
      samplesOf: (volume) => `${READS}{pv_name=${quoted(volume)}}[${promDuration(sampledRangeMs(windowMs))}]`,
      withoutValue: 'LowCoverage',
    },
    idPrefix: 'pvc-',
    description: `${said(method)} of ${READS} and ${WRITES} by pv_name over ${formatDuration(windowMs)}.`,
  };
}

/** A gauge of IOPS that somebody records. Series of one volume that disagree by more than 1 % have no value. */
function gaugeQueries(windowMs: number, method: 'Average' | 'P95', metric: string, volumeLabel: string): ScoreQueries {
  const window = promDuration(windowMs);
  const over = (part: Part): string => {
    const range = `${withMatcher(metric, part)}[${window}]`;
    return method === 'P95' ? `quantile_over_time(0.95, ${range})` : `avg_over_time(${range})`;
  };
  const by = (aggregation: string, series: string): string => `${aggregation} by (${volumeLabel}) (${series})`;
  return {
    key: `Gauge ${method} ${window} ${metric} ${volumeLabel}`,
    source: 'Gauge',
    windowMs,
    volumeLabel,
    value: (part) => `${by('max', over(part))} unless (${by('max', over(part))} > 1.01 * ${by('min', over(part))})`,
    evidence: {
      sampleCount: (part) => by('max', `count_over_time(${withMatcher(metric, part)}[${window}])`),
      lastSampleTime: (part) => by('max', `timestamp(${withMatcher(metric, part)})`),
      samplesOf: (volume) =>
        `${withMatcher(metric, `${volumeLabel}=${quoted(volume)}`)}[${promDuration(sampledRangeMs(windowMs))}]`,
      withoutValue: 'Ambiguous',
    },
    idPrefix: '(pvc-)?',
    description: `${said(method)} of the gauge ${metric} by ${volumeLabel} over ${formatDuration(windowMs)}.`,
  };
}

/** `$window` in the user's query stands for the sampling window. */
function userQueries(windowMs: number, query: string, volumeLabel = 'pv_name'): ScoreQueries {
  const value = query.replaceAll('$window', promDuration(windowMs));
  return {
    key: `PromQL ${volumeLabel} ${value}`,
    source: 'PromQL',
    windowMs,
    volumeLabel,
    value: () => value,
    description: `The query of the policy, by ${volumeLabel}. Its coverage is not measured.`,
  };
}

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

function said(method: 'Average' | 'P95'): string {
  return method === 'P95' ? 'The 95th percentile' : 'The average';
}
