import { BusUnavailableError, ConflictError, type IntentStore } from '@couchestor/shared/bus';
import { pause, type Clock } from '@couchestor/shared/clock';
import type { Leases } from '@couchestor/shared/leases';
import type { Outcome } from '@couchestor/shared/mayastor';
import { cordonLabelOf, type ActiveIntent, type EndedIntent, type Round } from '@couchestor/shared/messages';
import type { Capabilities, Evidence } from './core/evidence.ts';
import { holdsOf, type FleetLimits } from './core/holds.ts';
import * as change from './core/intent-changes.ts';
import { nextStep } from './core/next-step.ts';
import { refusedGrowth } from './core/refused-growth.ts';
import type { CallStep, OwnStep, Step, WaitReason } from './core/step.ts';
import { parseTimestampMs } from '@couchestor/shared/units';
import { isDependencyError } from './dependency-error.ts';
import type { HeldLease } from './held-lease.ts';
import type { IntentBoard } from './intent-board.ts';
import { createLookout } from './lookout.ts';
import { createMoveFence } from './move-fence.ts';
import { createMoveRecord } from './move-record.ts';
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
  readonly backoff: change.BackoffPolicy;
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
  readonly board: Pick<IntentBoard, 'arriving' | 'reached'>;
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

/** After a call that was not done, doubled each time in a row up to the maximum. */
const RETRY_MS = 500;
const RETRY_MAX_MS = 5_000;
/** A call that had no answer may still take effect so much later. */
const DOUBT_MS = 30_000;
/** So long a cordon that came when the move was another's is followed. */
const WITHDRAWAL_MS = 60_000;
/** A stopping process takes its cordons away, for this long at most. */
const FAREWELL_MS = 6_000;

/**
 * Walks one move to its end: look, decide the next step, do it, look again. All that is known between two steps is in
 * the intent and in Mayastor, so the walk may break off anywhere and be taken up by somebody else.
 *
 * @param ownership of the volume; the caller gives it back afterwards
 * @param token of that ownership
 */
export async function runMove(
  context: MoveContext,
  start: { readonly intent: ActiveIntent; readonly revision: number },
  ownership: HeldLease,
  token: number,
  signal: AbortSignal,
): Promise<MoveResult> {
  const { mayastor, leases, permission, clock, logger, settings, board } = context;
  const { capabilities } = settings;
  const leadMs = settings.callTimeoutMs + settings.marginMs;
  const { migrationId, volumeId, volumeName } = start.intent;
  const who = { volume: volumeName, volumeId, migrationId };
  // The bus and reads go on while we say farewell, so they have an end of their own.
  const over = new AbortController();
  const record = createMoveRecord({
    ...context,
    start,
    token,
    timeoutMs: settings.callTimeoutMs,
    signal: over.signal,
    onStored: () => {
      unprovenCount = undefined;
    },
  });
  let farewellEndsMs: number | undefined;
  let failedCalls = 0;
  // Whoever had the move before may have sent a cordon or a count as its last call.
  const inheritedDoubtUntilMs =
    start.intent.round === undefined ? 0 : clock.monotonicMs() + Math.max(0, DOUBT_MS - settings.leaseTtlMs);
  /** Till then it is not forgotten that a cordon may be there. */
  let cordonsInDoubtUntilMs = inheritedDoubtUntilMs;
  let countInDoubt: { readonly replicaCount: number | 'any'; readonly untilMs: number } = {
    replicaCount: 'any',
    untilMs: inheritedDoubtUntilMs,
  };
  /** A count that we asked for and have written nothing since, so that the move may have been another's by then. */
  let unprovenCount: { readonly replicaCount: number } | undefined;
  /** A try that was counted and never left us need not be counted again. */
  let unusedTry: string | undefined;
  /** Removals of pools' cordons that had no answer, and until when they may come. */
  const unansweredLifts = new Map<string, number>();
  /** Till then a removal of a cordon that had to be repeated may still come, and open what the next one fences. */
  let liftsInDoubtUntilMs = 0;

  const mayAct = (): boolean =>
    !signal.aborted &&
    !record.isUnsettled &&
    ownership.lasts(leadMs) &&
    (!fence.isTaken || fence.lasts(leadMs)) &&
    permission.mayAct(leadMs);
  const mayCall = (): boolean => mayAct() && lookout.isFresh();
  const mayCallFenced = (): boolean => fence.isTaken && mayCall();
  // A removal does no harm when it takes effect late, so only its start must lie within the permit.
  const mayLift = (): boolean => permission.mayLift(settings.marginMs);
  // But a pool may stand in the fence of whoever has it next.
  const mayLiftPool = (): boolean => mayLift() && (fence.isNobodys || fence.lasts(settings.callTimeoutMs));
  const isOver = (): boolean => (farewellEndsMs === undefined ? signal.aborted : clock.monotonicMs() > farewellEndsMs);

  const lookout = createLookout({
    volumeId,
    mayastor,
    clock,
    mayProbe: mayAct,
    signal: over.signal,
  });
  const standing = (): Pick<
    Evidence,
    'mayAct' | 'fenceHeld' | 'fenceIsNobodys' | 'abortRequested' | 'countInDoubt'
  > => ({
    mayAct: mayAct(),
    fenceHeld: fence.isHeld,
    ...(fence.isNobodys ? { fenceIsNobodys: true } : {}),
    abortRequested: context.abortRequested(record.intent),
    ...(clock.monotonicMs() < countInDoubt.untilMs ? { countInDoubt: countInDoubt.replicaCount } : {}),
  });

  /** What counts from the end of a move begins late rather than early, should one of two clocks be wrong. */
  const endMs = (): number => Math.max(clock.nowMs(), permission.watcherNowMs() ?? Number.NEGATIVE_INFINITY);

  const sleep = async (ms: number): Promise<void> => {
    lookout.forget();
    const woken = new AbortController();
    const wake = (): void => woken.abort(new Error('woken'));
    if (farewellEndsMs === undefined) signal.addEventListener('abort', wake, { once: true });
    if (signal.aborted && farewellEndsMs === undefined) wake();
    const permissionChanged = permission.changed(woken.signal).then(wake);
    await pause(clock, ms, woken.signal);
    signal.removeEventListener('abort', wake);
    wake();
    await permissionChanged;
  };
  const fence = createMoveFence({
    migrationId,
    token,
    leases,
    leaseTtlMs: settings.leaseTtlMs,
    clock,
    waiting: context.fenceQueue,
    sleep,
    onError: (error) => logger.warn({ ...who, err: error }, 'fence lease not renewed'),
  });
  /** All that was stored before our record was; the fence is for who has it. */
  const hearOfOthers = async (): Promise<void> => {
    const late = new AbortController();
    const cancel = clock.after(settings.callTimeoutMs, () =>
      late.abort(new BusUnavailableError('hearing of other moves')),
    );
    try {
      await board.reached(volumeId, record.revision, AbortSignal.any([over.signal, late.signal]));
    } catch (error) {
      await fence.drop();
      throw error;
    } finally {
      cancel();
    }
  };
  /** What the round of before filled is given back, or two moves would wait for each other's pools for ever. */
  const holdNoPool = async (): Promise<void> => {
    await leases.swapHolds({ migrationId, token, holds: holdsOf(record.intent, undefined, settings.fleet) });
  };
  const writeTry = async (kind: 'growths' | 'shrinks'): Promise<void> => {
    const round = `${kind} of round ${record.intent.round?.number}`;
    if (unusedTry !== round) await record.write(change.tryCounted(record.intent, kind));
    unusedTry = round;
  };

  /** Sees what became of calls; true if all were done, or had been before. */
  const settle = (what: string, outcomes: readonly Outcome<unknown>[]): boolean => {
    let isDone = true;
    for (const outcome of outcomes) {
      if (outcome.kind !== 'refused' || outcome.code !== 'NotStarted') unusedTry = undefined;
      if (outcome.kind === 'done') continue;
      if (outcome.kind === 'refused' && (outcome.code === 'AlreadyCordoned' || outcome.code === 'NotCordoned'))
        continue;
      isDone = false;
      const code = outcome.kind === 'refused' ? outcome.code : 'unknown';
      logger.info({ ...who, call: what, outcome: code, detail: outcome.message }, 'a call to Mayastor was not done');
    }
    return isDone;
  };

  /** Does a step that asks nothing of Mayastor, so that what was read before it still tells the truth. */
  const write = async (step: OwnStep): Promise<void> => {
    const { intent } = record;
    const nowMs = clock.nowMs();
    switch (step.kind) {
      case 'takeFence': {
        await fence.queue(step.toLift === true ? () => mayLift() && !isOver() : mayAct);
        // Cordons of whoever had it before may have been in what was read.
        lookout.forgetCluster();
        return;
      }
      case 'startRound': {
        for (const round of step.rounds) {
          const answer = await leases.swapHolds({ migrationId, token, holds: holdsOf(intent, round, settings.fleet) });
          if (answer.granted) return record.write(change.roundStarted(intent, round, step.zones));
        }
        await holdNoPool();
        await fence.drop();
        return sleep(capabilities.cachePeriodMs);
      }
      case 'recordAdded':
        return record.write(change.replicaAdded(intent, step, nowMs));
      case 'recordSynced':
        return record.write(change.replicaSynced(intent, nowMs));
      case 'planSteer':
        return record.write(change.steerPlanned(intent, step.steer));
      case 'forgetCordons': {
        const doubtMs = Math.max(cordonsInDoubtUntilMs, liftsInDoubtUntilMs) - clock.monotonicMs();
        if (doubtMs > 0) return sleep(Math.min(RETRY_MAX_MS, doubtMs));
        await record.write(change.cordonsForgotten(intent));
        return step.keepsFence === true ? undefined : fence.drop();
      }
      case 'planFence':
        return record.write(change.fencePlanned(intent, step.fence));
      case 'endRound':
        await record.write(change.roundEnded(intent, step.moved));
        await fence.drop();
        return holdNoPool();
      case 'rollBack':
        return record.write(change.rolledBack(intent, step.rollback));
      case 'attend':
        if (intent.attention?.reason !== step.reason) {
          await record.write(change.attentionNeeded(intent, step.reason, step.message, nowMs));
          logger.error({ ...who, reason: step.reason, detail: step.message }, 'migration needs attention');
        }
        // Each time, since whoever wrote it may have died before it came to this.
        await leases.releaseHolds(migrationId, token);
        await fence.drop();
        return sleep(2 * capabilities.cachePeriodMs);
    }
  };

  const setReplicaCount = async (replicaCount: number, mayStart: () => boolean): Promise<Outcome<unknown>> => {
    const outcome = await mayastor.setReplicaCount(volumeId, replicaCount, mayStart);
    lookout.volumeTouched();
    if (outcome.kind !== 'refused') unprovenCount = { replicaCount };
    if (outcome.kind === 'unknown') countInDoubt = { replicaCount, untilMs: clock.monotonicMs() + DOUBT_MS };
    return outcome;
  };
  const cordon = async (kind: 'pool' | 'node', names: readonly string[]): Promise<boolean> => {
    const label = cordonLabelOf(migrationId);
    const { outcomes, failure } = await allOf(
      names.map((name) =>
        kind === 'pool' ? mayastor.cordonPool(name, mayCallFenced) : mayastor.cordonNode(name, label, mayCallFenced),
      ),
    );
    const isInDoubt = outcomes.some((outcome) => outcome.kind === 'unknown');
    const doubtEndsMs = clock.monotonicMs() + DOUBT_MS;
    if (isInDoubt) cordonsInDoubtUntilMs = doubtEndsMs;
    if (ownership.lost) {
      const sent = names.filter((_, position) => outcomes[position]?.kind !== 'refused');
      await withdraw(kind, sent, isInDoubt ? doubtEndsMs : 0);
    }
    if (failure !== undefined) throw failure.reason;
    return settle(`cordon of a ${kind}`, outcomes);
  };
  /**
   * A process that stood still between its last check and the call may set a cordon when the move is another's. What
   * the record lists its owner takes away; the rest is known to nobody else. One without an answer may come until the
   * doubt ends, so it is taken away then as well.
   */
  const withdraw = async (kind: 'pool' | 'node', names: readonly string[], doubtEndsMs: number): Promise<void> => {
    let left = names;
    const untilMs = clock.monotonicMs() + WITHDRAWAL_MS;
    while (left.length > 0 && clock.monotonicMs() < untilMs && !over.signal.aborted) {
      try {
        const stored = await record.stored();
        const round = stored?.state === 'active' && stored.migrationId === migrationId ? stored.round : undefined;
        const listed = cordonsIn(round, kind);
        // Its owner may have looked before and forget it now, so that what is listed is looked at again.
        const unlisted = left.filter((name) => !listed.includes(name));
        if (kind === 'pool' && unlisted.length > 0) await fence.queue(() => mayLift() && !isOver());
        const isDone = await lift(kind === 'pool' ? unlisted : [], kind === 'node' ? unlisted : []);
        const isCertain = clock.monotonicMs() >= doubtEndsMs;
        if (isDone && isCertain) left = left.filter((name) => listed.includes(name));
        else if (isDone) await pause(clock, Math.max(0, doubtEndsMs - clock.monotonicMs() - RETRY_MAX_MS), over.signal);
      } catch (error) {
        if (!isDependencyError(error)) throw error;
      }
      if (left.length > 0) await pause(clock, RETRY_MAX_MS, over.signal);
    }
    if (left.length > 0) logger.error({ ...who, [kind]: left }, 'cordons that came too late may be left');
  };
  const lift = async (pools: readonly string[], nodes: readonly string[]): Promise<boolean> => {
    for (const pool of pools) {
      liftsInDoubtUntilMs = Math.max(liftsInDoubtUntilMs, unansweredLifts.get(pool) ?? 0);
    }
    const { outcomes, failure } = await allOf([
      ...pools.map((pool) => mayastor.uncordonPool(pool, mayLiftPool)),
      ...nodes.map((node) => mayastor.uncordonNode(node, cordonLabelOf(migrationId), mayLift)),
    ]);
    for (const [position, pool] of pools.entries()) {
      if (outcomes[position]?.kind === 'unknown') unansweredLifts.set(pool, clock.monotonicMs() + DOUBT_MS);
    }
    if (failure !== undefined) throw failure.reason;
    return settle('removal of a cordon', outcomes);
  };

  /** Does a step that changes Mayastor; false if it was not done. */
  const call = async (step: CallStep): Promise<boolean> => {
    switch (step.kind) {
      case 'fencePools':
        return cordon('pool', step.pools);
      case 'fenceNodes':
        return cordon('node', step.nodes);
      case 'grow': {
        await writeTry('growths');
        const outcome = await setReplicaCount(step.replicaCount, mayCallFenced);
        const isDone = settle('growth', [outcome]);
        const rollback = outcome.kind === 'refused' ? refusedGrowth(outcome) : undefined;
        if (rollback !== undefined && record.intent.rollback === undefined) {
          await record.write(change.rolledBack(record.intent, rollback));
        }
        return isDone;
      }
      case 'steerByCordon':
        await writeTry('shrinks');
        return cordon('node', [step.node]);
      case 'steerByChildRemoval': {
        await writeTry('shrinks');
        const outcome = await mayastor.removeChild(step.nexusId, step.childUri, mayCallFenced);
        lookout.volumeTouched();
        return settle('removal of a child', [outcome]);
      }
      case 'shrink': {
        await writeTry('shrinks');
        const mayShrink = record.intent.round?.steer === undefined ? mayCall : mayCallFenced;
        const outcome = await setReplicaCount(step.replicaCount, mayShrink);
        return settle('shrink', [outcome]);
      }
      case 'lift':
        return lift(step.pools, step.nodes);
    }
  };

  /** True once the move may go on: one that waited for a person has to find room within the limits again. */
  const attentionIsOver = async (step: Step): Promise<boolean> => {
    const { intent } = record;
    if (intent.attention === undefined || step.kind === 'attend' || isRemoval(step)) return true;
    const holds = holdsOf(intent, intent.round, settings.fleet);
    const answer = await leases.acquireHolds({ migrationId, token, holds });
    if (answer.granted) await record.write(change.attentionOver(intent));
    else await sleep(capabilities.cachePeriodMs);
    return false;
  };

  /** One step; the result if it was the last. */
  const advance = async (): Promise<MoveResult | undefined> => {
    // Who may not even lift, since the bus is away, has no use for what others wait for.
    if (!mayLift()) await fence.drop();
    if (record.ended !== undefined) {
      await record.settle();
      await leases.releaseHolds(migrationId, token);
      context.onEnded(record.ended);
      return 'ended';
    }
    const probing = !isFilling(record.intent);
    const mayastorSeen = await lookout.see({ probing });
    const arriving = board.arriving(volumeId, record.revision);
    const seen: Evidence = { ...mayastorSeen, ...(arriving === undefined ? {} : { arriving }), ...standing() };
    const step = nextStep(record.intent, seen, capabilities);
    context.onStep(record.intent, step, seen);
    if (step.kind === 'look') {
      if (step.at === 'arriving') await hearOfOthers();
      else await lookout.look(step.at);
      return undefined;
    }
    if (isRemoval(step)) {
      // Who has taken the move over uses the same cordons.
      if (ownership.lost && (!mayLift() || !(await record.isOurs()))) return 'lost';
    } else {
      if (ownership.lost) return 'lost';
      if (signal.aborted) return 'released';
      if (record.isUnsettled) {
        await record.settle();
        return undefined;
      }
    }
    switch (step.kind) {
      case 'wait':
        if (!holdsNeeded(step.reason)) await fence.drop();
        await sleep(waitMs(step.reason, record.intent, seen, capabilities));
        return undefined;
      case 'end':
        await record.write(change.ended(record.intent, step.end, seen.volume, endMs(), settings.backoff));
        return undefined;
      case 'fencePools':
      case 'fenceNodes':
      case 'grow':
      case 'steerByCordon':
      case 'steerByChildRemoval':
      case 'shrink':
      case 'lift': {
        if (!(await attentionIsOver(step))) return undefined;
        failedCalls = (await call(step)) ? 0 : failedCalls + 1;
        if (touchesVolume(step)) lookout.forget();
        else lookout.forgetCluster();
        if (failedCalls > 0) await sleep(Math.min(RETRY_MAX_MS, RETRY_MS * 2 ** (failedCalls - 1)));
        return undefined;
      }
      case 'takeFence':
      case 'startRound':
      case 'recordAdded':
      case 'recordSynced':
      case 'planSteer':
      case 'forgetCordons':
      case 'planFence':
      case 'endRound':
      case 'rollBack':
      case 'attend':
        if (await attentionIsOver(step)) await write(step);
        return undefined;
    }
  };

  const lost = (): MoveResult => {
    if (unprovenCount !== undefined) context.onLateCall(record.intent, unprovenCount.replicaCount);
    return 'lost';
  };

  try {
    for (;;) {
      if (signal.aborted) {
        farewellEndsMs ??= clock.monotonicMs() + FAREWELL_MS;
        if (clock.monotonicMs() > farewellEndsMs) return record.ended !== undefined ? 'ended' : 'released';
      }
      try {
        const result = await advance();
        if (result === 'lost') return lost();
        if (result !== undefined) return result;
      } catch (error) {
        if (error instanceof ConflictError) return lost();
        if (!isDependencyError(error)) throw error;
        if (record.ended !== undefined && ownership.lost) return 'ended';
        logger.info({ ...who, err: error }, 'a dependency is away, the move waits');
        await sleep(1_000);
      }
    }
  } finally {
    over.abort(new Error('the move ended here'));
    await fence.drop().catch((error: unknown) => {
      logger.info({ ...who, err: error }, 'fence lease not given back, it lapses');
    });
  }
}

/**
 * Waits for all, also where one could not be made: the others are under way, or wait for their turn, and what they do
 * after the move went on is not what it looked for.
 */
async function allOf(
  calls: readonly Promise<Outcome<unknown>>[],
): Promise<{ readonly outcomes: readonly Outcome<unknown>[]; readonly failure: PromiseRejectedResult | undefined }> {
  const results = await Promise.allSettled(calls);
  return {
    outcomes: results.map((result) => (result.status === 'fulfilled' ? result.value : neverSent)),
    failure: results.find((result) => result.status === 'rejected'),
  };
}

const neverSent: Outcome<unknown> = {
  kind: 'refused',
  code: 'NotStarted',
  leftBehind: 'nothing',
  message: 'the call was not granted',
  status: undefined,
};

function isRemoval(step: Step): boolean {
  return step.kind === 'lift' || (step.kind === 'takeFence' && step.toLift === true);
}

function cordonsIn(round: Round | undefined, kind: 'pool' | 'node'): readonly string[] {
  const fence = round?.fence?.kind === kind ? round.fence.ours : [];
  const steer = round?.steer?.kind === 'nodeCordon' && kind === 'node' ? [round.steer.node] : [];
  return [...fence, ...steer];
}

/** Short states keep the fence; nothing that lasts does. */
function holdsNeeded(reason: WaitReason): boolean {
  return reason === 'Busy' || reason === 'ReplicaNotPlaced' || reason === 'ReattachPending';
}

/** While a replica fills nothing rests on the volume being idle. */
function isFilling({ round, rollback }: ActiveIntent): boolean {
  return rollback === undefined && round?.addedAt !== undefined && round.syncedAt === undefined;
}

/** A fence says nothing of the volume. A steer does not either, but before the shrink that follows all is read again. */
function touchesVolume({ kind }: CallStep): boolean {
  return kind !== 'fencePools' && kind !== 'fenceNodes' && kind !== 'lift';
}

/** A copy that has ended is noticed late by a share of the time that it took, or by this. */
const FILLING_LOOK_MIN_MS = 2_000;
const FILLING_LOOK_SHARE = 0.025;

function waitMs(
  reason: WaitReason,
  { round }: ActiveIntent,
  evidence: Evidence,
  { cachePeriodMs }: Capabilities,
): number {
  switch (reason) {
    case 'Rebuilding': {
      const elapsedMs = round?.addedAt === undefined ? 0 : evidence.nowMs - parseTimestampMs(round.addedAt);
      return Math.min(cachePeriodMs, Math.max(FILLING_LOOK_MIN_MS, Math.ceil(FILLING_LOOK_SHARE * elapsedMs)));
    }
    case 'Busy':
    case 'ReattachPending':
      return Math.min(1_000, cachePeriodMs);
    case 'Settling': {
      // What has agreed for long enough and is not settled waits for something else to change.
      const leftMs = cachePeriodMs - evidence.stableForMs + 1;
      return leftMs > 0 ? Math.max(10, Math.ceil(leftMs)) : cachePeriodMs;
    }
    case 'Stopped':
    case 'CountInDoubt':
      return 2_000;
    case 'ReplicaNotPlaced':
    case 'HalfDoneGrowth':
    case 'VictimNodeAway':
    case 'KeptReplicaCordoned':
    case 'OwnersDiffer':
    case 'NotPublished':
    case 'VolumeDegraded':
      return cachePeriodMs;
  }
}
