import { strict as assert } from 'node:assert';
import { migrationIdOf, type ActiveIntent, type EndedIntent } from '@couchestor/shared/messages';
import { formatTimestamp, parseTimestampMs } from '@couchestor/shared/units';
import type { SeenVolume } from './evidence.ts';
import { accepted } from './intent-changes.ts';
import { startsBefore } from './starts-before.ts';

/**
 * A process that stands still between its last check and the socket sends a call that was decided in another time: the
 * move may be somebody else's by then, or over. Only the sender knows that the call was made, so the sender looks after
 * it: as long as a move of the volume is in flight that move sees to the count, and afterwards what the call did to the
 * volume is undone by a move of its own, under the same ownership and checks as every move.
 */
export interface LateCall {
  /** As the sender knew it. */
  readonly intent: ActiveIntent;
  /** What it asked for. */
  readonly replicaCount: number;
  /** At the latest. */
  readonly sentAtMs: number;
  /** A move took what came of it for wanted, and so has every one since that began with that count. */
  readonly isTaken?: boolean;
}

export type LateCallVerdict =
  /** Too early to tell. */
  | { readonly kind: 'wait' }
  /** Nothing came of it, or others have changed the volume since, and what they want is not ours to undo. */
  | { readonly kind: 'forget' }
  | { readonly kind: 'undo'; readonly intent: ActiveIntent };

/** A call without an answer may have its effect so much later. */
const EFFECT_MS = 2 * 60_000;
/** By so much the clocks of two processes may differ. */
const CLOCK_TOLERANCE_MS = 30_000;

/** @param record of the volume's last move, none being in flight */
export function judgeLateCall(
  call: LateCall,
  record: EndedIntent | undefined,
  volume: SeenVolume | 'absent',
  instance: string,
  nowMs: number,
): LateCallVerdict {
  if (record === undefined || volume === 'absent') return { kind: 'forget' };
  const { replicas } = record;
  const isTaken = isTakenForWanted(call, record);
  const replicaCount = isTaken ? call.intent.replicaCount : record.replicaCount;
  if (replicaCount === undefined || replicas === undefined || call.replicaCount === replicaCount) {
    return { kind: 'forget' };
  }
  if (volume.replicaCount === replicaCount) {
    return { kind: nowMs - call.sentAtMs < EFFECT_MS ? 'wait' : 'forget' };
  }
  // A move that was in flight when the call had its effect ends with the right count, or says that it does not.
  const isPossible =
    isTaken || parseTimestampMs(record.endedAt) < call.sentAtMs + EFFECT_MS || record.reason === 'ReplicaCountChanged';
  if (volume.replicaCount !== call.replicaCount || !isPossible) return { kind: 'forget' };
  return { kind: 'undo', intent: undoing(call, { ...record, replicaCount, replicas }, instance, nowMs) };
}

/**
 * A move that began soon after the call may have found what came of it, and taken that for the count that the volume is
 * to have: nobody but the sender knows better, and may come to look only when it has begun.
 */
export function isTakenForWanted(
  { intent, replicaCount, sentAtMs, isTaken = false }: LateCall,
  record: Pick<ActiveIntent | EndedIntent, 'migrationId' | 'replicaCount' | 'startedAt'>,
): boolean {
  if (record.migrationId === intent.migrationId || record.replicaCount !== replicaCount) return false;
  const afterMs = parseTimestampMs(record.startedAt) - sentAtMs;
  return isTaken || (afterMs > -CLOCK_TOLERANCE_MS && afterMs < EFFECT_MS);
}

/** A move that is rolled back from its beginning: it takes away what came, or brings back what went. */
function undoing(
  { intent: late, replicaCount }: LateCall,
  record: EndedIntent & { readonly replicaCount: number; readonly replicas: NonNullable<EndedIntent['replicas']> },
  instance: string,
  nowMs: number,
): ActiveIntent {
  const [source] = record.replicas;
  assert.ok(source !== undefined, 'a volume has replicas');
  const grew = replicaCount > record.replicaCount;
  const startedAt = formatTimestamp(nowMs);
  const { owner: _owner, ownerToken, outbox: _outbox, round: _round, attention: _attention, ...terms } = late;
  return accepted(
    {
      ...terms,
      migrationId: migrationIdOf(`late call after ${record.migrationId}`, 0),
      startsBefore: startsBefore(record, nowMs),
      seenIds: [...record.seenIds, record.migrationId].slice(-SEEN_IDS_MAX),
      failuresInRow: record.failuresInRow,
      ...(record.lastCompletedAt === undefined ? {} : { lastCompletedAt: record.lastCompletedAt }),
      startedAt,
      replicaCount: record.replicaCount,
      replicas: record.replicas,
      replicasMoved: 0,
      roundsStarted: 1,
      round: {
        number: 1,
        startedAt,
        // Of those that a move took for wanted one goes.
        replicasBefore: grew ? record.replicas.slice(0, record.replicaCount) : record.replicas,
        sourceReplicaId: source.replicaId,
        // No pool is wanted, so whatever came is out of place.
        targetPool: '',
        targetNode: '',
        ...(grew ? {} : { order: 'shrinkFirst' as const }),
        growths: grew ? 1 : 0,
        shrinks: grew ? 0 : 1,
      },
      rollback: {
        outcome: 'aborted',
        reason: 'LateCall',
        message: `a call of migration ${late.migrationId} came after its time, and what it did was undone`,
      },
    },
    { instance, token: ownerToken },
    0,
  );
}

const SEEN_IDS_MAX = 16;
