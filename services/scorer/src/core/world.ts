import type {
  ClusterObserved,
  MoverObserved,
  NodeObserved,
  PoolObserved,
  VolumeObserved,
} from '@couchestor/shared/messages';
import type { ClaimingSpec, Placement, PolicySpec, Tier } from '@couchestor/shared/policy';
import type { Refusal } from './refusals.ts';
import type { ScoreTable } from './score-table.ts';

/** Everything that a decision depends on, at one moment. Times are milliseconds since 1970. */
export interface World {
  readonly policies: readonly WorldPolicy[];
  readonly volumes: readonly WorldVolume[];
  readonly pools: readonly PoolObserved[];
  readonly nodes: readonly NodeObserved[];
  /** Undefined while nobody has said whether everything is paused: then nothing starts. */
  readonly cluster: ClusterObserved | undefined;
  readonly movers: readonly MoverObserved[];
  /** By volume id: the move in flight, or the last one. */
  readonly intents: ReadonlyMap<string, IntentState>;
  /** Moves that began within the last hour, as far as is known; the records above need not be repeated here. */
  readonly recentStarts: readonly MoveStart[];
  /** By volume id: requests that were sent, are not expired and may still be taken up. */
  readonly outstanding: ReadonlyMap<string, OutstandingRequest>;
  /** By volume id: what migrators refused of late. */
  readonly refusals: ReadonlyMap<string, Refusal>;
  /** Until then the scorer only watches. */
  readonly graceUntilMs: number;
  /** For how long a request may wait to be taken up. */
  readonly requestLifeMs: number;
  /** What a rebuild is expected to copy per second, for the question whether a move ends within its window. */
  readonly rebuildBytesPerSecond: number;
}

interface PolicyHead {
  readonly policyId: string;
  readonly name: string;
  readonly generation: number;
  readonly createdAtMs: number;
}

export interface ValidPolicy extends PolicyHead {
  readonly kind: 'valid';
  readonly spec: PolicySpec;
  readonly window: WindowState;
  readonly scores: ScoreTable;
}

/** It cannot be obeyed, but still keeps its volumes from younger policies: nothing of it moves. */
export interface InvalidPolicy extends PolicyHead {
  readonly kind: 'invalid';
  readonly spec: ClaimingSpec;
  readonly problems: readonly string[];
}

export type WorldPolicy = ValidPolicy | InvalidPolicy;

/** Whether moves may start now, by the maintenance windows of a policy. */
export type WindowState =
  /** `closesAtMs` is absent where it stays open for as long as anyone looks ahead. */
  | { readonly kind: 'open'; readonly closesAtMs?: number }
  | { readonly kind: 'closed'; readonly opensAtMs?: number; readonly explanation: string };

export interface WorldVolume {
  readonly fact: VolumeObserved;
  /** When the fact was published. */
  readonly observedAtMs: number;
  readonly wishes: Wishes;
}

/** What the annotations of a volume's PersistentVolume say. What cannot be read is never taken as a permission. */
export interface Wishes {
  readonly lastMigration:
    | { readonly kind: 'never' }
    | { readonly kind: 'at'; readonly atMs: number }
    | { readonly kind: 'unreadable'; readonly text: string };
  readonly hold:
    | { readonly kind: 'none' }
    | { readonly kind: 'forever' }
    | { readonly kind: 'until'; readonly atMs: number }
    | { readonly kind: 'unreadable'; readonly text: string };
  readonly pin:
    | { readonly kind: 'none' }
    | { readonly kind: 'tier'; readonly tier: Tier }
    | { readonly kind: 'unreadable'; readonly text: string };
  /** Id of the proposal that a person has approved. */
  readonly approved?: string;
}

interface IntentHead {
  readonly migrationId: string;
  readonly proposalId: string;
  readonly attempt: number;
  readonly policyId: string;
  readonly fromTier: Placement;
  readonly toTier: Tier;
  readonly startedAtMs: number;
  readonly seenIds: readonly string[];
  readonly regretsInRow: number;
  readonly lastCompletedAtMs?: number;
}

export interface ActiveMove extends IntentHead {
  readonly state: 'active';
  readonly sizeBytes: number;
  /** Moves of this volume that failed one after the other before this one. */
  readonly failuresInRow: number;
  /** Where the replica of this round goes, or the first is expected to go. */
  readonly targetPool: string;
  /** Why a person should look at it; such a move holds no slot. */
  readonly attention?: string;
}

export interface EndedMove extends IntentHead {
  readonly state: 'ended';
  readonly outcome: 'completed' | 'failed' | 'aborted';
  readonly endedAtMs: number;
  readonly retryAtMs?: number;
  readonly failuresInRow: number;
}

export type IntentState = ActiveMove | EndedMove;

export interface MoveStart {
  readonly migrationId: string;
  readonly policyId: string;
  readonly startedAtMs: number;
}

export interface OutstandingRequest {
  readonly migrationId: string;
  readonly policyId: string;
  readonly sentAtMs: number;
  readonly notAfterMs: number;
}
