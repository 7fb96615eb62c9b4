import type { ActiveIntent, Round } from '@couchestor/shared/messages';
import type { EvidenceKind } from './evidence.ts';

export type Rollback = NonNullable<ActiveIntent['rollback']>;
export type Steer = NonNullable<Round['steer']>;

/** Why there is nothing to do for the moment. */
export type WaitReason =
  | 'Stopped'
  | 'Busy'
  | 'Settling'
  | 'CountInDoubt'
  | 'LiftInDoubt'
  | 'FencedElsewhere'
  | 'Rebuilding'
  | 'ReplicaNotPlaced'
  | 'HalfDoneGrowth'
  | 'ReattachPending'
  | 'VictimNodeAway'
  | 'KeptReplicaCordoned'
  | 'KeptReplicaMisfits'
  | 'OwnersDiffer'
  | 'NotPublished'
  | 'VolumeDegraded';

/**
 * The next safe step of a move. `look` asks for evidence and changes nothing. Each step may be repeated after a crash.
 */
export type Step =
  | { readonly kind: 'look'; readonly at: EvidenceKind }
  | { readonly kind: 'wait'; readonly reason: WaitReason }
  | { readonly kind: 'end'; readonly end: End }
  | OwnStep
  | CallStep;

/** Steps that change what is ours: the intent and its leases. */
export type OwnStep =
  /**
   * Hold the lease of the fence, then look at the cluster again: cordons of another move may have been in it. `toLift`:
   * only to take cordons away, which may be done while nothing else may.
   */
  | { readonly kind: 'takeFence'; readonly toLift?: true }
  /** Rounds are in order of preference; the first whose pool and node have room is taken. */
  | { readonly kind: 'startRound'; readonly rounds: readonly Round[]; readonly zones: number }
  | { readonly kind: 'recordAdded'; readonly replicaId: string; readonly pool: string; readonly node: string }
  | { readonly kind: 'recordSynced' }
  | { readonly kind: 'planSteer'; readonly steer: Steer }
  /** With `keepsFence` the lease is needed again at once. */
  | { readonly kind: 'forgetCordons'; readonly keepsFence?: true }
  | { readonly kind: 'planFence'; readonly fence: NonNullable<Round['fence']> }
  | { readonly kind: 'endRound'; readonly moved: boolean }
  | { readonly kind: 'rollBack'; readonly rollback: Rollback }
  | { readonly kind: 'attend'; readonly reason: string; readonly message: string };

/** Calls to Mayastor that change something. */
export type CallStep =
  | { readonly kind: 'fencePools'; readonly pools: readonly string[] }
  | { readonly kind: 'fenceNodes'; readonly nodes: readonly string[] }
  | { readonly kind: 'grow'; readonly replicaCount: number }
  | { readonly kind: 'steerByCordon'; readonly node: string }
  | { readonly kind: 'steerByChildRemoval'; readonly nexusId: string; readonly childUri: string }
  | { readonly kind: 'shrink'; readonly replicaCount: number; readonly victimReplicaId: string | undefined }
  | { readonly kind: 'lift'; readonly pools: readonly string[]; readonly nodes: readonly string[] };

export type End = { readonly outcome: 'completed' } | Rollback;
