import type { PolicySpec } from '@couchestor/shared/policy';
import { formatDuration } from '@couchestor/shared/units';
import type { MetricSourceName, MetricsReport } from './score-table.ts';

const READS = 'volume_num_read_ops';
const WRITES = 'volume_num_write_ops';
const GAUGE = 'openebs_volume_iops';

/** Metrics whose existence decides what `Auto` means. */
export const DISCOVERED_METRICS: readonly string[] = [READS, WRITES, GAUGE];

/** Parts of the window whose rates P95 ranks. */
const SUB_WINDOWS = 12;

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
  readonly value: string;
  readonly evidence?: {
    readonly sampleCount: string;
    readonly lastSampleTime: string;
    /** Raw samples of the volume of that label value. */
    readonly samplesOf: (volume: string) => string;
    /** Why a volume that has samples may have no value. */
    readonly withoutValue: 'LowCoverage' | 'Ambiguous';
  };
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
    return { kind: 'none', metrics: { available: false, reason: 'MethodUnavailable', message } };
  }
  const method = scoring.method;
  switch (metrics.source) {
    case 'MayastorCounters':
      return { kind: 'queries', queries: counterQueries(windowMs, method) };
    case 'Gauge':
      return { kind: 'queries', queries: gaugeQueries(windowMs, method, metrics.query, metrics.volumeLabel) };
    case 'PromQL':
      return { kind: 'queries', queries: userQueries(windowMs, metrics.query ?? '', metrics.volumeLabel) };
    case 'Auto':
      if (existing.has(READS) && existing.has(WRITES)) {
        return { kind: 'queries', queries: counterQueries(windowMs, method) };
      }
      if (existing.has(GAUGE)) return { kind: 'queries', queries: gaugeQueries(windowMs, method) };
      return {
        kind: 'none',
        metrics: {
          available: false,
          reason: 'NoSeries',
          message: `Prometheus has neither ${READS} and ${WRITES} (the exporter of Mayastor, from 2.6 on) nor ${GAUGE}.`,
        },
      };
  }
}

/**
 * Mayastor's counters, exported as gauges on the node of the volume's target. `max` over what is the same volume on the
 * same node takes duplicates of a scrape out; `sum` over the nodes joins the parts of a window in which the target moved.
 * A rate over the window divides by all of it, so the parts add up.
 */
function counterQueries(windowMs: number, method: 'Average' | 'P95'): ScoreQueries {
  const window = promDuration(windowMs);
  const perNode = (series: string): string => `max by (pv_name, node) (${series})`;
  const average = `sum by (pv_name) (${perNode(`rate(${READS}[${window}])`)} + ${perNode(`rate(${WRITES}[${window}])`)})`;
  const part = promDuration(Math.max(1_000, Math.ceil(windowMs / SUB_WINDOWS / 1_000) * 1_000));
  const both = `rate(${READS}[${part}]) + rate(${WRITES}[${part}])`;
  const p95 = `max by (pv_name) (quantile_over_time(0.95, (${both})[${window}:${part}]))`;
  return {
    key: `MayastorCounters ${method} ${window}`,
    source: 'MayastorCounters',
    windowMs,
    volumeLabel: 'pv_name',
    value: method === 'P95' ? p95 : average,
    evidence: {
      sampleCount: `sum by (pv_name) (${perNode(`count_over_time(${READS}[${window}])`)})`,
      lastSampleTime: `max by (pv_name) (timestamp(${READS}))`,
      samplesOf: (volume) => `${READS}{pv_name=${quoted(volume)}}[${promDuration(sampledRangeMs(windowMs))}]`,
      withoutValue: 'LowCoverage',
    },
    description: `${said(method)} of ${READS} and ${WRITES} by pv_name over ${formatDuration(windowMs)}.`,
  };
}

/** A gauge of IOPS that somebody records. Series of one volume that disagree by more than 1 % have no value. */
function gaugeQueries(
  windowMs: number,
  method: 'Average' | 'P95',
  metric = GAUGE,
  volumeLabel = 'volume_id',
): ScoreQueries {
  const window = promDuration(windowMs);
  const over =
    method === 'P95' ? `quantile_over_time(0.95, ${metric}[${window}])` : `avg_over_time(${metric}[${window}])`;
  const most = `max by (${volumeLabel}) (${over})`;
  const least = `min by (${volumeLabel}) (${over})`;
  return {
    key: `Gauge ${method} ${window} ${metric} ${volumeLabel}`,
    source: 'Gauge',
    windowMs,
    volumeLabel,
    value: `${most} unless (${most} > 1.01 * ${least})`,
    evidence: {
      sampleCount: `max by (${volumeLabel}) (count_over_time(${metric}[${window}]))`,
      lastSampleTime: `max by (${volumeLabel}) (timestamp(${metric}))`,
      samplesOf: (volume) => `${withMatcher(metric, volumeLabel, volume)}[${promDuration(sampledRangeMs(windowMs))}]`,
      withoutValue: 'Ambiguous',
    },
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
    value,
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

function withMatcher(selector: string, label: string, value: string): string {
  const matcher = `${label}=${quoted(value)}`;
  const end = selector.lastIndexOf('}');
  return end < 0 ? `${selector}{${matcher}}` : `${selector.slice(0, end).replace(/,\s*$/, '')},${matcher}}`;
}

function said(method: 'Average' | 'P95'): string {
  return method === 'P95' ? 'The 95th percentile' : 'The average';
}
