import { z } from 'zod';
import { DAY_MS, formatDuration, parseDurationMs, SECOND_MS } from '../units/index.ts';
import { labelSelectorSchema, selectorIsEmpty, type LabelSelector } from './label-selector.ts';

const IOPS_MAX = 100_000_000;

function duration(minMs: number, maxMs: number) {
  return z.string().transform((text, context) => {
    const ms = parseDurationMs(text);
    if (ms === undefined) {
      context.addIssue({ code: 'custom', message: `is not a duration; write it like 1h30m or 2d12h` });
      return z.NEVER;
    }
    if (ms < minMs || ms > maxMs) {
      context.addIssue({
        code: 'custom',
        message: `must lie between ${formatDuration(minMs)} and ${formatDuration(maxMs)}`,
      });
      return z.NEVER;
    }
    return ms;
  });
}

const poolSelectorSchema = labelSelectorSchema.refine((selector) => !selectorIsEmpty(selector), {
  message: 'is empty and would select every pool; name at least one label',
});

const windowSchema = z.object({
  schedule: z.string().min(1).max(256),
  duration: duration(SECOND_MS, 31 * DAY_MS),
  timeZone: z.string().max(64).default('UTC'),
  action: z.enum(['Allow', 'Deny']).default('Allow'),
  reason: z.string().max(256).optional(),
});

const limitsSchema = z.object({
  perPool: z.int().min(1).max(20).default(1),
  perNode: z.int().min(1).max(20).default(1),
  maxVolumesInMotionPercent: z.int().min(1).max(100).default(10),
  maxMovesPerHour: z.int().min(1).max(1000).default(20),
  maxConsecutiveFailures: z.int().min(1).max(100).default(3),
});

const metricsSchema = z.object({
  source: z.enum(['Auto', 'MayastorCounters', 'Gauge', 'PromQL']).default('Auto'),
  query: z.string().max(4096).optional(),
  volumeLabel: z.string().max(128).optional(),
  minCoverage: z.number().min(0).max(1).default(0.8),
  maxUnknownPercent: z.int().min(1).max(100).default(20),
});

const scoringSchema = z.object({
  method: z.enum(['Average', 'P95', 'TwoSpeed']).default('Average'),
  promoteMemory: duration(SECOND_MS, 30 * DAY_MS).optional(),
  demoteMemory: duration(SECOND_MS, 30 * DAY_MS).optional(),
});

/**
 * `spec` of a StoragePolicy as Kubernetes stores it. Read, it has every default filled in, durations in milliseconds
 * and one name for each selector. The CRD states the same bounds; this schema is what holds for a policy that was
 * stored before a rule existed.
 */
export const policySpecSchema = z
  .object({
    highWatermarkIOPS: z.int().min(1).max(IOPS_MAX).default(5000),
    lowWatermarkIOPS: z.int().min(0).max(IOPS_MAX).default(500),
    warmWatermarkIOPS: z.int().min(0).max(IOPS_MAX).optional(),
    samplingWindow: duration(SECOND_MS, 30 * DAY_MS).default(3_600_000),
    cooldownPeriod: duration(0, 365 * DAY_MS).default(DAY_MS),
    storageClassName: z.string().min(1).max(253).default('mayastor'),
    volumeSelector: labelSelectorSchema.default({}),
    nvmePoolSelector: poolSelectorSchema.optional(),
    sataPoolSelector: poolSelectorSchema.optional(),
    hotPoolSelector: poolSelectorSchema.optional(),
    coldPoolSelector: poolSelectorSchema.optional(),
    warmPoolSelector: poolSelectorSchema.optional(),
    maxConcurrentMigrations: z.int().min(1).max(100).default(2),
    migrationTimeout: duration(SECOND_MS, 7 * DAY_MS).default(1_800_000),
    enabled: z.boolean().default(true),
    dryRun: z.boolean().default(false),
    windows: z.array(windowSchema).max(20).default([]),
    limits: limitsSchema.prefault({}),
    metrics: metricsSchema.prefault({}),
    scoring: scoringSchema.prefault({}),
    capacity: z.object({ maxPoolUsedPercent: z.int().min(10).max(100).default(85) }).prefault({}),
    approval: z
      .object({
        mode: z.enum(['Automatic', 'Manual']).default('Automatic'),
        expiresAfter: duration(SECOND_MS, 365 * DAY_MS).default(DAY_MS),
      })
      .prefault({}),
    moves: z
      .object({ allowSnapshots: z.boolean().default(false), allowReducedRedundancy: z.boolean().default(false) })
      .prefault({}),
  })
  .transform((spec, context): PolicySpec => {
    const fault = (path: string, message: string): void => context.addIssue({ code: 'custom', path: [path], message });
    if (spec.lowWatermarkIOPS >= spec.highWatermarkIOPS) {
      fault(
        'lowWatermarkIOPS',
        `is ${spec.lowWatermarkIOPS} and must be less than highWatermarkIOPS (${spec.highWatermarkIOPS}); lower it or raise highWatermarkIOPS`,
      );
    }
    if (spec.warmWatermarkIOPS !== undefined) {
      if (spec.warmWatermarkIOPS <= spec.lowWatermarkIOPS || spec.warmWatermarkIOPS >= spec.highWatermarkIOPS) {
        fault(
          'warmWatermarkIOPS',
          `is ${spec.warmWatermarkIOPS} and must lie between lowWatermarkIOPS and highWatermarkIOPS`,
        );
      }
      if (spec.warmPoolSelector === undefined) fault('warmPoolSelector', 'must be set when warmWatermarkIOPS is');
    } else if (spec.warmPoolSelector !== undefined) {
      fault('warmWatermarkIOPS', 'must be set when warmPoolSelector is');
    }
    const oneOf = (
      [firstName, first]: readonly [string, LabelSelector | undefined],
      [secondName, second]: readonly [string, LabelSelector | undefined],
    ): LabelSelector => {
      if (first !== undefined && second !== undefined) {
        fault(secondName, `means the same as ${firstName}; set only one of the two`);
      }
      if (first === undefined && second === undefined) fault(firstName, 'must be set: it selects the pools of a tier');
      return first ?? second ?? {};
    };
    if (spec.metrics.source === 'PromQL' && (spec.metrics.query ?? '') === '') {
      fault('metrics', 'query must be set when source is PromQL');
    }
    const { samplingWindow, cooldownPeriod, migrationTimeout, scoring, approval } = spec;
    return {
      highWatermarkIops: spec.highWatermarkIOPS,
      lowWatermarkIops: spec.lowWatermarkIOPS,
      ...(spec.warmWatermarkIOPS === undefined ? {} : { warmWatermarkIops: spec.warmWatermarkIOPS }),
      samplingWindowMs: samplingWindow,
      cooldownMs: cooldownPeriod,
      storageClassName: spec.storageClassName,
      volumeSelector: spec.volumeSelector,
      poolSelectors: {
        hot: oneOf(['nvmePoolSelector', spec.nvmePoolSelector], ['hotPoolSelector', spec.hotPoolSelector]),
        cold: oneOf(['sataPoolSelector', spec.sataPoolSelector], ['coldPoolSelector', spec.coldPoolSelector]),
        ...(spec.warmPoolSelector === undefined ? {} : { warm: spec.warmPoolSelector }),
      },
      maxConcurrentMigrations: spec.maxConcurrentMigrations,
      migrationTimeoutMs: migrationTimeout,
      enabled: spec.enabled,
      dryRun: spec.dryRun,
      windows: spec.windows.map(({ duration: durationMs, reason, ...window }) => ({
        ...window,
        durationMs,
        ...(reason === undefined ? {} : { reason }),
      })),
      limits: spec.limits,
      metrics: {
        source: spec.metrics.source,
        minCoverage: spec.metrics.minCoverage,
        maxUnknownPercent: spec.metrics.maxUnknownPercent,
        ...(spec.metrics.query === undefined ? {} : { query: spec.metrics.query }),
        ...(spec.metrics.volumeLabel === undefined ? {} : { volumeLabel: spec.metrics.volumeLabel }),
      },
      scoring: {
        method: scoring.method,
        ...(scoring.promoteMemory === undefined ? {} : { promoteMemoryMs: scoring.promoteMemory }),
        ...(scoring.demoteMemory === undefined ? {} : { demoteMemoryMs: scoring.demoteMemory }),
      },
      maxPoolUsedPercent: spec.capacity.maxPoolUsedPercent,
      approval: { mode: approval.mode, expiresAfterMs: approval.expiresAfter },
      moves: spec.moves,
    };
  });

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
  const result = policySpecSchema.safeParse(stored ?? {});
  if (result.success) return { kind: 'valid', spec: result.data };
  const problems = result.error.issues.map(
    ({ path, message }) =>
      `spec${path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`)).join('')} ${message}`,
  );
  return { kind: 'invalid', problems: [...new Set(problems)] };
}
