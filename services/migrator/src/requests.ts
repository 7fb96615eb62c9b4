import {
  ConflictError,
  type Delivery,
  type Disposition,
  type Request,
  type StoredIntent,
} from '@couchestor/shared/bus';
import type { ActiveIntent, MigrationRequested, RefusalReason } from '@couchestor/shared/messages';
import { parseTimestampMs } from '@couchestor/shared/units';
import { isWhole, type SeenVolume } from './core/evidence.ts';
import { accepted } from './core/intent-changes.ts';
import { judgeRequest } from './core/judge-request.ts';
import type { Limits } from './limits.ts';
import { capabilitiesOf, fieldsOf, type MigratorOptions } from './migrator-options.ts';
import type { RunningMoves } from './running-moves.ts';
import { tellUntold } from './untold-events.ts';

/** What requests are answered: taken up, refused with a reason, or asked to come again. */
export interface Requests {
  /** Judges one request, and if it is taken up, sees to the whole move. */
  handle(request: Request, delivery: Pick<Delivery, 'deliveryCount'>): Promise<Disposition>;
  /** Answers a request that was delivered in vain too often. */
  giveUp(request: Request): Promise<void>;
}

const ELSEWHERE_TRIES = 5;
const ELSEWHERE_DELAY_MS = 500;

export function createRequests(
  options: MigratorOptions,
  {
    limits,
    moves,
    stopping,
  }: {
    readonly limits: Limits;
    readonly moves: RunningMoves;
    readonly stopping: AbortController;
  },
): Requests {
  const { instance, board, world, metrics, clock, logger, leases, intents, permission, settings } = options;

  const refuse = async (
    request: MigrationRequested,
    reason: RefusalReason,
    message: string,
    traceparent?: string,
  ): Promise<void> => {
    metrics.refused(reason);
    logger.info({ ...fieldsOf(request), reason, detail: message }, 'migration refused');
    const { migrationId, volumeId, volumeName, policyId, policyName } = request;
    await options.events.publish(
      'migration.refused',
      migrationId,
      { migrationId, volumeId, volumeName, policyId, policyName, reason, message },
      {
        // The same request may be refused for another reason later, and that is worth telling.
        messageId: `${migrationId}/migration.refused/${reason}/${request.notAfter}`,
        signal: stopping.signal,
        ...(traceparent === undefined ? {} : { traceparent }),
      },
    );
  };
  const later = async (
    request: MigrationRequested,
    reason: RefusalReason,
    message: string,
    traceparent?: string,
  ): Promise<Disposition> => {
    const remainsMs = parseTimestampMs(request.notAfter) - clock.nowMs();
    if (remainsMs > 0) return { kind: 'nak', delayMs: Math.min(5_000, Math.max(250, remainsMs / 4)) };
    await refuse(request, reason, message, traceparent);
    return { kind: 'ack' };
  };

  const handle = async (
    { data: request, traceparent }: Request,
    { deliveryCount }: Pick<Delivery, 'deliveryCount'>,
  ): Promise<Disposition> => {
    const { volumeId } = request;
    if (!board.isSynced() || !world.synced())
      return later(request, 'Expired', 'the migrator is still loading', traceparent);
    const stored = await intents.get(volumeId, stopping.signal);
    const method = options.method();
    const verdict = judgeRequest(request, {
      nowMs: clock.nowMs(),
      watcherNowMs: permission.watcherNowMs(),
      record: stored?.intent,
      policy: world.policy(request.policyId),
      volume: world.volume(volumeId),
      pools: world.pools(),
      cluster: world.cluster(),
      method: method === 'undetermined' ? undefined : method,
      mayAct: permission.mayAct(settings.callTimeoutMs + settings.marginMs),
    });
    const how = capabilitiesOf(options);
    switch (verdict.kind) {
      case 'refuse':
        // A redelivered request that was taken up has its answer already.
        if (verdict.reason !== 'AlreadySeen') await refuse(request, verdict.reason, verdict.message, traceparent);
        return { kind: 'ack' };
      case 'elsewhere':
        // Each time it may come to another migrator, until there seems to be none that would take it.
        if (deliveryCount < ELSEWHERE_TRIES) return { kind: 'nak', delayMs: ELSEWHERE_DELAY_MS };
        await refuse(request, verdict.reason, verdict.message, traceparent);
        return { kind: 'ack' };
      case 'later':
        return later(request, verdict.reason, verdict.message, traceparent);
      case 'accept':
        break;
    }
    if (how === undefined) return later(request, 'UnsupportedMayastor', 'Mayastor has not answered yet', traceparent);
    if (moves.has(volumeId)) return later(request, 'AlreadyMoving', 'the last move has just ended', traceparent);
    if (!limits.areKnown()) return later(request, 'NoSlot', 'the limits are not registered yet', traceparent);

    const grant = await leases.acquireOwnership(volumeId, instance);
    if (!grant.granted) return later(request, 'NoSlot', `no lease: ${grant.reason}`, traceparent);
    const ownership = moves.own(volumeId, grant);
    let isTaken = false;
    try {
      const why = await limits.take(verdict.intent, grant.token);
      if (why !== undefined) return await later(request, 'NoSlot', why, traceparent);
      // Only now: requests that find no room come again and again, and must not use up what moves in flight live on.
      if (!(await isStillAsRequested(request, grant.token))) {
        await refuse(request, 'VolumeChanged', 'Mayastor shows other replicas than the decision saw', traceparent);
        return { kind: 'ack' };
      }
      if (stored !== undefined) await tellFormer(stored, request, grant.token);
      const tierPools = new Set(verdict.intent.targetPools);
      const intent = accepted(
        { ...verdict.intent, ...(traceparent === undefined ? {} : { traceparent }) },
        { instance, token: grant.token },
        request.replicas.filter((replica) => !tierPools.has(replica.pool)).length,
      );
      const revision = await firstWrite(intent, stored);
      if (revision === undefined) return { kind: 'nak', delayMs: 250 };
      isTaken = true;
      metrics.accepted();
      const { fromTier, toTier, triggerIops, reason } = request;
      logger.info({ ...fieldsOf(request), fromTier, toTier, triggerIops, reason }, 'migration accepted');
      moves.track(volumeId, moves.work({ intent, revision }, ownership, grant.token, how));
      return { kind: 'ack' };
    } finally {
      if (!isTaken) await moves.giveBack(volumeId, ownership);
    }
  };

  /** Asks Mayastor; the room is given back unless the answer is yes. */
  const isStillAsRequested = async (request: MigrationRequested, token: number): Promise<boolean> => {
    let isSo = false;
    try {
      isSo = isAsRequested(request, await options.mayastor.readVolume(request.volumeId, stopping.signal));
      return isSo;
    } finally {
      if (!isSo) await leases.releaseHolds(request.migrationId, token);
    }
  };

  /** The end of the last move is told for good before its record is that of this one; the room is given back if it cannot be. */
  const tellFormer = async (
    { intent }: StoredIntent,
    { migrationId }: MigrationRequested,
    token: number,
  ): Promise<void> => {
    try {
      await tellUntold(options.events, intent, stopping.signal);
    } catch (error) {
      await leases.releaseHolds(migrationId, token);
      throw error;
    }
  };

  /** The write that takes a move up; undefined if somebody else wrote the record first. */
  const firstWrite = async (intent: ActiveIntent, stored: StoredIntent | undefined): Promise<number | undefined> => {
    try {
      return stored === undefined
        ? await intents.create(intent, stopping.signal)
        : await intents.update(intent, stored.revision, stopping.signal);
    } catch (error) {
      // Without an answer it may be stored: then somebody takes the move up and needs its holds, else they lapse.
      if (!(error instanceof ConflictError)) throw error;
      await leases.releaseHolds(intent.migrationId, intent.ownerToken);
      return undefined;
    }
  };
  return {
    handle,
    giveUp: (request) =>
      refuse(request.data, 'RedeliveredTooOften', 'it was delivered too often without an end', request.traceparent),
  };
}

/** Facts lag behind Mayastor by a cache period or more; what a decision saw may be the middle of the move before. */
function isAsRequested(request: MigrationRequested, seen: SeenVolume | 'absent'): boolean {
  if (seen === 'absent' || !isWhole(seen, request.replicaCount)) return false;
  const wanted = new Map(request.replicas.map((replica) => [replica.replicaId, replica.pool]));
  return seen.replicas.every((replica) => wanted.get(replica.replicaId) === replica.pool);
}
