import type { PolicyConditionType, PolicyPhase, Tier } from '@couchestor/shared/policy';

/** `status` of a StoragePolicy in our terms; how Kubernetes writes it is the adapter's matter. */

export interface Condition {
  readonly type: PolicyConditionType;
  readonly status: 'True' | 'False' | 'Unknown';
  /** One word in PascalCase, stable, for programs. */
  readonly reason: string;
  readonly message: string;
  readonly observedGeneration: number;
  /** When `status` last changed. */
  readonly lastTransitionMs: number;
}

export interface HistoryEntry {
  readonly migrationId: string;
  readonly volumeName: string;
  readonly endedAtMs: number;
  /** Absent if the replicas were on pools of no tier. */
  readonly fromTier: Tier | 'mixed' | undefined;
  readonly toTier: Tier;
  readonly triggerIops: number | undefined;
  readonly durationMs: number;
  readonly success: boolean;
  readonly error: string | undefined;
}

/** How far the stream of migration events is counted. Another creation time is another stream. */
export interface Checkpoint {
  readonly streamCreatedAt: string;
  readonly lastSequence: number;
}

/** What has been folded from migration events: counters, history and checkpoint, always written together. */
export interface Ledger {
  /** Moves that were completed. */
  readonly totalMigrations: number;
  readonly failedMigrations: number;
  /** Newest first. */
  readonly history: readonly HistoryEntry[];
  readonly applied: Checkpoint | undefined;
}

/** Where the replicas of the volumes are that a policy claims. */
export interface PlacementCounts {
  readonly watchedVolumes: number;
  readonly hotVolumes: number;
  readonly warmVolumes: number;
  readonly coldVolumes: number;
  readonly mixedVolumes: number;
}

export interface PolicyStatus extends Ledger, PlacementCounts {
  readonly phase: PolicyPhase;
  readonly activeMigrations: number;
  readonly observedGeneration: number;
  readonly conditions: readonly Condition[];
  /** When anything else in the status last changed. */
  readonly lastReconcileMs: number | undefined;
}

export const emptyLedger: Ledger = { totalMigrations: 0, failedMigrations: 0, history: [], applied: undefined };
