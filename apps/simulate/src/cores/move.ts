import {
  changes,
  createCordonDoubts,
  createCountDoubts,
  createMoveGuards,
  failureOf,
  holdsOf,
  inheritedDoubt,
  isDependencyError,
  isFilling,
  isRemoval,
  keepsFence,
  nextStep,
  refusedGrowth,
  touchesVolume,
  waitMs,
  type CallStep,
  type Capabilities,
  type Evidence,
  type FleetLimits,
  type IntentBoard,
  type OwnStep,
  type PermissionKeeper,
  type Step,
} from '@couchestor/migrator/core-parts';
import { BusUnavailableError, ConflictError } from '@couchestor/shared/bus';
import type { Outcome } from '@couchestor/shared/mayastor';
import type { ActiveIntent } from '@couchestor/shared/messages';
import { CALL_TIMEOUT_MS, LATE_EFFECT_MS } from '../services/surroundings.ts';
import { LEASE_TTL_MS } from '../world/leases.ts';
import { createCoreCordons } from './cordons.ts';
import { createCoreFence } from './fence.ts';
import { hold, releaseHolds, type CoreLease, type Redis } from './leases.ts';
import { createCoreLookout } from './lookout.ts';
import type { MayastorCalls } from './mayastor-calls.ts';
import { createRecord, type Store } from './record.ts';
import { sleep as sleepFor, sleepUnlessWoken, type Task } from './task.ts';

export interface CoreMoveParts {
  readonly calls: MayastorCalls;
  readonly redis: Redis;
  readonly store: Store;
  readonly permission: PermissionKeeper;
  readonly board: IntentBoard;
  /** Takes in what has come of other moves. */
  readonly hear: () => void;
  readonly capabilities: Capabilities;
  readonly fleet: FleetLimits;
  readonly backoff: { readonly baseMs: number };
  readonly fenceQueue: Set<string>;
  /** Called when somebody has given the fence back. */
  readonly fenceWaiters: Set<() => void>;
  /** Called when all who sleep should look around. */
  readonly wakers: Set<() => void>;
  readonly isStopping: () => boolean;
  readonly abortRequested: (intent: ActiveIntent) => boolean;
  readonly onLateCall: (intent: ActiveIntent, replicaCount: number) => void;
  readonly onDefect: (error: unknown) => void;
}

const MARGIN_MS = 2_000;
/** The fence may lapse as well. */
const FENCE_RETRY_MS = 4_000;
/** After a dependency gave no answer. */
const AGAIN_MS = 250;
const RETRY_MS = 250;
const RETRY_MAX_MS = 5_000;
const FAREWELL_MS = 6_000;
const HEAR_AGAIN_MS = 100;

/** Walks one move to its end by the steps that the protocol names: what `runMove` does, without what it costs. */
export function* walkMove(
  parts: CoreMoveParts,
  start: { readonly intent: ActiveIntent; readonly revision: number },
  ownership: CoreLease,
  token: number,
): Task<'ended' | 'lost' | 'released'> {
  const { calls, redis, permission, board, hear, capabilities, fleet, isStopping, wakers } = parts;
  const { process } = redis.ways;
  const { clock } = process;
  const { migrationId, volumeId } = start.intent;
  const record = createRecord(parts.store, start, token, () => {
    count.proven();
  });
  let farewellEndsMs: number | undefined;
  let failedCalls = 0;
  const inherited = inheritedDoubt(start.intent);
  const inheritedUntilMs = clock.monotonicMs() + LATE_EFFECT_MS - LEASE_TTL_MS;
  let unusedTry: string | undefined;
  const count = createCountDoubts({
    clock,
    lateMs: LATE_EFFECT_MS,
    inheritedUntilMs: inherited.count ? inheritedUntilMs : 0,
  });
  const cordonDoubts = createCordonDoubts({
    clock,
    lateMs: LATE_EFFECT_MS,
    inheritedUntilMs: inherited.cordons ? inheritedUntilMs : 0,
  });

  const lookout = createCoreLookout({ volumeId, calls, clock, mayProbe: () => guards.mayAct() });
  function* sleep(ms: number): Task {
    lookout.forget();
    if (farewellEndsMs === undefined && isStopping()) return;
    yield* sleepUnlessWoken(process, ms, wakers);
  }
  const fence = createCoreFence({
    migrationId,
    token,
    redis,
    ownership,
    clock,
    waiting: parts.fenceQueue,
    rest: function* () {
      lookout.forget();
      if (farewellEndsMs !== undefined || !isStopping())
        yield* sleepUnlessWoken(process, FENCE_RETRY_MS, wakers, parts.fenceWaiters);
    },
    onDefect: parts.onDefect,
  });
  const guards = createMoveGuards({
    volumeId,
    record,
    ownership,
    fence,
    permission,
    board,
    clock,
    callTimeoutMs: CALL_TIMEOUT_MS,
    marginMs: MARGIN_MS,
    isFresh: lookout.isFresh,
    isStopping,
    farewellEndsMs: () => farewellEndsMs,
  });
  /** Sees what became of calls; true if all were done, or had been before. */
  const settle = (outcomes: readonly Outcome<unknown>[]): boolean => {
    let isDone = true;
    for (const outcome of outcomes) {
      if (outcome.kind !== 'refused' || outcome.code !== 'NotStarted') unusedTry = undefined;
      isDone &&= failureOf(outcome) === undefined;
    }
    return isDone;
  };
  const cordons = createCoreCordons({
    migrationId,
    calls,
    record,
    ownership,
    fence,
    clock,
    sleep: (ms) => sleepFor(process, ms),
    isStopping,
    doubts: cordonDoubts,
    guards,
    settle,
  });

  const endMs = (): number => Math.max(clock.nowMs(), permission.watcherNowMs() ?? Number.NEGATIVE_INFINITY);
  /** All that was stored before our record was; the fence is for who has it. */
  function* hearOfOthers(): Task {
    const untilMs = clock.monotonicMs() + CALL_TIMEOUT_MS;
    for (;;) {
      hear();
      if (board.arriving(volumeId, record.revision) !== undefined) return;
      if (clock.monotonicMs() > untilMs) {
        yield* fence.drop();
        throw new BusUnavailableError('hearing of other moves');
      }
      yield* sleepFor(process, HEAR_AGAIN_MS);
    }
  }
  const holds = (round = record.intent.round) => holdsOf(record.intent, round, fleet);
  const holdNoPool = (): Task<unknown> =>
    hold(redis, 'replace', migrationId, token, holdsOf(record.intent, undefined, fleet));
  function* writeTry(kind: 'growths' | 'shrinks'): Task {
    const round = `${kind} of round ${record.intent.round?.number}`;
    if (unusedTry !== round) yield* record.write(changes.tryCounted(record.intent, kind));
    unusedTry = round;
  }
  /** Whoever takes the move up from here waits for no count, if none can come. */
  const withCounts = (next: ActiveIntent): ActiveIntent => {
    if (count.inDoubt() !== undefined) return next;
    unusedTry = undefined;
    return changes.countsOver(next);
  };
  function* setCount(replicaCount: number, mayStart: () => boolean): Task<Outcome> {
    const path = `/volumes/${volumeId}/replica_count/${replicaCount}`;
    const outcome = yield* calls.change('setReplicaCount', 'PUT', path, mayStart);
    lookout.volumeTouched();
    count.afterSet(replicaCount, outcome);
    return outcome;
  }

  /** Does a step that asks nothing of Mayastor. */
  function* write(step: OwnStep): Task {
    const { intent } = record;
    const nowMs = clock.nowMs();
    switch (step.kind) {
      case 'takeFence':
        yield* fence.queue(step.toLift === true ? guards.mayWaitToLift : guards.mayAct);
        lookout.forgetCluster();
        return;
      case 'startRound': {
        for (const round of step.rounds) {
          const answer = yield* hold(redis, 'replace', migrationId, token, holds(round));
          if (answer.kind === 'granted') return yield* record.write(changes.roundStarted(intent, round, step.zones));
        }
        yield* holdNoPool();
        yield* fence.drop();
        return yield* sleep(capabilities.cachePeriodMs);
      }
      case 'recordAdded':
        return yield* record.write(withCounts(changes.replicaAdded(intent, step, nowMs)));
      case 'recordSynced':
        return yield* record.write(withCounts(changes.replicaSynced(intent, nowMs)));
      case 'planSteer':
        return yield* record.write(changes.steerPlanned(intent, step.steer));
      case 'planFence':
        return yield* record.write(changes.fencePlanned(intent, step.fence));
      case 'forgetCordons': {
        const doubtMs = cordonDoubts.leftMs();
        if (doubtMs > 0) return yield* sleep(Math.min(RETRY_MAX_MS, doubtMs));
        yield* record.write(changes.cordonsForgotten(intent));
        cordonDoubts.areGone();
        if (step.keepsFence !== true) yield* fence.drop();
        return;
      }
      case 'endRound':
        yield* record.write(changes.roundEnded(intent, step.moved));
        yield* fence.drop();
        yield* holdNoPool();
        return;
      case 'rollBack':
        return yield* record.write(changes.rolledBack(intent, step.rollback));
      case 'attend':
        if (intent.attention?.reason !== step.reason)
          yield* record.write(changes.attentionNeeded(intent, step.reason, step.message, nowMs));
        yield* releaseHolds(redis, migrationId, token);
        yield* fence.drop();
        return yield* sleep(2 * capabilities.cachePeriodMs);
    }
  }

  /** Does a step that changes Mayastor; false if it was not done. */
  function* call(step: CallStep): Task<boolean> {
    switch (step.kind) {
      case 'fencePools':
        return yield* cordons.set('pool', step.pools);
      case 'fenceNodes':
        return yield* cordons.set('node', step.nodes);
      case 'grow': {
        yield* writeTry('growths');
        const outcome = yield* setCount(step.replicaCount, guards.mayCallFenced);
        const isDone = settle([outcome]);
        const rollback = outcome.kind === 'refused' ? refusedGrowth(outcome) : undefined;
        if (rollback !== undefined && record.intent.rollback === undefined)
          yield* record.write(changes.rolledBack(record.intent, rollback));
        return isDone;
      }
      case 'steerByCordon':
        yield* writeTry('shrinks');
        return yield* cordons.set('node', [step.node]);
      case 'steerByChildRemoval': {
        yield* writeTry('shrinks');
        const path = `/nexuses/${step.nexusId}/children/${encodeURIComponent(step.childUri)}`;
        const outcome = yield* calls.change('removeChild', 'DELETE', path, guards.mayCallFenced);
        lookout.volumeTouched();
        return settle([outcome]);
      }
      case 'shrink': {
        yield* writeTry('shrinks');
        const mayShrink = record.intent.round?.steer === undefined ? guards.mayCall : guards.mayCallFenced;
        return settle([yield* setCount(step.replicaCount, mayShrink)]);
      }
      case 'lift':
        return yield* cordons.lift(step.pools, step.nodes);
    }
  }

  /** True once the move may go on: one that waited for a person has to find room within the limits again. */
  function* attentionIsOver(step: Step): Task<boolean> {
    const { intent } = record;
    if (intent.attention === undefined || step.kind === 'attend' || isRemoval(step)) return true;
    const answer = yield* hold(redis, 'add', migrationId, token, holds());
    if (answer.kind === 'granted') yield* record.write(changes.attentionOver(intent));
    else yield* sleep(capabilities.cachePeriodMs);
    return false;
  }

  /** One step; the result if it was the last. */
  function* advance(): Task<'ended' | 'lost' | 'released' | undefined> {
    if (!guards.mayLift()) yield* fence.drop();
    if (record.ended !== undefined) {
      yield* record.settle();
      yield* releaseHolds(redis, migrationId, token);
      return 'ended';
    }
    const { intent } = record;
    const mayastorSeen = yield* lookout.see(!isFilling(intent));
    const arriving = board.arriving(volumeId, record.revision);
    const countInDoubt = count.inDoubt();
    const seen: Evidence = {
      ...mayastorSeen,
      ...(arriving === undefined ? {} : { arriving }),
      mayAct: guards.mayAct(),
      fenceHeld: fence.isHeld,
      fencedElsewhere: board.fencedElsewhere(volumeId, clock.nowMs()),
      ...(guards.isFenceNobodys() ? { fenceIsNobodys: true } : {}),
      abortRequested: parts.abortRequested(intent),
      ...(countInDoubt === undefined ? {} : { countInDoubt }),
      ...(cordonDoubts.isLiftInDoubt() ? { liftInDoubt: true } : {}),
    };
    const step = nextStep(intent, seen, capabilities);
    if (step.kind === 'look') {
      if (step.at === 'arriving') yield* hearOfOthers();
      else yield* lookout.look(step.at);
      return undefined;
    }
    if (isRemoval(step)) {
      if (ownership.lost && (!guards.mayLift() || !(yield* record.isOurs()))) return 'lost';
    } else {
      if (ownership.lost) return 'lost';
      if (isStopping()) return 'released';
      if (record.isUnsettled) {
        yield* record.settle();
        return undefined;
      }
    }
    switch (step.kind) {
      case 'wait':
        if (!keepsFence(step.reason, seen)) yield* fence.drop();
        yield* sleep(waitMs(step.reason, record.intent, seen, capabilities));
        return undefined;
      case 'end':
        yield* record.write(changes.ended(record.intent, step.end, seen.volume, endMs(), parts.backoff));
        return undefined;
      case 'fencePools':
      case 'fenceNodes':
      case 'grow':
      case 'steerByCordon':
      case 'steerByChildRemoval':
      case 'shrink':
      case 'lift': {
        if (!(yield* attentionIsOver(step))) return undefined;
        failedCalls = (yield* call(step)) ? 0 : failedCalls + 1;
        if (touchesVolume(step)) lookout.forget();
        else lookout.forgetCluster();
        if (failedCalls > 0) yield* sleep(Math.min(RETRY_MAX_MS, RETRY_MS * 2 ** (failedCalls - 1)));
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
        if (yield* attentionIsOver(step)) yield* write(step);
        return undefined;
    }
  }

  const lost = (): 'lost' => {
    if (count.unproven !== undefined) parts.onLateCall(record.intent, count.unproven);
    return 'lost';
  };
  function* untilOver(): Task<'ended' | 'lost' | 'released'> {
    for (;;) {
      if (isStopping()) {
        farewellEndsMs ??= clock.monotonicMs() + FAREWELL_MS;
        if (clock.monotonicMs() > farewellEndsMs) return record.ended !== undefined ? 'ended' : 'released';
      }
      hear();
      try {
        const result = yield* advance();
        if (result === 'lost') return lost();
        if (result !== undefined) return result;
      } catch (error) {
        if (error instanceof ConflictError) return lost();
        if (!isDependencyError(error)) throw error;
        if (record.ended !== undefined && ownership.lost) return 'ended';
        yield* sleep(AGAIN_MS);
      }
    }
  }
  const result = yield* untilOver();
  try {
    yield* fence.drop();
  } catch (error) {
    // It lapses.
    if (!isDependencyError(error)) throw error;
  }
  return result;
}
