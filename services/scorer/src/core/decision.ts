import type { DecisionReason, Score } from '@couchestor/shared/messages';
import type { Placement, Tier } from '@couchestor/shared/policy';

/** What is to be done with a volume, and why: every volume always has exactly one. */
export interface Decision {
  readonly volumeId: string;
  readonly volumeName: string;
  readonly policy?: { readonly policyId: string; readonly name: string; readonly generation: number };
  readonly tierNow: Placement;
  readonly tierWanted?: Tier;
  readonly action: 'move' | 'hold';
  readonly reason: DecisionReason;
  /** Sentences for people, with the numbers compared. */
  readonly message: string;
  readonly score: Score;
  readonly comparedWith?: { readonly highIops: number; readonly lowIops: number; readonly warmIops?: number };
  /** When the hold ends by itself, where that is known. */
  readonly nextEligibleAtMs?: number;
  readonly proposalId?: string;
}

/** Why a volume is not moved. */
export interface Hold {
  readonly reason: DecisionReason;
  readonly message: string;
  readonly nextEligibleAtMs?: number;
}

/** The request that a decision to move leads to. */
export interface MoveRequest {
  readonly migrationId: string;
  readonly proposalId: string;
  readonly attempt: number;
  readonly volumeId: string;
  readonly volumeName: string;
  readonly policyId: string;
  readonly policyName: string;
  readonly policyGeneration: number;
  readonly fromTier: Placement;
  readonly toTier: Tier;
  readonly reason: DecisionReason;
  readonly triggerIops?: number;
  readonly notAfterMs: number;
  readonly replicaCount: number;
  readonly replicas: readonly { readonly replicaId: string; readonly pool: string; readonly node: string }[];
  readonly targetPools: readonly string[];
  readonly sizeBytes: number;
  readonly regretsInRow: number;
}

/** What keeps a policy from starting moves. */
export type Brake =
  | 'Paused'
  | 'ClusterUpgrading'
  | 'UnsupportedMayastor'
  | 'ClockSkew'
  | 'TooManyUnknown'
  | 'WindowClosed'
  | 'StartupGrace'
  | 'VolumesInMotion'
  | 'MovesPerHour'
  | 'ConsecutiveFailures';

/** What the scorer makes of a policy. */
export interface Evaluation {
  readonly policyId: string;
  readonly policyName: string;
  readonly policyGeneration: number;
  readonly metrics: {
    readonly available: boolean;
    readonly reason: string;
    readonly message: string;
    readonly source?: 'MayastorCounters' | 'Gauge' | 'PromQL';
  };
  readonly pools: { readonly available: boolean; readonly reason: string; readonly message: string };
  readonly brakes: readonly Brake[];
  readonly volumes: number;
  /** Published volumes without a score. */
  readonly unknownVolumes: number;
  readonly reasons: Readonly<Partial<Record<DecisionReason, number>>>;
}
