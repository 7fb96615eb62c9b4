import { policyConditionTypes, policyPhases } from '@couchestor/shared/policy';
import { formatDuration, formatTimestamp, parseDurationMs } from '@couchestor/shared/units';
import { z } from 'zod';
import type { Condition, HistoryEntry, PolicyStatus } from '../core/status.ts';

/** `status` of a StoragePolicy as Kubernetes stores it. What is written and read back is the same again. */

const count = z.int().min(0).catch(0);
const timeMs = z.string().transform((text, context) => {
  const ms = Date.parse(text);
  if (!Number.isNaN(ms)) return ms;
  context.addIssue({ code: 'custom', message: 'is not a time' });
  return z.NEVER;
});

const conditionSchema = z.object({
  type: z.enum(policyConditionTypes),
  status: z.enum(['True', 'False', 'Unknown']),
  reason: z.string(),
  message: z.string(),
  observedGeneration: count,
  lastTransitionTime: timeMs,
});

const entrySchema = z.object({
  migrationId: z.string(),
  volumeName: z.string(),
  timestamp: timeMs,
  fromTier: z.enum(['hot', 'warm', 'cold', 'mixed']).optional(),
  toTier: z.enum(['hot', 'warm', 'cold']),
  triggerIOPS: z.number().optional(),
  duration: z.string().transform((text) => parseDurationMs(text) ?? 0),
  success: z.boolean(),
  error: z.string().optional(),
});

/** What somebody else made of single items does not cost the rest. */
function readable<S extends z.ZodType>(schema: S) {
  return z.array(z.unknown()).transform((items) =>
    items.flatMap((item): z.output<S>[] => {
      const read = schema.safeParse(item);
      return read.success ? [read.data] : [];
    }),
  );
}

const statusSchema = z.object({
  phase: z.enum(policyPhases).catch('Pending'),
  watchedVolumes: count,
  hotVolumes: count,
  warmVolumes: count,
  coldVolumes: count,
  mixedVolumes: count,
  activeMigrations: count,
  totalMigrations: count,
  failedMigrations: count,
  lastReconcileTime: timeMs.optional().catch(undefined),
  observedGeneration: count,
  conditions: readable(conditionSchema).catch([]),
  migrationHistory: readable(entrySchema).catch([]),
  appliedEvents: z
    .object({ streamCreatedAt: z.string(), lastSequence: z.int().min(0) })
    .optional()
    .catch(undefined),
});

/** Undefined for a status that was never written. */
export function parsePolicyStatus(stored: unknown): PolicyStatus | undefined {
  if (typeof stored !== 'object' || stored === null || Object.keys(stored).length === 0) return undefined;
  const read = statusSchema.safeParse(stored);
  if (!read.success) return undefined;
  const { lastReconcileTime, conditions, migrationHistory, appliedEvents, ...rest } = read.data;
  return {
    ...rest,
    lastReconcileMs: lastReconcileTime,
    conditions: conditions.map(({ lastTransitionTime, ...condition }) => ({
      ...condition,
      lastTransitionMs: lastTransitionTime,
    })),
    history: migrationHistory.map(({ timestamp, triggerIOPS, duration, fromTier, error, ...entry }) => ({
      ...entry,
      fromTier,
      error,
      endedAtMs: timestamp,
      triggerIops: triggerIOPS,
      durationMs: duration,
    })),
    applied: appliedEvents,
  };
}

export function formatPolicyStatus(status: PolicyStatus): Record<string, unknown> {
  const { lastReconcileMs, conditions, history, applied, ...rest } = status;
  return {
    ...rest,
    ...(lastReconcileMs === undefined ? {} : { lastReconcileTime: formatSeconds(lastReconcileMs) }),
    conditions: conditions.map(formatCondition),
    migrationHistory: history.map(formatEntry),
    ...(applied === undefined ? {} : { appliedEvents: applied }),
  };
}

function formatCondition({ lastTransitionMs, ...condition }: Condition): Record<string, unknown> {
  return { ...condition, lastTransitionTime: formatSeconds(lastTransitionMs) };
}

function formatEntry(entry: HistoryEntry): Record<string, unknown> {
  return {
    volumeName: entry.volumeName,
    timestamp: formatTimestamp(entry.endedAtMs),
    ...(entry.fromTier === undefined ? {} : { fromTier: entry.fromTier }),
    toTier: entry.toTier,
    ...(entry.triggerIops === undefined ? {} : { triggerIOPS: entry.triggerIops }),
    duration: formatDuration(entry.durationMs),
    success: entry.success,
    ...(entry.error === undefined ? {} : { error: entry.error }),
    migrationId: entry.migrationId,
  };
}

/** As Kubernetes itself writes times. */
function formatSeconds(ms: number): string {
  return formatTimestamp(ms).replace(/\.\d+Z$/, 'Z');
}
