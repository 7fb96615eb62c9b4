import { BusUnavailableError, ConflictError } from '@couchestor/shared/bus';
import { pause } from '@couchestor/shared/clock';
import type { Outcome } from '@couchestor/shared/mayastor';
import type { ActiveIntent } from '@couchestor/shared/messages';
import { createCordonDoubts } from './cordon-doubts.ts';
import { createCordons } from './cordons.ts';
import type { Evidence } from './core/evidence.ts';
import { holdsOf } from './core/holds.ts';
import { inheritedDoubt } from './core/inherited-doubt.ts';
import * as change from './core/intent-changes.ts';
import { nextStep } from './core/next-step.ts';
import { refusedGrowth } from './core/refused-growth.ts';
import type { CallStep, OwnStep, Step } from './core/step.ts';
import { createCountDoubts } from './count-doubts.ts';
import { isDependencyError } from './dependency-error.ts';
import type { HeldLease } from './held-lease.ts';
import { createLookout } from './lookout.ts';
import type { MoveContext, MoveResult } from './move-context.ts';
import { createMoveFence } from './move-fence.ts';
import { createMoveGuards } from './move-guards.ts';
import { createMoveRecord } from './move-record.ts';
import { failureOf, isFilling, isRemoval, touchesVolume } from './move-rules.ts';
import type { MayStart } from './ports.ts';
import type { SeenEvidence } from './seen-evidence.ts';
import { keepsFence, waitMs } from './waiting-time.ts';

/** After a call that was not done, doubled each time in a row up to the maximum. */
const RETRY_MS = 500;
const RETRY_MAX_MS = 5_000;
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
    onStored: () => count.proven(),
  });
  let farewellEndsMs: number | undefined;
  let failedCalls = 0;
  const inherited = inheritedDoubt(start.intent);
  const inheritedUntilMs = clock.monotonicMs() + Math.max(0, settings.lateEffectMs - settings.leaseTtlMs);
  const count = createCountDoubts({
    clock,
    lateMs: settings.lateEffectMs,
    inheritedUntilMs: inherited.count ? inheritedUntilMs : 0,
  });
  const cordonDoubts = createCordonDoubts({
    clock,
    lateMs: settings.lateEffectMs,
    inheritedUntilMs: inherited.cordons ? inheritedUntilMs : 0,
  });
  /** A try that was counted and never left us need not be counted again. */
  let unusedTry: string | undefined;

  const lookout = createLookout({
    volumeId,
    mayastor,
    clock,
    mayProbe: () => guards.mayAct(),
    signal: over.signal,
  });
  const standing = (): Omit<Evidence, keyof SeenEvidence | 'arriving'> => {
    const countInDoubt = count.inDoubt();
    return {
      mayAct: guards.mayAct(),
      fenceHeld: fence.isHeld,
      fencedElsewhere: board.fencedElsewhere(volumeId, clock.nowMs()),
      ...(guards.isFenceNobodys() ? { fenceIsNobodys: true } : {}),
      abortRequested: context.abortRequested(record.intent),
      ...(countInDoubt === undefined ? {} : { countInDoubt }),
      ...(cordonDoubts.isLiftInDoubt() ? { liftInDoubt: true } : {}),
    };
  };

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
    ownership,
    leaseTtlMs: settings.leaseTtlMs,
    clock,
    waiting: context.fenceQueue,
    sleep,
    onError: (error) => logger.warn({ ...who, err: error }, 'fence lease not renewed'),
  });
  const guards = createMoveGuards({
    volumeId,
    record,
    ownership,
    fence,
    permission,
    board,
    clock,
    callTimeoutMs: settings.callTimeoutMs,
    marginMs: settings.marginMs,
    isFresh: lookout.isFresh,
    isStopping: () => signal.aborted,
    farewellEndsMs: () => farewellEndsMs,
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

  /** Whoever takes the move up from here waits for no count, if none can come. */
  const withCounts = (next: ActiveIntent): ActiveIntent => {
    if (count.inDoubt() !== undefined) return next;
    unusedTry = undefined;
    return change.countsOver(next);
  };

  /** Sees what became of calls; true if all were done, or had been before. */
  const settle = (what: string, outcomes: readonly Outcome<unknown>[]): boolean => {
    let isDone = true;
    for (const outcome of outcomes) {
      if (outcome.kind !== 'refused' || outcome.code !== 'NotStarted') unusedTry = undefined;
      const failure = failureOf(outcome);
      if (failure === undefined) continue;
      isDone = false;
      const { code, message } = failure;
      logger.info({ ...who, call: what, outcome: code, detail: message }, 'a call to Mayastor was not done');
    }
    return isDone;
  };

  /** Does a step that asks nothing of Mayastor, so that what was read before it still tells the truth. */
  const write = async (step: OwnStep): Promise<void> => {
    const { intent } = record;
    const nowMs = clock.nowMs();
    switch (step.kind) {
      case 'takeFence': {
        await fence.queue(step.toLift === true ? guards.mayWaitToLift : guards.mayAct);
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
        return record.write(withCounts(change.replicaAdded(intent, step, nowMs)));
      case 'recordSynced':
        return record.write(withCounts(change.replicaSynced(intent, nowMs)));
      case 'planSteer':
        return record.write(change.steerPlanned(intent, step.steer));
      case 'forgetCordons': {
        const doubtMs = cordonDoubts.leftMs();
        if (doubtMs > 0) return sleep(Math.min(RETRY_MAX_MS, doubtMs));
        await record.write(change.cordonsForgotten(intent));
        cordonDoubts.areGone();
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

  const setCount = async (replicaCount: number, mayStart: MayStart): Promise<Outcome<unknown>> => {
    const outcome = await mayastor.setReplicaCount(volumeId, replicaCount, mayStart);
    lookout.volumeTouched();
    count.afterSet(replicaCount, outcome);
    return outcome;
  };
  const cordons = createCordons({
    migrationId,
    mayastor,
    record,
    ownership,
    fence,
    clock,
    signal: over.signal,
    stopping: signal,
    doubts: cordonDoubts,
    guards,
    settle,
    logger,
    who,
  });

  /** Does a step that changes Mayastor; false if it was not done. */
  const call = async (step: CallStep): Promise<boolean> => {
    switch (step.kind) {
      case 'fencePools':
        return cordons.set('pool', step.pools);
      case 'fenceNodes':
        return cordons.set('node', step.nodes);
      case 'grow': {
        await writeTry('growths');
        const outcome = await setCount(step.replicaCount, guards.mayCallFenced);
        const isDone = settle('growth', [outcome]);
        const rollback = outcome.kind === 'refused' ? refusedGrowth(outcome) : undefined;
        if (rollback !== undefined && record.intent.rollback === undefined) {
          await record.write(change.rolledBack(record.intent, rollback));
        }
        return isDone;
      }
      case 'steerByCordon':
        await writeTry('shrinks');
        return cordons.set('node', [step.node]);
      case 'steerByChildRemoval': {
        await writeTry('shrinks');
        const outcome = await mayastor.removeChild(step.nexusId, step.childUri, guards.mayCallFenced);
        lookout.volumeTouched();
        return settle('removal of a child', [outcome]);
      }
      case 'shrink': {
        await writeTry('shrinks');
        const mayShrink = record.intent.round?.steer === undefined ? guards.mayCall : guards.mayCallFenced;
        const outcome = await setCount(step.replicaCount, mayShrink);
        return settle('shrink', [outcome]);
      }
      case 'lift':
        return cordons.lift(step.pools, step.nodes);
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
    if (!guards.mayLift()) await fence.drop();
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
      if (ownership.lost && (!guards.mayLift() || !(await record.isOurs()))) return 'lost';
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
        if (!keepsFence(step.reason, seen)) await fence.drop();
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
    if (count.unproven !== undefined) context.onLateCall(record.intent, count.unproven);
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
