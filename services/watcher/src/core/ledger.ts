import { failureReasons, type FailureReason } from '@couchestor/shared/messages';
import { HISTORY_MAX, type Placement, type Tier } from '@couchestor/shared/policy';
import type { Checkpoint, HistoryEntry, Ledger } from './status.ts';

const ERROR_CHARACTERS_MAX = 4096;

/** The end of a move, as its event told it. */
export interface EndedMove {
  readonly migrationId: string;
  readonly volumeId: string;
  readonly volumeName: string;
  readonly policyId: string;
  readonly policyName: string;
  readonly fromTier: Placement;
  readonly toTier: Tier;
  readonly triggerIops: number | undefined;
  readonly endedAtMs: number;
  readonly durationMs: number;
  readonly outcome:
    | { readonly kind: 'completed' }
    | { readonly kind: 'failed'; readonly reason: FailureReason; readonly message: string }
    | { readonly kind: 'aborted'; readonly reason: string; readonly message: string };
}

/** The order of two positions; positions of different streams have none, and the event's stream is the newer one. */
export function isApplied(applied: Checkpoint | undefined, event: Checkpoint): boolean {
  return (
    applied !== undefined &&
    applied.streamCreatedAt === event.streamCreatedAt &&
    event.lastSequence <= applied.lastSequence
  );
}

/**
 * Folds the end of one move into a ledger. An event at or before the checkpoint changes nothing, and a move that the
 * history already holds is not counted again: only the checkpoint goes on. So a ledger that was restored from any
 * earlier write, and is given every later event at least once, always ends the same.
 */
export function foldEnd(ledger: Ledger, position: Checkpoint, move: EndedMove): Ledger {
  if (isApplied(ledger.applied, position)) return ledger;
  if (ledger.history.some(({ migrationId }) => migrationId === move.migrationId)) {
    return { ...ledger, applied: position };
  }
  return {
    totalMigrations: ledger.totalMigrations + (move.outcome.kind === 'completed' ? 1 : 0),
    failedMigrations: ledger.failedMigrations + (move.outcome.kind === 'failed' ? 1 : 0),
    history: [entryOf(move), ...ledger.history].slice(0, HISTORY_MAX),
    applied: position,
  };
}

/** The words that people grep for, then what happened. */
export function failureText(reason: FailureReason, message: string): string {
  const words = failureReasons[reason];
  return message === '' || message.includes(words) ? message || words : `${words}: ${message}`;
}

function entryOf(move: EndedMove): HistoryEntry {
  const { outcome } = move;
  return {
    migrationId: move.migrationId,
    volumeName: move.volumeName,
    endedAtMs: move.endedAtMs,
    fromTier: move.fromTier === 'none' ? undefined : move.fromTier,
    toTier: move.toTier,
    triggerIops: move.triggerIops,
    durationMs: move.durationMs,
    success: outcome.kind === 'completed',
    // Half a character would come back from the API server as another one.
    error: errorOf(outcome)?.slice(0, ERROR_CHARACTERS_MAX).toWellFormed(),
  };
}

function errorOf(outcome: EndedMove['outcome']): string | undefined {
  switch (outcome.kind) {
    case 'completed':
      return undefined;
    case 'failed':
      return failureText(outcome.reason, outcome.message);
    case 'aborted':
      return `Aborted (${outcome.reason}): ${outcome.message}`;
  }
}
