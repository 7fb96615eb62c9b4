import { ConflictError, type IntentStore } from '@couchestor/shared/bus';
import type { Clock } from '@couchestor/shared/clock';
import { parseTimestampMs } from '@couchestor/shared/units';
import type { IntentBoard } from './intent-board.ts';
import type { Mayastor, MoveEvents, ObservedWorld } from './ports.ts';
import { tellUntold } from './untold-events.ts';

/** Looks after the records of moves that have ended. Each rejects when a dependency is away. */
export interface EndedRecords {
  tellForgotten(): Promise<void>;
  forgetDeleted(): Promise<void>;
}

/** Whoever ended a move tells it and needs a while for that. */
export const OUTBOX_PATIENCE_MS = 15_000;

export function createEndedRecords(options: {
  readonly board: Pick<IntentBoard, 'all'>;
  readonly intents: Pick<IntentStore, 'update' | 'delete'>;
  readonly events: MoveEvents;
  readonly world: Pick<ObservedWorld, 'synced' | 'volume'>;
  readonly mayastor: Pick<Mayastor, 'readVolume'>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Whether this process works on a move of the volume. */
  readonly isRunning: (volumeId: string) => boolean;
}): EndedRecords {
  const { board, intents, events, world, mayastor, clock, signal, isRunning } = options;

  /** Events whose writer died between the write and the telling. */
  const tellForgotten = async (): Promise<void> => {
    for (const [volumeId, { intent, revision }] of board.all()) {
      if (intent.state !== 'ended' || intent.outbox.length === 0 || isRunning(volumeId)) continue;
      if (clock.nowMs() - parseTimestampMs(intent.endedAt) <= OUTBOX_PATIENCE_MS) continue;
      await tellUntold(events, intent, signal);
      await intents.update({ ...intent, outbox: [] }, revision, signal).catch(ignoreConflict);
    }
  };

  /**
   * A record lives as long as its volume, since it is what keeps a move from being made twice. Facts that are lost say
   * nothing of that, so Mayastor is asked.
   */
  const forgetDeleted = async (): Promise<void> => {
    if (!world.synced()) return;
    for (const [volumeId, { intent, revision }] of board.all()) {
      if (intent.state !== 'ended' || intent.outbox.length > 0 || isRunning(volumeId)) continue;
      const sinceMs = clock.nowMs() - parseTimestampMs(intent.endedAt);
      if (sinceMs <= OUTBOX_PATIENCE_MS || world.volume(volumeId) !== undefined) continue;
      if ((await mayastor.readVolume(volumeId, signal)) !== 'absent') continue;
      await intents.delete(volumeId, revision, signal).catch(ignoreConflict);
    }
  };
  return { tellForgotten, forgetDeleted };
}

function ignoreConflict(error: unknown): void {
  // Somebody else wrote the record, and with it did what we were about to do.
  if (!(error instanceof ConflictError)) throw error;
}
