import { strict as assert } from 'node:assert';
import type {
  ActiveIntent,
  EndedIntent,
  MigrationEventName,
  MessageData,
  ReplicaPlace,
  Round,
} from '@couchestor/shared/messages';
import { formatTimestamp, HOUR_MS, parseTimestampMs } from '@couchestor/shared/units';
import type { SeenVolume } from './evidence.ts';
import type { End, Rollback, Steer } from './step.ts';

/**
 * How the intent changes with each step, and which events that change brings about. The events travel in the intent
 * itself (its outbox) and are published after the write, so that what is told is what was written.
 */

type OutboxEntry = ActiveIntent['outbox'][number];

/** 5 minutes, doubled with each failure in a row, to a day. */
export interface BackoffPolicy {
  readonly baseMs: number;
}
const BACKOFF_MAX_MS = 24 * HOUR_MS;

function event<N extends MigrationEventName>(
  intent: Pick<ActiveIntent, 'migrationId'>,
  name: N,
  data: MessageData<N>,
  suffix = '',
): OutboxEntry {
  return { name, messageId: `${intent.migrationId}/${name}${suffix}`, data };
}

type Subject = Pick<ActiveIntent, 'migrationId' | 'volumeId' | 'volumeName' | 'policyId' | 'policyName'>;

function of({ migrationId, volumeId, volumeName, policyId, policyName }: Subject): Subject {
  return { migrationId, volumeId, volumeName, policyId, policyName };
}

const trigger = ({ triggerIops }: { readonly triggerIops?: number | undefined }): { triggerIops?: number } =>
  triggerIops === undefined ? {} : { triggerIops };

export function accepted(
  intent: Omit<ActiveIntent, 'owner' | 'ownerToken' | 'outbox'>,
  owner: { readonly instance: string; readonly token: number },
  replicasToMove: number,
): ActiveIntent {
  const { fromTier, toTier } = intent;
  return {
    ...intent,
    owner: owner.instance,
    ownerToken: owner.token,
    outbox: [
      event(intent, 'migration.accepted', { ...of(intent), fromTier, toTier, ...trigger(intent), replicasToMove }),
    ],
  };
}

export function withOwner(
  intent: ActiveIntent,
  owner: { readonly instance: string; readonly token: number },
): ActiveIntent {
  return { ...intent, owner: owner.instance, ownerToken: owner.token };
}

export function roundStarted(intent: ActiveIntent, round: Round, zones: number): ActiveIntent {
  return {
    ...intent,
    outbox: [],
    roundsStarted: round.number,
    round,
    replicas: round.replicasBefore,
    zones: intent.zones ?? zones,
  };
}

export function replicaAdded(
  intent: ActiveIntent,
  { replicaId, pool, node }: { readonly replicaId: string; readonly pool: string; readonly node: string },
  nowMs: number,
): ActiveIntent {
  const round = roundOf(intent);
  return {
    ...intent,
    round: { ...without(round, 'syncedAt'), newReplicaId: replicaId, addedAt: formatTimestamp(nowMs) },
    outbox: [
      event(
        intent,
        'migration.replica-added',
        { ...of(intent), replicaId, pool, node, sourceReplicaId: round.sourceReplicaId },
        `/${replicaId}`,
      ),
    ],
  };
}

export function replicaSynced(intent: ActiveIntent, nowMs: number): ActiveIntent {
  const round = roundOf(intent);
  const { newReplicaId, addedAt, targetPool, targetNode } = round;
  assert.ok(newReplicaId !== undefined && addedAt !== undefined, 'the new replica was recorded before it was synced');
  const durationMs = Math.max(0, Math.round(nowMs - parseTimestampMs(addedAt)));
  return {
    ...intent,
    round: { ...round, syncedAt: formatTimestamp(nowMs) },
    outbox: [
      event(
        intent,
        'migration.synced',
        { ...of(intent), replicaId: newReplicaId, pool: targetPool, node: targetNode, durationMs },
        `/${newReplicaId}`,
      ),
    ],
  };
}

export function steerPlanned(intent: ActiveIntent, steer: Steer): ActiveIntent {
  return { ...intent, outbox: [], round: { ...roundOf(intent), steer } };
}

export function fencePlanned(intent: ActiveIntent, fence: NonNullable<Round['fence']>): ActiveIntent {
  return { ...intent, outbox: [], round: { ...roundOf(intent), fence } };
}

export function cordonsForgotten(intent: ActiveIntent): ActiveIntent {
  return { ...intent, outbox: [], round: without(without(roundOf(intent), 'fence'), 'steer') };
}

export function tryCounted(intent: ActiveIntent, kind: 'growths' | 'shrinks'): ActiveIntent {
  const round = roundOf(intent);
  return { ...intent, outbox: [], round: { ...without(round, 'countsOver'), [kind]: round[kind] + 1 } };
}

/** Told with a change of the same round, so that whoever takes the move up need not wait for calls that are over. */
export function countsOver(intent: ActiveIntent): ActiveIntent {
  return { ...intent, round: { ...roundOf(intent), countsOver: true } };
}

export function roundEnded(intent: ActiveIntent, moved: boolean): ActiveIntent {
  const round = roundOf(intent);
  const source = round.replicasBefore.find((replica) => replica.replicaId === round.sourceReplicaId);
  const events =
    moved && source !== undefined
      ? [event(intent, 'migration.replica-removed', { ...of(intent), ...source }, `/${source.replicaId}`)]
      : [];
  return { ...without(intent, 'round'), replicasMoved: intent.replicasMoved + (moved ? 1 : 0), outbox: events };
}

export function rolledBack(intent: ActiveIntent, rollback: Rollback): ActiveIntent {
  return { ...withFreshTries(intent), outbox: [], rollback };
}

export function attentionNeeded(intent: ActiveIntent, reason: string, message: string, nowMs: number): ActiveIntent {
  return {
    ...intent,
    attention: { reason, message, since: formatTimestamp(nowMs) },
    outbox: [event(intent, 'migration.needs-attention', { ...of(intent), reason, message }, `/${nowMs}`)],
  };
}

export function attentionOver(intent: ActiveIntent): ActiveIntent {
  return { ...without(withFreshTries(intent), 'attention'), outbox: [] };
}

/** One stays counted: whether anything was tried at all tells our doing from that of others. */
function withFreshTries(intent: ActiveIntent): ActiveIntent {
  const { round } = intent;
  if (round === undefined) return intent;
  const growths = round.order === 'shrinkFirst' ? Math.min(round.growths, 1) : round.growths;
  return { ...intent, round: { ...round, growths, shrinks: Math.min(round.shrinks, 1) } };
}

export function ended(
  intent: ActiveIntent,
  end: End,
  volume: SeenVolume | 'absent',
  nowMs: number,
  backoff: BackoffPolicy,
): EndedIntent {
  const endedAt = formatTimestamp(nowMs);
  const { fromTier, toTier, startedAt, failuresInRow } = intent;
  const durationMs = Math.max(0, Math.round(nowMs - parseTimestampMs(startedAt)));
  const base = { ...of(intent), fromTier, toTier, ...trigger(intent), startedAt, durationMs };
  const record = {
    state: 'ended' as const,
    ...of(intent),
    proposalId: intent.proposalId,
    attempt: intent.attempt,
    fromTier,
    toTier,
    ...trigger(intent),
    ...(intent.regretsInRow === undefined ? {} : { regretsInRow: intent.regretsInRow }),
    startedAt,
    endedAt,
    seenIds: intent.seenIds,
    startsBefore: intent.startsBefore,
    replicaCount: intent.replicaCount,
    ...replicasLeft(intent, volume),
    ...(intent.lastCompletedAt === undefined ? {} : { lastCompletedAt: intent.lastCompletedAt }),
    ...(intent.traceparent === undefined ? {} : { traceparent: intent.traceparent }),
  };
  switch (end.outcome) {
    case 'completed':
      return {
        ...record,
        outcome: 'completed',
        failuresInRow: 0,
        lastCompletedAt: endedAt,
        outbox: [event(intent, 'migration.completed', base)],
      };
    case 'failed': {
      const retryAt = formatTimestamp(nowMs + Math.min(BACKOFF_MAX_MS, backoff.baseMs * 2 ** failuresInRow));
      return {
        ...record,
        outcome: 'failed',
        reason: end.reason,
        message: end.message,
        failuresInRow: failuresInRow + 1,
        retryAt,
        outbox: [event(intent, 'migration.failed', { ...base, reason: end.reason, message: end.message, retryAt })],
      };
    }
    case 'aborted':
      return {
        ...record,
        outcome: 'aborted',
        reason: end.reason,
        message: end.message,
        failuresInRow,
        retryAt: formatTimestamp(nowMs + backoff.baseMs),
        outbox: [event(intent, 'migration.aborted', { ...base, reason: end.reason, message: end.message })],
      };
  }
}

function replicasLeft(
  { replicaCount, replicas }: ActiveIntent,
  volume: SeenVolume | 'absent',
): { replicas?: ReplicaPlace[] } {
  if (volume !== 'absent' && volume.replicaCount === replicaCount && volume.replicas.length === replicaCount) {
    return { replicas: volume.replicas.map(({ replicaId, pool, node }) => ({ replicaId, pool, node })) };
  }
  return replicas === undefined ? {} : { replicas };
}

function roundOf(intent: ActiveIntent): Round {
  assert.ok(intent.round !== undefined, 'the step belongs to a round');
  return intent.round;
}

function without<T extends object, K extends keyof T>(object: T, key: K): Omit<T, K> {
  const { [key]: _, ...rest } = object;
  return rest;
}
