import type { MigrationEvent } from '@couchestor/shared/bus';
import type { ActiveIntent, Heartbeat, Intent, MigrationRequested } from '@couchestor/shared/messages';
import type { SimulatedProcess } from '../world/process.ts';
import type { RoomGrant, World } from '../world/world.ts';
import { leftBehind, notConverged } from './at-rest.ts';
import {
  callsBeforeItIsOver,
  callsBesideAnother,
  goesOnThoughAborted,
  growsBesideDrain,
  growsIntoFewerZones,
  growsUnfenced,
  overfills,
  restsOnOldRead,
  shrinksOutOfReach,
  shrinksUnpublished,
  shrinkTooSoon,
} from './counts.ts';
import { NEWS_MS, NOTICE_MS } from './knowable.ts';
import { budgetExceeded, limitExceeded, overfull } from './limits.ts';
import {
  completedElsewhere,
  copiesInVain,
  failsWithoutCause,
  forgottenBefore,
  redundancyLost,
  saidToHaveGone,
  syncedTooSoon,
  waitsTooLong,
} from './moves.ts';
import {
  actsWithoutLease,
  changesRoomOfAnother,
  countsForAnother,
  keepsRoomForNothing,
  liftsWhatOthersUse,
  makesRoomForOthers,
  writesForAnother,
} from './owners.ts';
import type { SeenCall } from './seen-call.ts';
import {
  isAstray,
  movesTooMany,
  nobodyIsRight,
  shouldHaveStayed,
  startsAgainstWishes,
  startsAmongFailures,
  startsAmongUnknown,
  startsByWrongClock,
  startsForNothing,
  startsFromElsewhere,
  startsOutsideWindow,
  startsTooLate,
  startsTooMany,
  startsTooSoon,
  startsWithoutScore,
} from './starts.ts';
import { afterStop, askedWhilePaused, completedThoughAborted, permitsThoughPaused } from './stops.ts';

/**
 * What must always hold, whatever goes wrong. Each is looked at in the moments in which it could be broken: when a call
 * that changes something reaches Mayastor, when an intent is written, after each step, and when all has come to rest.
 * The simulation knows the truth, the services do not: what they cannot know yet is no breach.
 */
export interface Invariant {
  readonly id: InvariantId;
  readonly says: string;
  readonly onArrival?: (call: SeenCall, world: World) => string | undefined;
  /** A scorer asks for a move; not told of one that stood still so lately that it may ask for what it decided before. */
  readonly onRequested?: (request: MigrationRequested, world: World, scorer: SimulatedProcess) => string | undefined;
  readonly onAccepted?: (intent: ActiveIntent, world: World, writer: SimulatedProcess) => string | undefined;
  readonly onIntent?: (
    next: Intent,
    previous: Intent | undefined,
    world: World,
    writer: SimulatedProcess,
  ) => string | undefined;
  readonly onEvent?: (event: MigrationEvent, world: World) => string | undefined;
  readonly onHeartbeat?: (heartbeat: Heartbeat, world: World) => string | undefined;
  readonly onRoom?: (granted: RoomGrant, world: World) => string | undefined;
  readonly onRoomBack?: (given: RoomGrant, world: World) => string | undefined;
  readonly afterStep?: (world: World) => string | undefined;
  readonly atRest?: (world: World) => readonly string[];
}

export const invariantIds = ['I1', 'I2', 'I3', 'I4', 'I5', 'I6', 'I7', 'I8', 'I9', 'I10', 'I11', 'I12'] as const;

export type InvariantId = (typeof invariantIds)[number];

export const invariants: readonly Invariant[] = [
  {
    id: 'I1',
    says: 'healthy replicas are never fewer, by an act of ours, than at the start of a move, but by the opt-in to shrink first, never below two',
    afterStep: redundancyLost,
  },
  {
    id: 'I2',
    says: 'no −1 before the new replica is synced and the victim is the intended one',
    onArrival: (call, world) =>
      call.isLate
        ? undefined
        : (shrinksUnpublished(call, world) ??
          shrinkTooSoon(call, world) ??
          shrinksOutOfReach(call, world) ??
          restsOnOldRead(call, world)),
    onIntent: syncedTooSoon,
    onEvent: saidToHaveGone,
  },
  {
    id: 'I3',
    says: 'one move per volume, cluster-wide',
    onArrival: (call, world) =>
      call.isLate
        ? undefined
        : (actsWithoutLease(call, world) ?? liftsWhatOthersUse(call, world) ?? countsForAnother(call, world)),
    onIntent: (next, previous, world, writer) =>
      previous?.state === 'active' && previous.migrationId !== next.migrationId
        ? `${next.migrationId} began while ${previous.migrationId} was in flight`
        : writesForAnother(next, previous, world, writer),
    onRoom: changesRoomOfAnother,
    onAccepted: ({ migrationId }, { truth }) =>
      truth.takenUpAgain.has(migrationId) ? `${migrationId} is taken up again` : undefined,
  },
  {
    id: 'I4',
    says: 'after any crash the replica count returns to normal or the move is needs-attention; nothing leaks',
    onArrival: (call, world) =>
      call.isLate ? undefined : (callsBesideAnother(call, world) ?? callsBeforeItIsOver(call, world)),
    onHeartbeat: (_heartbeat, world) => keepsRoomForNothing(world) ?? waitsTooLong(world),
    onIntent: (next, previous, world) => forgottenBefore(next, previous, world),
    atRest: leftBehind,
  },
  {
    id: 'I5',
    says: 'unknown or stale never moves',
    onRequested: (request, world) => startsWithoutScore(request, world) ?? startsAmongUnknown(request, world),
    onAccepted: (intent, world) => startsWithoutScore(intent, world) ?? startsTooLate(intent, world),
  },
  {
    id: 'I6',
    says: 'no limit is ever exceeded, also during failover and after Redis lost its data',
    onRequested: startsAmongFailures,
    onIntent: (_next, _previous, world) => limitExceeded(world),
    onAccepted: (intent, world) => startsTooMany(intent, world) ?? movesTooMany(intent, world),
    onRoomBack: makesRoomForOthers,
    onHeartbeat: (_heartbeat, world) => budgetExceeded(world),
  },
  {
    id: 'I7',
    says: 'two moves of a volume are a cooldown apart, up to the clock tolerance',
    onRequested: (request, world, scorer) =>
      isAstray(scorer.wallOffsetMs) ? undefined : startsTooSoon(request, world, NEWS_MS),
    onAccepted: (intent, world, writer) =>
      nobodyIsRight(writer, world.truth) ? undefined : startsTooSoon(intent, world, 0),
  },
  {
    id: 'I8',
    says: 'nothing starts outside its window, with the same tolerance',
    onRequested: (request, world, scorer) =>
      isAstray(scorer.wallOffsetMs) ? undefined : startsOutsideWindow(request, world),
    onAccepted: (intent, world, writer) =>
      startsByWrongClock(intent, world, writer) ??
      (nobodyIsRight(writer, world.truth) ? undefined : startsOutsideWindow(intent, world)),
  },
  {
    id: 'I9',
    says: 'no target pool goes beyond its capacity limit, and no volume comes to lie in fewer zones',
    onArrival: (call, world) =>
      call.isLate
        ? undefined
        : (overfills(call, world) ?? growsUnfenced(call, world) ?? growsIntoFewerZones(call, world)),
    onEvent: (event, world) => (event.name === 'migration.replica-added' ? overfull(world, event)[0] : undefined),
    atRest: (world) => overfull(world),
  },
  {
    id: 'I10',
    says: 'nothing moves that is degraded, has snapshots without the opt-in, is drained, or is being moved by another',
    onArrival: (call, world) => (call.isLate ? undefined : growsBesideDrain(call, world)),
    onRequested: (request, world) => shouldHaveStayed(request, world, NEWS_MS),
    onAccepted: (intent, world, writer) =>
      shouldHaveStayed(intent, world, NOTICE_MS + world.profile.cachePeriodMs) ??
      startsFromElsewhere(intent, world, writer),
  },
  {
    id: 'I11',
    says: 'with healthy dependencies every volume reaches its tier or a reason, and then nothing changes',
    onRequested: startsForNothing,
    onEvent: copiesInVain,
    onIntent: (next, previous, world) =>
      completedElsewhere(next, previous, world) ?? failsWithoutCause(next, previous, world),
    atRest: notConverged,
  },
  {
    id: 'I12',
    says: 'stop works: no call 14 s after the last heartbeat that allowed it, none once a pause was heard',
    onArrival: (call, world) => afterStop(call, world) ?? (call.isLate ? undefined : goesOnThoughAborted(call, world)),
    onRequested: (request, world) => askedWhilePaused(world) ?? startsAgainstWishes(request, world),
    onAccepted: startsAgainstWishes,
    onHeartbeat: permitsThoughPaused,
    onIntent: (next, _previous, world) => completedThoughAborted(next, world),
  },
];
