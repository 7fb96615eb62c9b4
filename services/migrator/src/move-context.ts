import type { IntentStore } from '@couchestor/shared/bus';
import type { Clock } from '@couchestor/shared/clock';
import type { Leases } from '@couchestor/shared/leases';
import type { ActiveIntent, EndedIntent } from '@couchestor/shared/messages';
import type { Capabilities, Evidence } from './core/evidence.ts';
import type { FleetLimits } from './core/holds.ts';
import type { BackoffPolicy } from './core/intent-changes.ts';
import type { Step } from './core/step.ts';
import type { IntentBoard } from './intent-board.ts';
import type { Mayastor, MoveEvents, Permission } from './ports.ts';

/** The part of a logger that a move needs. */
export interface MoveLogger {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface MoveSettings {
  readonly capabilities: Capabilities;
  readonly fleet: FleetLimits;
  /** Deadline of one call to Mayastor. A call starts only if permit and leases outlast it by `marginMs`. */
  readonly callTimeoutMs: number;
  readonly marginMs: number;
  readonly leaseTtlMs: number;
  /** A call that had no answer may still take effect so much later. */
  readonly lateEffectMs: number;
  readonly backoff: BackoffPolicy;
}

export interface MoveContext {
  readonly mayastor: Mayastor;
  readonly intents: IntentStore;
  readonly leases: Leases;
  readonly events: MoveEvents;
  readonly permission: Permission;
  readonly clock: Clock;
  readonly logger: MoveLogger;
  readonly settings: MoveSettings;
  /** Migrations of this process that wait for the fence; none but the first asks for it, so that waiting costs little. */
  readonly fenceQueue: Set<string>;
  /** What is known of other moves. */
  readonly board: Pick<IntentBoard, 'arriving' | 'fencedElsewhere' | 'closedElsewhere' | 'reached'>;
  /** Whether a person wants this migration rolled back. */
  readonly abortRequested: (intent: ActiveIntent) => boolean;
  /** Told of a call for a count that was sent when the move may have been another's. */
  readonly onLateCall: (intent: ActiveIntent, replicaCount: number) => void;
  /** Told of each step, for progress and metrics. */
  readonly onStep: (intent: ActiveIntent, step: Step, evidence: Evidence) => void;
  /** Told once the end is written, told and all limits are given back. */
  readonly onEnded: (ended: EndedIntent) => void;
}

/** `ended`: the record says how. `lost`: another migrator has it now. `released`: we stop, another may go on. */
export type MoveResult = 'ended' | 'lost' | 'released';
