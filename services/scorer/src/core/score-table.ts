import type { Score, UnknownReason } from '@couchestor/shared/messages';

export type MetricSourceName = 'MayastorCounters' | 'Gauge' | 'PromQL';

/** What became of the search for a source and of its queries; shown in the policy's conditions. */
export interface MetricsReport {
  readonly available: boolean;
  /** PascalCase and stable. */
  readonly reason:
    | 'MetricsAvailable'
    | 'NoSeries'
    | 'QueryFailed'
    | 'QueryInvalid'
    | 'PrometheusUnavailable'
    | 'NotAskedYet'
    | 'MethodUnavailable'
    | 'ClockSkew';
  /** A sentence that changes only when the state does. */
  readonly message: string;
  readonly source?: MetricSourceName;
}

/** The scores of one (source, window), taken at one moment. Policies that share both share them. */
export interface ScoreTable {
  readonly metrics: MetricsReport;
  /** By volume id. */
  readonly scores: ReadonlyMap<string, Score>;
  /** What is true of a published volume that `scores` does not list. Never a value: absent is not zero. */
  readonly absent: UnknownReason;
}

/** A table that knows nothing, for one reason. */
export function unknownScores(absent: UnknownReason, metrics: MetricsReport): ScoreTable {
  return { metrics, scores: new Map(), absent };
}

/**
 * The score of a volume. Without a target it has no series that could be told from an idle one; with too few of its
 * samples present it is not known what it did meanwhile.
 */
export function scoreOf(table: ScoreTable, volumeId: string, published: boolean, minCoverage: number): Score {
  if (!published) return { kind: 'unknown', reason: 'NotPublished' };
  const score = table.scores.get(volumeId) ?? { kind: 'unknown', reason: table.absent };
  if (score.kind === 'value' && score.coverage < minCoverage) return { kind: 'unknown', reason: 'LowCoverage' };
  return score;
}
