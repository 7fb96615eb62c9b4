import { ConflictError, type IntentStore } from '@couchestor/shared/bus';
import type { Clock } from '@couchestor/shared/clock';
import type { ActiveIntent } from '@couchestor/shared/messages';
import { judgeLateCall, type LateCall } from './core/late-call.ts';
import type { IntentBoard } from './intent-board.ts';
import { createLateCallList } from './late-call-list.ts';
import type { MoveLogger } from './move-context.ts';
import type { Mayastor, MoveEvents } from './ports.ts';
import { tellUntold } from './untold-events.ts';

/** Looks after calls that this process sent too late, until they are known to have come to nothing or are undone. */
export interface LateCalls {
  note(intent: ActiveIntent, replicaCount: number): void;
  /** Looks at each once. Rejects when a dependency is away. */
  follow(signal: AbortSignal): Promise<void>;
}

export function createLateCalls(options: {
  readonly instance: string;
  readonly intents: IntentStore;
  readonly board: Pick<IntentBoard, 'get'>;
  readonly events: MoveEvents;
  readonly mayastor: Pick<Mayastor, 'readVolume'>;
  readonly clock: Clock;
  readonly logger: MoveLogger;
  /** Whether this process works on a move of the volume. */
  readonly isRunning: (volumeId: string) => boolean;
}): LateCalls {
  const { instance, intents, board, events, mayastor, clock, logger, isRunning } = options;
  const calls = createLateCallList();

  const followOne = async (call: LateCall, signal: AbortSignal): Promise<void> => {
    const { volumeId } = call.intent;
    const stored = await intents.get(volumeId, signal);
    const record = stored?.intent;
    // A move in flight sees to the count by itself.
    if (record?.state === 'active') return;
    const volume = await mayastor.readVolume(volumeId, signal);
    const verdict = judgeLateCall(call, record, volume, instance, clock.nowMs());
    if (verdict.kind === 'wait') return;
    if (verdict.kind === 'undo' && stored !== undefined) {
      const { migrationId, volumeName } = verdict.intent;
      const fields = { volume: volumeName, volumeId, migrationId, lateMigrationId: call.intent.migrationId };
      await tellUntold(events, stored.intent, signal);
      try {
        // From here on it is a move without an owner, which any migrator takes up.
        await intents.update(verdict.intent, stored.revision, signal);
      } catch (error) {
        if (error instanceof ConflictError) return;
        throw error;
      }
      logger.warn({ ...fields, replicaCount: call.replicaCount }, 'a call came after its time, it is undone');
    }
    calls.forget(call);
  };

  return {
    note: (intent, replicaCount) => {
      calls.note(intent, replicaCount, clock.nowMs());
      logger.warn(
        { volume: intent.volumeName, volumeId: intent.volumeId, migrationId: intent.migrationId, replicaCount },
        'a call was sent too late, it is looked after',
      );
    },
    follow: async (signal) => {
      for (const call of calls.due((volumeId) => board.get(volumeId)?.intent, isRunning)) await followOne(call, signal);
    },
  };
}
