import { readDuration } from './duration-field.ts';
import type { LabelSelector } from './label-selector.ts';
import { policySpecSchema, type StoredSpec } from './policy-schema.ts';
import { problemOf, withoutNulls, wordIssue } from './problems.ts';

/** A spec as the services use it: defaults filled in, durations in milliseconds, one name for each selector. */
export interface PolicySpec {
  readonly highWatermarkIops: number;
  readonly lowWatermarkIops: number;
  readonly warmWatermarkIops?: number;
  readonly samplingWindowMs: number;
  readonly cooldownMs: number;
  readonly storageClassName: string;
  readonly volumeSelector: LabelSelector;
  /** On `metadata.labels` of DiskPools. `hot` is also written nvmePoolSelector, `cold` sataPoolSelector. */
  readonly poolSelectors: { readonly hot: LabelSelector; readonly cold: LabelSelector; readonly warm?: LabelSelector };
  readonly maxConcurrentMigrations: number;
  /** For one replica to be synced. */
  readonly migrationTimeoutMs: number;
  readonly enabled: boolean;
  readonly dryRun: boolean;
  readonly windows: readonly MaintenanceWindow[];
  readonly limits: {
    readonly perPool: number;
    readonly perNode: number;
    readonly maxVolumesInMotionPercent: number;
    readonly maxMovesPerHour: number;
    readonly maxConsecutiveFailures: number;
  };
  readonly metrics: {
    readonly source: 'Auto' | 'MayastorCounters' | 'Gauge' | 'PromQL';
    readonly query?: string;
    readonly volumeLabel?: string;
    /** Share of the samples due that must be present, 0 to 1. */
    readonly minCoverage: number;
    readonly maxUnknownPercent: number;
  };
  readonly scoring: {
    readonly method: 'Average' | 'P95' | 'TwoSpeed';
    readonly promoteMemoryMs?: number;
    readonly demoteMemoryMs?: number;
    /** Of the volumes of the policy, how many the hot tier has places for: 1 to 99. */
    readonly hotSharePercent?: number;
  };
  readonly maxPoolUsedPercent: number;
  readonly approval: { readonly mode: 'Automatic' | 'Manual'; readonly expiresAfterMs: number };
  readonly moves: { readonly allowSnapshots: boolean; readonly allowReducedRedundancy: boolean };
}

export interface MaintenanceWindow {
  readonly schedule: string;
  readonly durationMs: number;
  readonly timeZone: string;
  readonly action: 'Allow' | 'Deny';
  readonly reason?: string;
}

export type ParsedSpec =
  | { readonly kind: 'valid'; readonly spec: PolicySpec }
  /** One sentence per fault: field, what is wrong, what to change. */
  | { readonly kind: 'invalid'; readonly problems: readonly string[] };

/** Reads a stored spec; never throws, for a policy that cannot be read is a state to show, not an error to die of. */
export function parsePolicySpec(stored: unknown): ParsedSpec {
  const result = policySpecSchema.safeParse(withoutNulls(stored ?? {}), { error: wordIssue });
  if (result.success) return { kind: 'valid', spec: specOf(result.data) };
  return { kind: 'invalid', problems: [...new Set(result.error.issues.map(problemOf))] };
}

function specOf(stored: StoredSpec): PolicySpec {
  const { scoring, approval, metrics } = stored;
  return {
    highWatermarkIops: stored.highWatermarkIOPS,
    lowWatermarkIops: stored.lowWatermarkIOPS,
    ...(stored.warmWatermarkIOPS === undefined ? {} : { warmWatermarkIops: stored.warmWatermarkIOPS }),
    samplingWindowMs: readMs(stored.samplingWindow),
    cooldownMs: readMs(stored.cooldownPeriod),
    storageClassName: stored.storageClassName,
    volumeSelector: stored.volumeSelector ?? {},
    poolSelectors: {
      hot: stored.nvmePoolSelector ?? stored.hotPoolSelector ?? never('hotPoolSelector'),
      cold: stored.sataPoolSelector ?? stored.coldPoolSelector ?? never('coldPoolSelector'),
      ...(stored.warmPoolSelector === undefined ? {} : { warm: stored.warmPoolSelector }),
    },
    maxConcurrentMigrations: stored.maxConcurrentMigrations,
    migrationTimeoutMs: readMs(stored.migrationTimeout),
    enabled: stored.enabled,
    dryRun: stored.dryRun,
    windows: (stored.windows ?? []).map(({ duration, reason, ...window }) => ({
      ...window,
      durationMs: readMs(duration),
      ...(reason === undefined ? {} : { reason }),
    })),
    limits: stored.limits,
    metrics: {
      source: metrics.source,
      minCoverage: metrics.minCoverage,
      maxUnknownPercent: metrics.maxUnknownPercent,
      ...(metrics.query === undefined ? {} : { query: metrics.query }),
      ...(metrics.volumeLabel === undefined ? {} : { volumeLabel: metrics.volumeLabel }),
    },
    scoring: {
      method: scoring.method,
      ...(scoring.promoteMemory === undefined ? {} : { promoteMemoryMs: readMs(scoring.promoteMemory) }),
      ...(scoring.demoteMemory === undefined ? {} : { demoteMemoryMs: readMs(scoring.demoteMemory) }),
      ...(scoring.hotSharePercent === undefined ? {} : { hotSharePercent: scoring.hotSharePercent }),
    },
    maxPoolUsedPercent: stored.capacity.maxPoolUsedPercent,
    approval: { mode: approval.mode, expiresAfterMs: readMs(approval.expiresAfter) },
    moves: stored.moves,
  };
}

function readMs(duration: string): number {
  return readDuration(duration) ?? never(duration);
}

/** What the schema has refused before. */
function never(field: string): never {
  throw new TypeError(`the schema let through a spec without a readable ${field}`);
}
