import type { ActiveIntent, Intent } from '@couchestor/shared/messages';
import { isTakenForWanted, type LateCall } from './core/late-call.ts';

/** The calls that a process sent too late: the last of each volume. */
export interface LateCallList {
  note(intent: ActiveIntent, replicaCount: number, sentAtMs: number): void;
  /**
   * Those to look at now, each when its turn comes. A move in flight sees to the count by itself, or takes what came of
   * the call for wanted, which is remembered.
   */
  due(recordOf: (volumeId: string) => Intent | undefined, isRunning: (volumeId: string) => boolean): Iterable<LateCall>;
  /** Unless another of the volume was noted meanwhile. */
  forget(call: LateCall): void;
}

export function createLateCallList(): LateCallList {
  const calls = new Map<string, LateCall>();
  return {
    note: (intent, replicaCount, sentAtMs) => void calls.set(intent.volumeId, { intent, replicaCount, sentAtMs }),
    *due(recordOf, isRunning) {
      for (const [volumeId, call] of calls) {
        const record = recordOf(volumeId);
        // The next move may begin as soon as this one ends, too late to be told by its time.
        const isTaken = record?.state === 'active' && isTakenForWanted(call, record);
        if (isTaken) calls.set(volumeId, { ...call, isTaken });
        else if (!isRunning(volumeId)) yield call;
      }
    },
    forget: (call) => {
      const { volumeId } = call.intent;
      if (calls.get(volumeId) === call) calls.delete(volumeId);
    },
  };
}
