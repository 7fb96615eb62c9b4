import {
  ConflictError,
  type Delivery,
  type Disposition,
  type IntentStore,
  type Request,
  type StoredIntent,
} from '@couchestor/shared/bus';
import { pause, type Clock } from '@couchestor/shared/clock';
import type { LeaseGrant, Leases } from '@couchestor/shared/leases';
import {
  type ActiveIntent,
  type ClusterObserved,
  type EndedIntent,
  type MigrationEventName,
  type MigrationRequested,
  type PolicyObserved,
  type PoolObserved,
  type RefusalReason,
  type VolumeObserved,
} from '@couchestor/shared/messages';
import { parseTimestampMs } from '@couchestor/shared/units';
import { isWhole, type Capabilities, type Evidence, type SeenVolume } from './core/evidence.ts';
import { holdsOf, type Hold } from './core/holds.ts';
import { accepted, withOwner } from './core/intent-changes.ts';
import { judgeRequest } from './core/judge-request.ts';
import type { Step } from './core/step.ts';
import type { Method } from './capabilities.ts';
import { isDependencyError } from './dependency-error.ts';
import { keepLease, type HeldLease } from './held-lease.ts';
import { createLateCalls } from './late-calls.ts';
import type { ActiveRecord, IntentBoard } from './intent-board.ts';
import type { MigratorMetrics } from './metrics.ts';
import { progressOf, type MoveProgress } from './moves-in-flight.ts';
import { runMove, type MoveContext, type MoveLogger, type MoveResult, type MoveSettings } from './move.ts';

/** What was last observed of the world, by the watcher. */
export interface ObservedWorld {
  policy(policyId: string): PolicyObserved | undefined;
  volume(volumeId: string): VolumeObserved | undefined;
  pools(): readonly PoolObserved[];
  cluster(): ClusterObserved | undefined;
  synced(): boolean;
}

export interface MigratorOptions extends Omit<
  MoveContext,
  'board' | 'fenceQueue' | 'abortRequested' | 'onLateCall' | 'onStep' | 'onEnded' | 'settings'
> {
  readonly instance: string;
  readonly board: IntentBoard;
  readonly world: ObservedWorld;
  readonly metrics: MigratorMetrics;
  readonly method: () => Method;
  readonly settings: Omit<MoveSettings, 'capabilities'> & { readonly cachePeriodMs: number };
  readonly intents: IntentStore;
  readonly leases: Leases;
  readonly clock: Clock;
  readonly logger: MoveLogger;
}

const ADOPT_EVERY_MS = 2_000;
/** An owner that stops gives its moves back, so a lease is not waited for to its end. */
const ADOPT_AGAIN_MAX_MS = 5_000;
const RENEW_EVERY_MS = 5_000;
const OUTBOX_PATIENCE_MS = 15_000;
const LATE_CALL_EVERY_MS = 5_000;
const LIMITS_FRESH_MS = 60_000;
const ELSEWHERE_TRIES = 5;
const ELSEWHERE_DELAY_MS = 500;

export interface Migrator {
  /** Judges one request, and if it is taken up, sees to the whole move. */
  handle(request: Request, delivery: Pick<Delivery, 'deliveryCount'>): Promise<Disposition>;
  /** Answers a request that was delivered in vain too often. */
  giveUp(request: Request): Promise<void>;
  progress(): readonly MoveProgress[];
  /** Takes up moves that nobody works on and renews limits, until the signal; then ends its own moves in good order. */
  run(signal: AbortSignal): Promise<void>;
}

export function createMigrator(options: MigratorOptions): Migrator {
  const { instance, board, world, metrics, clock, logger, leases, intents, permission, settings } = options;
  const running = new Map<string, Promise<void>>();
  const progress = new Map<string, MoveProgress>();
  /** Moves that wait for the fence here, the first to ask for it in front. */
  const fenceQueue = new Set<string>();
  /** When the owner of a volume was there, it is asked for again from then on. */
  const adoptableFromMs = new Map<string, number>();
  const stopping = new AbortController();
  let failure: unknown;
  let limitsKnownAtMs: number | undefined;

  const capabilities = (): Capabilities | undefined => {
    const method = options.method();
    return method === 'poolCordon' || method === 'nodeCordon'
      ? { method, cachePeriodMs: settings.cachePeriodMs }
      : undefined;
  };
  const fieldsOf = ({
    volumeName,
    volumeId,
    migrationId,
    policyName,
  }: ActiveIntent | EndedIntent | MigrationRequested): object => ({
    volume: volumeName,
    volumeId,
    migrationId,
    policy: policyName,
  });

  const lateCalls = createLateCalls({
    instance,
    intents,
    mayastor: options.mayastor,
    clock,
    logger,
    isRunning: (volumeId) => running.has(volumeId),
  });

  const ownershipOf = (volumeId: string, grant: LeaseGrant): HeldLease =>
    keepLease({
      clock,
      term: grant,
      renewEveryMs: settings.leaseTtlMs / 3,
      renew: async () => {
        const answer = await leases.renewOwnership(volumeId, instance, grant.token);
        return answer.renewed ? answer : undefined;
      },
      release: () => leases.releaseOwnership(volumeId, instance, grant.token),
      onError: (error) => logger.info({ volumeId, err: error }, 'ownership lease not renewed'),
    });

  const onStep = (intent: ActiveIntent, step: Step, evidence: Evidence): void => {
    metrics.step(step.kind);
    const { volume } = evidence;
    const newcomer =
      volume === 'absent' ? undefined : volume.replicas.find((replica) => replica.rebuildPercent !== undefined);
    const words = step.kind === 'wait' ? step.reason : step.kind;
    progress.set(intent.volumeId, progressOf(intent, words, newcomer?.rebuildPercent));
  };

  const onEnded = (ended: EndedIntent): void => {
    metrics.ended(ended.outcome, parseTimestampMs(ended.endedAt) - parseTimestampMs(ended.startedAt));
    const { outcome, reason, message: detail } = ended;
    logger.info({ ...fieldsOf(ended), outcome, reason, detail }, 'migration ended');
  };

  /** Runs a move that is ours, and gives its volume back. Rejects only for a defect. */
  const work = async (record: ActiveRecord, ownership: HeldLease, token: number, how: Capabilities): Promise<void> => {
    const { volumeId } = record.intent;
    try {
      const result: MoveResult = await runMove(
        {
          ...options,
          settings: { ...settings, capabilities: how },
          fenceQueue,
          abortRequested: (intent) => world.volume(intent.volumeId)?.persistentVolume?.abort === intent.migrationId,
          onLateCall: (intent, replicaCount) => lateCalls.note(intent, replicaCount),
          onStep,
          onEnded,
        },
        record,
        ownership,
        token,
        stopping.signal,
      );
      logger.info({ ...fieldsOf(record.intent), result }, 'done with a move');
    } finally {
      progress.delete(volumeId);
      await giveBack(volumeId, ownership);
    }
  };
  const giveBack = async (volumeId: string, ownership: HeldLease): Promise<void> => {
    await ownership.release().catch((error: unknown) => {
      logger.info({ volumeId, err: error }, 'ownership lease not given back, it lapses');
    });
  };
  const track = (volumeId: string, job: Promise<void>): void => {
    const tracked = job
      .catch((error: unknown) => {
        failure ??= error;
        // Not unseen, and not only this move: a restart shows whether it comes back.
        logger.error({ volumeId, err: error }, 'a move ended by a defect');
        stopping.abort(error);
      })
      .finally(() => running.delete(volumeId));
    running.set(volumeId, tracked);
  };

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
    const how = capabilities();
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
    if (running.has(volumeId)) return later(request, 'AlreadyMoving', 'the last move has just ended', traceparent);
    if (!limitsAreKnown()) return later(request, 'NoSlot', 'the limits are not registered yet', traceparent);

    const grant = await leases.acquireOwnership(volumeId, instance);
    if (!grant.granted) return later(request, 'NoSlot', `no lease: ${grant.reason}`, traceparent);
    const ownership = ownershipOf(volumeId, grant);
    let isTaken = false;
    try {
      const why = await acquireRoom(verdict.intent, grant.token);
      if (why !== undefined) return await later(request, 'NoSlot', why, traceparent);
      // Only now: requests that find no room come again and again, and must not use up what moves in flight live on.
      if (!(await isStillAsRequested(request, grant.token))) {
        await refuse(request, 'VolumeChanged', 'Mayastor shows other replicas than the decision saw', traceparent);
        return { kind: 'ack' };
      }
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
      track(volumeId, work({ intent, revision }, ownership, grant.token, how));
      return { kind: 'ack' };
    } finally {
      if (!isTaken) await giveBack(volumeId, ownership);
    }
  };

  /** Takes what the limits allow; else says what is at its limit. */
  const acquireRoom = async (
    intent: Pick<ActiveIntent, 'migrationId' | 'policyId' | 'limits' | 'sizeBytes'>,
    token: number,
  ): Promise<string | undefined> => {
    const { migrationId } = intent;
    const holds = holdsOf(intent, undefined, settings.fleet);
    const answer = await leases.acquireHolds({ migrationId, token, holds }).catch(async (error: unknown) => {
      // They may have been granted all the same, and would lie there until they lapse.
      await leases.releaseHolds(migrationId, token).catch((releaseError: unknown) => {
        logger.info({ migrationId, err: releaseError }, 'limits not given back, they lapse');
      });
      throw error;
    });
    if (answer.granted) return undefined;
    if (answer.reason !== 'LimitReached') return `no room: ${answer.reason}`;
    return answer.used < answer.limit
      ? `${answer.refusedBy} has room, and another policy is next`
      : `${answer.refusedBy} is at its limit of ${answer.limit}`;
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

  /** A move whose owner is gone: own it, wait until no call of the old owner can be under way, and go on. */
  const adopt = async (volumeId: string): Promise<void> => {
    const how = capabilities();
    if (how === undefined || stopping.signal.aborted || !limitsAreKnown()) return;
    let ownership: HeldLease | undefined;
    try {
      const grant = await leases.acquireOwnership(volumeId, instance);
      if (!grant.granted) {
        if (grant.reason === 'Held') {
          const waitMs = Math.min(ADOPT_AGAIN_MAX_MS, grant.retryInMs);
          adoptableFromMs.set(volumeId, clock.monotonicMs() + waitMs);
        }
        return;
      }
      ownership = ownershipOf(volumeId, grant);
      await clock.sleep(settings.leaseTtlMs, stopping.signal);
      const stored = await intents.get(volumeId, stopping.signal);
      if (stored?.intent.state !== 'active' || ownership.lost) return;
      const intent = withOwner(stored.intent, { instance, token: grant.token });
      await leases.registerHolds({
        migrationId: intent.migrationId,
        ownerToken: grant.token,
        holds: registeredHolds(intent),
      });
      const revision = await intents.update(intent, stored.revision, stopping.signal);
      logger.info(fieldsOf(intent), 'migration taken up again');
      await work({ intent, revision }, ownership, grant.token, how);
    } catch (error) {
      if (stopping.signal.aborted || error instanceof ConflictError) return;
      if (!isDependencyError(error)) throw error;
      logger.info({ volumeId, err: error }, 'a move could not be taken up, trying again');
    } finally {
      if (ownership !== undefined) await giveBack(volumeId, ownership);
    }
  };

  /**
   * What migrations hold lapses when nobody renews it for long, as in an outage of all migrators. Nothing is taken
   * before what the intents list has been registered again.
   */
  const limitsAreKnown = (): boolean =>
    limitsKnownAtMs !== undefined && clock.monotonicMs() - limitsKnownAtMs < LIMITS_FRESH_MS;

  const registeredHolds = (intent: ActiveIntent): readonly Hold[] =>
    intent.attention === undefined ? holdsOf(intent, intent.round, settings.fleet) : [];

  const renewHolds = async (): Promise<void> => {
    const listed = [...board.active().values()].map(({ intent }) => ({
      migrationId: intent.migrationId,
      ownerToken: intent.ownerToken,
      holds: registeredHolds(intent),
    }));
    const epoch = await leases.renewAll(listed);
    if (epoch.state === 'open') limitsKnownAtMs = clock.monotonicMs();
    if (epoch.state === 'lost') {
      // The bucket itself is asked: what is registered now decides what is granted afterwards.
      const stored = await intents.list(stopping.signal);
      const active = [...stored.values()].flatMap(({ intent }) => (intent.state === 'active' ? [intent] : []));
      await leases.registerAll(
        active.map((intent) => ({
          migrationId: intent.migrationId,
          ownerToken: intent.ownerToken,
          holds: registeredHolds(intent),
        })),
      );
    }
  };

  /** Events whose writer died between the write and the telling. */
  const tellForgotten = async (): Promise<void> => {
    for (const [volumeId, { intent, revision }] of board.all()) {
      if (intent.state !== 'ended' || intent.outbox.length === 0 || running.has(volumeId)) continue;
      if (clock.nowMs() - parseTimestampMs(intent.endedAt) <= OUTBOX_PATIENCE_MS) continue;
      for (const { name, messageId, data } of intent.outbox) {
        await options.events.publish(name as MigrationEventName, intent.migrationId, data, {
          messageId,
          signal: stopping.signal,
          ...(intent.traceparent === undefined ? {} : { traceparent: intent.traceparent }),
        });
      }
      await intents.update({ ...intent, outbox: [] }, revision, stopping.signal).catch(ignoreConflict);
    }
  };

  /**
   * A record lives as long as its volume, since it is what keeps a move from being made twice. Facts that are lost say
   * nothing of that, so Mayastor is asked.
   */
  const forgetDeleted = async (): Promise<void> => {
    if (!world.synced()) return;
    for (const [volumeId, { intent, revision }] of board.all()) {
      if (intent.state !== 'ended' || intent.outbox.length > 0 || running.has(volumeId)) continue;
      const sinceMs = clock.nowMs() - parseTimestampMs(intent.endedAt);
      if (sinceMs <= OUTBOX_PATIENCE_MS || world.volume(volumeId) !== undefined) continue;
      if ((await options.mayastor.readVolume(volumeId, stopping.signal)) !== 'absent') continue;
      await intents.delete(volumeId, revision, stopping.signal).catch(ignoreConflict);
    }
  };

  const every = async (ms: number, job: () => Promise<void>, what: string): Promise<void> => {
    while (!stopping.signal.aborted) {
      try {
        await job();
      } catch (error) {
        if (stopping.signal.aborted) return;
        if (!isDependencyError(error)) throw error;
        logger.info({ err: error, job: what }, 'a dependency is away, trying again');
      }
      await pause(clock, ms, stopping.signal);
    }
  };

  const gauge = (): void => {
    const active = [...board.active().values()].map(({ intent }) => intent);
    metrics.setActive(running.size);
    metrics.setAttention(active.filter((intent) => intent.attention !== undefined).length);
    metrics.setCordons(
      active.reduce(
        (sum, { round }) => sum + (round?.fence?.ours.length ?? 0) + (round?.steer === undefined ? 0 : 1),
        0,
      ),
    );
    metrics.setPermitted(permission.mayAct(settings.callTimeoutMs + settings.marginMs));
    const nowMs = clock.nowMs();
    metrics.setClockAhead(nowMs - (permission.watcherNowMs() ?? nowMs));
  };

  return {
    handle,
    giveUp: (request) =>
      refuse(request.data, 'RedeliveredTooOften', 'it was delivered too often without an end', request.traceparent),
    progress: () => [...progress.values()],
    run: async (signal) => {
      signal.addEventListener('abort', () => stopping.abort(signal.reason), { once: true });
      if (signal.aborted) stopping.abort(signal.reason);
      await Promise.race([board.synced, aborted(stopping.signal)]);
      const adoptAll = async (): Promise<void> => {
        const active = board.active();
        for (const volumeId of adoptableFromMs.keys()) if (!active.has(volumeId)) adoptableFromMs.delete(volumeId);
        for (const volumeId of active.keys()) {
          const fromMs = adoptableFromMs.get(volumeId) ?? 0;
          if (!running.has(volumeId) && clock.monotonicMs() >= fromMs) track(volumeId, adopt(volumeId));
        }
        gauge();
      };
      await Promise.all([
        every(
          settings.leaseTtlMs < 3 * RENEW_EVERY_MS ? settings.leaseTtlMs / 3 : RENEW_EVERY_MS,
          renewHolds,
          'renewal of limits',
        ),
        every(ADOPT_EVERY_MS, adoptAll, 'search for moves without owner'),
        every(OUTBOX_PATIENCE_MS, tellForgotten, 'search for untold events'),
        every(OUTBOX_PATIENCE_MS, forgetDeleted, 'search for records of deleted volumes'),
        every(LATE_CALL_EVERY_MS, () => lateCalls.follow(stopping.signal), 'following of late calls'),
      ]);
      while (running.size > 0) await Promise.all(running.values());
      if (failure !== undefined) throw failure;
    },
  };
}

/** Facts lag behind Mayastor by a cache period or more; what a decision saw may be the middle of the move before. */
function isAsRequested(request: MigrationRequested, seen: SeenVolume | 'absent'): boolean {
  if (seen === 'absent' || !isWhole(seen, request.replicaCount)) return false;
  const wanted = new Map(request.replicas.map((replica) => [replica.replicaId, replica.pool]));
  return seen.replicas.every((replica) => wanted.get(replica.replicaId) === replica.pool);
}

function ignoreConflict(error: unknown): void {
  // Somebody else wrote the record, and with it did what we were about to do.
  if (!(error instanceof ConflictError)) throw error;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
