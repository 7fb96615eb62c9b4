import type { MigrationEvent } from '@couchestor/shared/bus';
import {
  cordonLabelOf,
  type ActiveIntent,
  type Heartbeat,
  type Intent,
  type MigrationRequested,
} from '@couchestor/shared/messages';
import { CALLS_PER_SECOND, FLEET_BYTES } from './services/migrator.ts';
import { CALL_TIMEOUT_MS } from './services/surroundings.ts';
import {
  CLOCK_TOLERANCE_MS,
  drainedNode,
  isAstray,
  isRepair,
  movesTooMany,
  NEWS_MS,
  nobodyIsRight,
  NOTICE_MS,
  shouldHaveStayed,
  specOf,
  startsAgainstWishes,
  startsAmongFailures,
  startsAmongUnknown,
  startsByWrongClock,
  startsForNothing,
  startsFromElsewhere,
  startsTooLate,
  startsOutsideWindow,
  startsTooMany,
  startsTooSoon,
  startsWithoutScore,
  wasCalledLate,
} from './starts.ts';
import { LEASE_TTL_MS } from './world/leases.ts';
import type { ArrivingCall } from './world/mayastor.ts';
import type { SimulatedProcess } from './world/process.ts';
import { HIGH_IOPS, SIZE_BYTES } from './world/profile.ts';
import { GROWTH_DIES } from './world/provoking.ts';
import { PERSON, type RoomGrant, type World } from './world/world.ts';

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

/** A changing call with what it means. */
export interface SeenCall extends ArrivingCall {
  readonly change: Change;
  /** The process stood still so lately that this may be a call decided before. */
  readonly isLate: boolean;
}

export type Change =
  | { readonly kind: 'probe' }
  | { readonly kind: 'count'; readonly volumeId: string; readonly count: number }
  | { readonly kind: 'child' }
  | { readonly kind: 'cordon' }
  | { readonly kind: 'uncordon' };

/** Permit and tail of the permit, from when the last heartbeat was stored. */
const PERMIT_MS = 14_000;
const LIFT_MS = 18_000;
/** A call may rest on a read of so long ago. */
const FRESH_MS = 7_000;
const HOUR_MS = 3_600_000;
/** Times of Redis are whole milliseconds, and what it is asked travels. */
const RENEWED_MS = 1_000;
/** What was granted is written within this. */
const WRITTEN_MS = 14_000;
/** So long Mayastor answers a call in time. */
const BUSY_MS = 5_000;
/** After Redis forgot something its leases are those that it remembers. */
const LEASES_AGAIN_MS = 60_000;
/** No call rests on a read of a volume that was answered longer ago. */
const READ_MS = 5_500;
/** Where nothing goes wrong by dice calls arrive within this. */
const PROMPT_MS = 1_000;
/** Cordons may be believed for so long, and the call that rests on them may be late. */
const CORDONS_FRESH_MS = 20_000;
/** A pause is in force within this, while watcher and NATS are reachable. */
const PAUSE_WITHIN_MS = 5_000;

export const invariants: readonly Invariant[] = [
  {
    id: 'I1',
    says: 'healthy replicas are never fewer, by an act of ours, than at the start of a move',
    afterStep: (world) => redundancyLost(world),
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
    onIntent: (next, previous, world) => syncedTooSoon(next, previous, world),
    onEvent: ({ name, data }, { model }) => {
      if (name !== 'migration.replica-removed' || !('replicaId' in data)) return undefined;
      const isThere = model.volume(data.volumeId)?.replicas.some(({ uuid }) => uuid === data.replicaId) === true;
      return isThere ? `${data.replicaId} of ${data.volumeId} is said to have gone and is there` : undefined;
    },
  },
  {
    id: 'I3',
    says: 'one move per volume, cluster-wide',
    onArrival: (call, world) => {
      const { change, path, method, process, isLate } = call;
      const { bus } = world;
      if (isLate) return undefined;
      const unowned = actsWithoutLease(call, world);
      if (unowned !== undefined) return unowned;
      if (change.kind !== 'count') return liftsWhatOthersUse(call, world);
      const record = bus.intents.get(change.volumeId)?.intent;
      if (record?.state !== 'active') return `${method} ${path} without a move`;
      return record.owner === process.name ? undefined : `${method} ${path} by ${process.name}, owner ${record.owner}`;
    },
    onIntent: (next, previous, world, writer) =>
      previous?.state === 'active' && previous.migrationId !== next.migrationId
        ? `${next.migrationId} began while ${previous.migrationId} was in flight`
        : writesForAnother(next, previous, world, writer),
    onRoom: ({ migrationId, token }, { bus, truth, clock }) => {
      if (clock.monotonicMs() - truth.redisShakenAtMs < LEASES_AGAIN_MS) return undefined;
      const record = [...bus.intents.values()].find(({ intent }) => intent.migrationId === migrationId)?.intent;
      return record?.state === 'active' && token < record.ownerToken
        ? `what ${migrationId} counts against is changed by an owner of before, ${record.owner} has it`
        : undefined;
    },
    onAccepted: ({ migrationId }, { truth }) =>
      truth.takenUpAgain.has(migrationId) ? `${migrationId} is taken up again` : undefined,
  },
  {
    id: 'I4',
    says: 'after any crash the replica count returns to normal or the move is needs-attention; nothing leaks',
    onArrival: (call, world) =>
      call.isLate ? undefined : (callsBesideAnother(call, world) ?? callsBeforeItIsOver(call, world)),
    onHeartbeat: (_heartbeat, world) => keepsRoomForNothing(world) ?? waitsTooLong(world),
    onIntent: (next, previous, { bus }) =>
      previous === undefined &&
      bus.events.some(({ name, data }) => name === 'migration.accepted' && data.volumeId === next.volumeId)
        ? `the record of ${next.volumeId} had gone, which moved before`
        : undefined,
    atRest: (world) => leftBehind(world),
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
    onRoomBack: (given, world) => makesRoomForOthers(given, world),
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
    onEvent: (event, world) => copiesInVain(event, world),
    onIntent: (next, previous, world) =>
      completedElsewhere(next, previous, world) ?? failsWithoutCause(next, previous, world),
    atRest: (world) => notConverged(world),
  },
  {
    id: 'I12',
    says: 'stop works: no call 14 s after the last heartbeat that allowed it, none once a pause was heard',
    onArrival: (call, world) => afterStop(call, world) ?? (call.isLate ? undefined : goesOnThoughAborted(call, world)),
    onRequested: (request, world) => askedWhilePaused(world) ?? startsAgainstWishes(request, world),
    onAccepted: startsAgainstWishes,
    onHeartbeat: ({ paused }, { truth, clock }) => {
      const sinceMs = clock.monotonicMs() - (truth.pausedAtMs ?? Number.POSITIVE_INFINITY);
      return !paused && sinceMs > PAUSE_WITHIN_MS
        ? `a heartbeat permits to act ${sinceMs} ms after all was paused`
        : undefined;
    },
    onIntent: (next, _previous, { truth, clock }) => {
      const askedAtMs = truth.abortAskedAtMs.get(next.migrationId);
      if (askedAtMs === undefined || next.state !== 'ended' || next.outcome !== 'completed') return undefined;
      const agoMs = clock.monotonicMs() - askedAtMs;
      return agoMs > NEWS_MS
        ? `${next.migrationId} is completed, though a person aborted it ${agoMs} ms ago`
        : undefined;
    },
  },
];

export function changeOf({ method, path }: Pick<ArrivingCall, 'method' | 'path'>): Change {
  const [, kind, name, action, detail] = path.split('/');
  if (kind === 'volumes' && action === 'replica_count') {
    const count = Number(detail);
    return count === 255 ? { kind: 'probe' } : { kind: 'count', volumeId: name ?? '', count };
  }
  if (kind === 'nexuses') return { kind: 'child' };
  if (name === 'COUCHESTOR-PROBE') return { kind: 'probe' };
  return { kind: method === 'DELETE' ? 'uncordon' : 'cordon' };
}

function redundancyLost({ model, truth, bus }: World): string | undefined {
  const violation = model.ledger.redundancyViolations().at(-1);
  if (violation === undefined) return undefined;
  const call = model.ledger.calls().find(({ number }) => number === violation.call);
  // People's own calls are theirs; and so is what a process sends that stood still after its last check.
  if (call === undefined || !/replica_count|children/.test(call.path)) return undefined;
  if (truth.latePaths.has(call.path.replace('/v0', ''))) return undefined;
  // The policy allows it where no node is free, and never below two.
  const record = bus.intents.get(violation.volume)?.intent;
  if (record?.state === 'active' && record.allowReducedRedundancy && violation.to >= 2) return undefined;
  const wasUnknowable = model.ledger
    .changes()
    .some(
      ({ volume, cause, atMs }) =>
        volume === violation.volume && cause.kind === 'fault' && isWithin(violation.atMs - atMs, NOTICE_MS),
    );
  if (wasUnknowable) return undefined;
  return `${violation.volume}: ${violation.from} to ${violation.to} healthy replicas by ${call.method} ${call.path}`;
}

function restsOnOldRead({ change, process, path }: SeenCall, { truth, clock }: World): string | undefined {
  if (change.kind !== 'count') return undefined;
  const readAtMs = truth.volumeReadAtMs.get(`${process.name}/${change.volumeId}`) ?? Number.NEGATIVE_INFINITY;
  const agoMs = clock.monotonicMs() - readAtMs;
  return agoMs > READ_MS ? `PUT ${path} rests on a read of ${agoMs} ms ago` : undefined;
}

/** Filled is what the target has said for a cache period. */
function syncedTooSoon(
  next: Intent,
  previous: Intent | undefined,
  { model, clock, profile }: World,
): string | undefined {
  if (next.state !== 'active' || previous?.state !== 'active' || next.round?.syncedAt === undefined) return undefined;
  if (previous.round?.syncedAt === next.round.syncedAt) return undefined;
  const { volumeId } = next;
  const changes = model.ledger.changes().filter(({ volume }) => volume === volumeId);
  // What was lost and came back between two looks was not seen.
  const fault = changes.findLast(({ cause }) => cause.kind === 'fault');
  if (fault !== undefined && isWithin(clock.monotonicMs() - fault.atMs, 2 * NOTICE_MS)) return undefined;
  const filled = changes.findLast(({ from, to }) => to > from);
  const sinceMs = clock.monotonicMs() - (filled?.atMs ?? Number.NEGATIVE_INFINITY);
  return sinceMs < profile.cachePeriodMs - 1
    ? `${volumeId} is called filled ${sinceMs} ms after it was, less than a cache period`
    : undefined;
}

const isWithin = (ms: number, limitMs: number): boolean => ms >= 0 && ms <= limitMs;

/** A filled replica may go only while all others are filled, as far as anybody can know, and it is the steered one. */
function shrinkTooSoon(
  { change, path, process }: SeenCall,
  { bus, model, profile, clock, truth: { cordonedAtMs, shownAwaySinceMs, unsitedSinceMs } }: World,
): string | undefined {
  if (change.kind !== 'count') return undefined;
  const record = bus.intents.get(change.volumeId)?.intent;
  if (record?.state !== 'active') return undefined;
  const truth = model.volume(change.volumeId);
  const planned = record.round?.steer;
  // One whose victim has gone was for a shrink before.
  const steer = truth?.replicas.some(({ uuid }) => uuid === planned?.victimReplicaId) === true ? planned : undefined;
  if (truth === undefined || change.count !== record.replicaCount || truth.replicaCount !== change.count + 1) {
    return undefined;
  }
  const isLong = (sinceMs: number | undefined, ms: number): boolean =>
    clock.monotonicMs() - (sinceMs ?? Number.POSITIVE_INFINITY) > ms;
  // It may have been shown to another move of the process, while the call was late.
  const shownMs = profile.faultRate > 0 ? READ_MS : PROMPT_MS;
  // What the target shows may be old; that a node or a pool is away was shown.
  const away = truth.replicas.find(
    ({ uuid, node, pool }) =>
      steer !== undefined &&
      uuid !== steer.victimReplicaId &&
      [node, pool].some((name) => isLong(shownAwaySinceMs.get(`${process.name}/${name}`), shownMs)),
  );
  if (away !== undefined) return `PUT ${path} while ${away.pool} or its node is shown as away, which keeps a replica`;
  const wasUnknowable = model.ledger
    .changes()
    .some(
      ({ volume, cause, atMs }) =>
        volume === change.volumeId && cause.kind === 'fault' && isWithin(clock.monotonicMs() - atMs, 2 * NOTICE_MS),
    );
  // Without its target Mayastor refuses any change of the count.
  if (wasUnknowable || truth.target?.exists !== true) return undefined;
  const synced = truth.replicas.filter((replica) => replica.synced);
  if (steer === undefined) {
    // Nothing is steered while the one that goes is one that came and was never filled; it may have been filled just now.
    const before = new Set(record.round?.replicasBefore.map(({ replicaId }) => replicaId));
    const worn = truth.replicas.find(({ uuid, synced: isSynced }) => !isSynced && before.has(uuid));
    if (worn !== undefined && truth.replicas.length > change.count)
      return `PUT ${path} with nothing steered, and ${worn.uuid}, which was there before, not filled`;
    const hasCome = truth.replicas.some(({ uuid }) => !before.has(uuid));
    const wasFilledJustNow = model.ledger
      .changes()
      .some(
        ({ volume, from, to, atMs }) =>
          volume === change.volumeId && to > from && clock.monotonicMs() - atMs < FRESH_MS + profile.cachePeriodMs,
      );
    if (hasCome && wasFilledJustNow) return undefined;
    return synced.length >= truth.replicas.length && truth.replicas.length > change.count
      ? `PUT ${path} with all replicas filled and nothing steered`
      : undefined;
  }
  const unfilled = truth.replicas.filter(({ uuid, synced: isSynced }) => uuid !== steer.victimReplicaId && !isSynced);
  if (unfilled.length > 0) return `PUT ${path} with ${unfilled.length} of the replicas that stay not filled`;
  if (steer.kind !== 'nodeCordon' || profile.version === '2.7.1') return undefined;
  const cordons = new Set(model.ledger.cordons());
  const label = `node/${steer.node}/${cordonLabelOf(record.migrationId)}`;
  if (!cordons.has(label)) return `PUT ${path} without the cordon that steers it`;
  // Of two cordoned nodes Mayastor takes the one that it likes better.
  const other = truth.replicas.find(
    ({ uuid, node }) =>
      uuid !== steer.victimReplicaId &&
      cordons.has(`node/${node}/${PERSON}`) &&
      clock.monotonicMs() - (cordonedAtMs.get(node) ?? Number.POSITIVE_INFINITY) > CORDONS_FRESH_MS,
  );
  if (other !== undefined) return `PUT ${path} while ${other.node} is cordoned, which keeps a replica`;
  // Or what is on a cordoned pool, whoever cordoned it.
  const closed = truth.replicas.find(
    ({ uuid, pool }) =>
      uuid !== steer.victimReplicaId &&
      cordons.has(`pool/${pool}/replicas`) &&
      clock.monotonicMs() - (closedAtMs(pool, model) ?? Number.POSITIVE_INFINITY) > CORDONS_FRESH_MS,
  );
  if (closed !== undefined) return `PUT ${path} while ${closed.pool} is cordoned, which keeps a replica`;
  // And first of all what does not fit the volume any more.
  const misfit = truth.replicas.find(
    ({ uuid, pool }) => uuid !== steer.victimReplicaId && isLong(unsitedSinceMs.get(pool), CORDONS_FRESH_MS),
  );
  return misfit === undefined ? undefined : `PUT ${path} while ${misfit.pool} has lost its label, and keeps a replica`;
}

/** Where all replicas are filled and no target says which is which, nobody knows which one would go. */
function shrinksUnpublished({ change, path, process }: SeenCall, { bus, model, truth }: World): string | undefined {
  if (change.kind !== 'count') return undefined;
  const record = bus.intents.get(change.volumeId)?.intent;
  const volume = model.volume(change.volumeId);
  if (record?.state !== 'active' || record.round?.syncedAt === undefined || record.rollback !== undefined)
    return undefined;
  if (volume === undefined || volume.target !== undefined || change.count !== volume.replicaCount - 1) return undefined;
  const read = truth.targetRead.get(`${process.name}/${change.volumeId}`);
  return read !== undefined && read.nexus === undefined
    ? `PUT ${path} while the volume is shown as unpublished`
    : undefined;
}

/** When the pool was last cordoned. */
function closedAtMs(pool: string, { ledger }: World['model']): number | undefined {
  const path = `/v0/pools/${pool}/cordon`;
  return ledger.calls().findLast(({ method, path: called }) => method === 'PUT' && called === path)?.startMs;
}

/**
 * While an old target still owns replicas, or the node of an unfilled one that would go is away, Mayastor drops a replica
 * from the volume and leaves the count, or the replica on its disk.
 */
function shrinksOutOfReach(
  { change, path, process }: SeenCall,
  { bus, model, truth, clock }: World,
): string | undefined {
  if (change.kind !== 'count') return undefined;
  const record = bus.intents.get(change.volumeId)?.intent;
  const volume = model.volume(change.volumeId);
  // Without its target Mayastor refuses any change of the count.
  if (record?.state !== 'active' || volume?.target?.exists !== true) return undefined;
  if (change.count !== record.replicaCount || volume.replicaCount !== change.count + 1) return undefined;
  const { nexus } = volume.target;
  const read = truth.targetRead.get(`${process.name}/${change.volumeId}`);
  const isKnown = read?.nexus === nexus && read.times > 1;
  if (isKnown && volume.replicas.some(({ nexusOwners }) => nexusOwners.some((owner) => owner !== nexus)))
    return `PUT ${path} while an old target owns replicas`;
  const before = new Set(record.round?.replicasBefore.map(({ replicaId }) => replicaId));
  const lost = volume.replicas.find(({ uuid, synced, node }) => {
    const downForMs = clock.monotonicMs() - (truth.downSinceMs.get(node) ?? Number.POSITIVE_INFINITY);
    return !before.has(uuid) && !synced && downForMs > 2 * NOTICE_MS;
  });
  return lost === undefined
    ? undefined
    : `PUT ${path} while ${lost.node} is down, which holds the replica that would go`;
}

/** A count that was asked for and had no answer in time is still being set. */
function callsBesideAnother({ change, path }: SeenCall, { model, clock }: World): string | undefined {
  if (change.kind !== 'count' || model.volume(change.volumeId)?.operation !== 'SetReplica') return undefined;
  const last = model.ledger
    .calls()
    .findLast(
      ({ path: called }) =>
        called.startsWith(`/v0/volumes/${change.volumeId}/replica_count/`) && !called.endsWith('/255'),
    );
  if (last === undefined || (last.status !== undefined && last.status !== 503)) return undefined;
  const agoMs = clock.monotonicMs() - last.startMs;
  return agoMs > BUSY_MS && agoMs < 2 * BUSY_MS
    ? `PUT ${path} while Mayastor is busy with ${last.path} of ${agoMs} ms ago`
    : undefined;
}

/** Who has taken a move over lets the last call of who had it before come to its end. */
function callsBeforeItIsOver({ change, path, process }: SeenCall, { truth, clock }: World): string | undefined {
  if (change.kind !== 'count') return undefined;
  const other = truth.countsOnTheirWay.find(
    ({ volumeId, owner, effectAtMs }) =>
      volumeId === change.volumeId && owner !== process.name && clock.monotonicMs() < effectAtMs,
  );
  return other === undefined
    ? undefined
    : `PUT ${path} by ${process.name} before that of ${other.owner}, ${other.path}, has had its effect`;
}

const SECOND_MS = 1_000;

/** Migrators together send no more calls within any second than the budget has. */
function budgetExceeded({ truth: { sentAtMs } }: World): string | undefined {
  const first = sentAtMs.findIndex((atMs, index) => {
    const last = sentAtMs[index + CALLS_PER_SECOND];
    return last !== undefined && last - atMs < SECOND_MS;
  });
  const fromMs = sentAtMs[first];
  sentAtMs.splice(0, Math.max(0, sentAtMs.length - CALLS_PER_SECOND));
  return fromMs === undefined ? undefined : `more than ${CALLS_PER_SECOND} calls within a second from ${fromMs} ms on`;
}

/** Volumes are changed, and probed, under their lease, and what needs the fence under that, as far as Redis remembers. */
function actsWithoutLease(
  { change, path, process, method }: SeenCall,
  { bus, leaseServer, truth, clock, model }: World,
): string | undefined {
  const [, volumeId] = /^\/volumes\/([^/]+)\/replica_count\//.exec(path) ?? [];
  if (volumeId === undefined || !leaseServer.isOpen()) return undefined;
  if (clock.monotonicMs() - truth.redisShakenAtMs < LEASES_AGAIN_MS) return undefined;
  const owner = leaseServer.ownerOf(volumeId);
  if (owner !== process.name) return `${method} ${path} by ${process.name}, the lease is ${owner ?? 'nobody'}'s`;
  const record = bus.intents.get(volumeId)?.intent;
  const count = model.volume(volumeId)?.replicaCount;
  if (change.kind !== 'count' || record?.state !== 'active' || count === undefined) return undefined;
  const isFenced = change.count > count || record.round?.steer !== undefined;
  if (!isFenced) return undefined;
  const holder = leaseServer.fenceHolder();
  if (holder !== undefined && holder !== record.migrationId)
    return `${method} ${path} of ${record.migrationId}, the fence is ${holder}'s`;
  const leftMs = leaseServer.fenceLeftMs();
  return leftMs < CALL_TIMEOUT_MS ? `${method} ${path}, and the fence lapses in ${leftMs} ms` : undefined;
}

/** What a move in flight counts against is for its owner to give back, and not for one of before. */
function makesRoomForOthers({ migrationId, token }: RoomGrant, { bus, truth, clock }: World): string | undefined {
  if (clock.monotonicMs() - truth.redisShakenAtMs < LEASES_AGAIN_MS) return undefined;
  const record = [...bus.intents.values()].find(({ intent }) => intent.migrationId === migrationId)?.intent;
  return record?.state === 'active' && token < record.ownerToken
    ? `the room of ${migrationId} is given back by an owner of before, ${record.owner} has it`
    : undefined;
}

/** A record of a move is written by who owns it; and who takes a move over waits for the calls of who had it before. */
function writesForAnother(
  next: Intent,
  previous: Intent | undefined,
  { truth, clock }: World,
  writer: SimulatedProcess,
): string | undefined {
  if (next.state !== 'active') return undefined;
  if (next.owner !== writer.name) return `${writer.name} writes the record of a move of ${next.owner}`;
  const granted = grantedTooSoon(next, previous, truth, clock);
  if (granted !== undefined) return granted;
  if (previous?.state !== 'active' || previous.owner === next.owner) return undefined;
  if (next.ownerToken <= previous.ownerToken) return `${writer.name} takes a move over without a greater token`;
  if (clock.monotonicMs() - truth.redisShakenAtMs < LEASES_AGAIN_MS) return undefined;
  // A token is the time of Redis at which the lease was given.
  const sinceMs = clock.nowMs() + truth.redisAheadMs - next.ownerToken;
  return sinceMs < LEASE_TTL_MS - 100
    ? `${writer.name} takes a move over ${sinceMs} ms after it had the lease`
    : undefined;
}

/** Until two lives of a lease have passed nothing is granted by a Redis that lost what it had granted before. */
function grantedTooSoon(
  next: ActiveIntent,
  previous: Intent | undefined,
  truth: World['truth'],
  clock: World['clock'],
): string | undefined {
  if (clock.monotonicMs() - truth.redisJumpedAtMs < LEASES_AGAIN_MS) return undefined;
  const lostAgoMs = clock.monotonicMs() - truth.redisLostAtMs;
  const isAgain = previous?.state === 'active' && previous.ownerToken === next.ownerToken;
  const tokenAgoMs = clock.nowMs() + truth.redisAheadMs - next.ownerToken;
  const afterMs = lostAgoMs - tokenAgoMs;
  if (!isAgain && afterMs > RENEWED_MS && afterMs < 2 * LEASE_TTL_MS - RENEWED_MS)
    return `${next.owner} was given ${next.volumeId} ${afterMs} ms after Redis lost its data`;
  const isRound = isAgain && previous.round === undefined && next.round !== undefined && !isUndone(next);
  return isRound && lostAgoMs > WRITTEN_MS && lostAgoMs < 2 * LEASE_TTL_MS - RENEWED_MS
    ? `a round of ${next.volumeId} was given room less than ${lostAgoMs} ms after Redis lost its data`
    : undefined;
}

const isUndone = ({ rollback }: ActiveIntent): boolean => rollback !== undefined;

/** Asked back by a person, what came goes and what was there stays. */
function goesOnThoughAborted({ change, path }: SeenCall, { bus, model }: World): string | undefined {
  if (change.kind !== 'count') return undefined;
  const record = bus.intents.get(change.volumeId)?.intent;
  const volume = model.volume(change.volumeId);
  if (record?.state !== 'active' || record.rollback === undefined || record.round === undefined) return undefined;
  if (change.count !== record.replicaCount || volume?.replicaCount !== change.count + 1) return undefined;
  const present = new Set(volume.replicas.map(({ uuid }) => uuid));
  const before = record.round.replicasBefore.map(({ replicaId }) => replicaId);
  const victim = record.round.steer?.victimReplicaId;
  return victim !== undefined && before.includes(victim) && before.every((id) => present.has(id))
    ? `PUT ${path} removes ${victim}, which was there before, though the move is rolled back`
    : undefined;
}

/** A cordon that its record does not list came too late, and is for whoever set it to take away. */
function nodesCordonedFor({ round }: ActiveIntent): readonly string[] {
  const fence = round?.fence?.kind === 'node' ? round.fence.ours : [];
  return round?.steer?.kind === 'nodeCordon' ? [...fence, round.steer.node] : fence;
}

/** The steer of a move in flight is for its owner to take away, and what stands in a fence for who has its lease. */
function liftsWhatOthersUse(
  { change, path, method, process }: SeenCall,
  { bus, leaseServer, truth, clock }: World,
): string | undefined {
  if (change.kind !== 'uncordon') return undefined;
  if (path.startsWith('/pools/')) {
    const closed = truth.closedByPeople.find((pool) => path === `/pools/${pool}/cordon`);
    if (closed !== undefined) return `${method} ${path} by ${process.name}, which a person had closed before`;
    if (clock.monotonicMs() - truth.redisShakenAtMs < LEASES_AGAIN_MS) return undefined;
    const holder = leaseServer.fenceHolder();
    const other = [...bus.intents.values()].find(
      ({ intent }) => intent.migrationId === holder && intent.state === 'active' && intent.owner !== process.name,
    )?.intent;
    const fence = other?.state === 'active' ? other.round?.fence : undefined;
    const stands = [...(fence?.ours ?? []), ...(fence?.foreign ?? [])].some((pool) => path === `/pools/${pool}/cordon`);
    return stands ? `${method} ${path} by ${process.name}, which stands in the fence of ${holder}` : undefined;
  }
  const user = [...bus.intents.values()].find(
    ({ intent }) =>
      intent.state === 'active' &&
      intent.owner !== process.name &&
      nodesCordonedFor(intent).some((node) => path === `/nodes/${node}/cordon/${cordonLabelOf(intent.migrationId)}`),
  );
  return user === undefined ? undefined : `${method} ${path} by ${process.name}, which a move of another uses`;
}

/** Where every call is answered, a round that has ended leaves its pool and its node to others. */
function keepsRoomForNothing({ bus, leaseServer, profile, clock, truth }: World): string | undefined {
  if (profile.faultRate > 0) return undefined;
  for (const { intent } of bus.intents.values()) {
    const atMs = truth.storedAtMs.get(intent.volumeId) ?? Number.POSITIVE_INFINITY;
    if (clock.monotonicMs() - atMs < WRITTEN_MS) continue;
    const room = leaseServer.roomOf(intent.migrationId);
    if (intent.state === 'ended' && room.length > 0)
      return `${intent.volumeId} keeps room on ${room.join(', ')} after the end of its move`;
    if (intent.state === 'ended') continue;
    const isBetween = intent.round === undefined && intent.attention === undefined;
    const kept = isBetween ? room.find((key) => /^(pool|node)\//.test(key)) : undefined;
    if (kept !== undefined) return `${intent.volumeId} keeps room on ${kept}, which none of its rounds fills`;
    if (intent.attention !== undefined && room.length > 0)
      return `${intent.volumeId} keeps room on ${room.join(', ')} while a person is waited for`;
  }
  return undefined;
}

/** Where nobody dies or stands still by dice, a copy that is not filled in time is taken back. */
function waitsTooLong({ bus, profile, clock }: World): string | undefined {
  if (profile.faultRate > 0) return undefined;
  for (const { intent } of bus.intents.values()) {
    const { addedAt, syncedAt } = intent.state === 'active' ? (intent.round ?? {}) : {};
    if (intent.state !== 'active' || addedAt === undefined || syncedAt !== undefined) continue;
    if (intent.rollback !== undefined || intent.attention !== undefined) continue;
    const overMs = clock.nowMs() - Date.parse(addedAt) - intent.syncTimeoutMs;
    if (overMs > NEWS_MS) return `the copy of ${intent.volumeId} goes on ${overMs} ms after its time was over`;
  }
  return undefined;
}

function limitExceeded({ bus, profile, truth }: World): string | undefined {
  let fleet = 0;
  let bytes = 0;
  const used = new Map<string, { count: number; limit: number }>();
  const use = (key: string, limit: number): void => {
    const entry = used.get(key) ?? { count: 0, limit };
    // The limit of a policy may change while moves under the former one are in flight.
    used.set(key, { count: entry.count + 1, limit: Math.max(entry.limit, limit) });
  };
  for (const { intent } of bus.intents.values()) {
    if (intent.state !== 'active' || intent.attention !== undefined || isRepair(intent, truth)) continue;
    fleet += 1;
    bytes += intent.sizeBytes;
    use(`policy ${intent.policyId}`, intent.limits.policy);
    if (intent.round !== undefined) {
      use(`pool ${intent.round.targetPool}`, intent.limits.perPool);
      use(`node ${intent.round.targetNode}`, intent.limits.perNode);
    }
  }
  if (fleet > profile.fleetMax) return `${fleet} moves in flight, at most ${profile.fleetMax} may be`;
  if (bytes > (profile.fleetBytes ?? FLEET_BYTES)) return `${bytes} bytes in flight`;
  for (const [key, { count, limit }] of used)
    if (count > limit) return `${count} moves on ${key}, the limit is ${limit}`;
  return undefined;
}

function overfills({ change, path }: SeenCall, world: World): string | undefined {
  const { bus, model, profile, truth } = world;
  if (change.kind !== 'count' || profile.isThin) return undefined;
  const record = bus.intents.get(change.volumeId)?.intent;
  const round = record?.state === 'active' ? record.round : undefined;
  const volume = model.volume(change.volumeId);
  if (record?.state !== 'active' || round === undefined || volume === undefined) return undefined;
  if (change.count !== record.replicaCount + 1 || volume.replicaCount !== record.replicaCount) return undefined;
  let replicas = 1;
  for (const id of model.volumeIds()) {
    replicas += (model.volume(id)?.replicas ?? []).filter(({ pool }) => pool === round.targetPool).length;
  }
  const tier = round.targetPool.startsWith('hot') ? 'hot' : 'cold';
  const percent = (100 * replicas * SIZE_BYTES) / profile.poolBytes[tier];
  const limit = specOf(record, truth).capacity.maxPoolUsedPercent;
  return percent <= limit ? undefined : `PUT ${path} fills ${round.targetPool} to ${percent.toFixed(1)} %`;
}

/** Where nobody but moves fills pools, also by calls whose effect came late. */
function overfull({ model, profile, truth, bus }: World, event?: MigrationEvent): string[] {
  const { deeds: named } = profile.emphasis ?? {};
  const isLeftAlone = profile.deeds === 0 || named?.every((name) => name === GROWTH_DIES) === true;
  if (profile.isThin || !isLeftAlone || truth.lostCalls.length > 0) return [];
  const events = event === undefined ? bus.events : [event];
  const limit = Math.max(
    ...[...truth.policyVersions.values()].flat().map(({ spec }) => spec.capacity.maxPoolUsedPercent),
  );
  const replicas = new Map<string, number>();
  for (const id of model.volumeIds())
    for (const { pool } of model.volume(id)?.replicas ?? []) replicas.set(pool, (replicas.get(pool) ?? 0) + 1);
  return [...replicas].flatMap(([pool, count]) => {
    const percent = (100 * count * SIZE_BYTES) / profile.poolBytes[pool.startsWith('hot') ? 'hot' : 'cold'];
    const isFilled = events.some(
      ({ name, data }) => name === 'migration.replica-added' && 'pool' in data && data.pool === pool,
    );
    return isFilled && percent > limit ? [`moves filled ${pool} to ${percent.toFixed(1)} %`] : [];
  });
}

/** Every pool that could be chosen beside the target has to be closed, for nobody looked whether it has room. */
function growsUnfenced({ change, path }: SeenCall, { bus, model, profile, clock, truth }: World): string | undefined {
  if (change.kind !== 'count' || profile.version === '2.7.1') return undefined;
  const record = bus.intents.get(change.volumeId)?.intent;
  const fence = record?.state === 'active' ? record.round?.fence : undefined;
  const volume = model.volume(change.volumeId);
  if (record?.state !== 'active' || fence === undefined || volume === undefined || fence.kind !== 'pool')
    return undefined;
  if (change.count !== record.replicaCount + 1 || volume.replicaCount !== record.replicaCount) return undefined;
  const cordons = new Set(model.ledger.cordons());
  // A person takes a cordon for their own, since that of a pool bears no name.
  const isJustOpened = (pool: string): boolean =>
    clock.monotonicMs() - (truth.poolOpenedAtMs.get(pool) ?? Number.NEGATIVE_INFINITY) < FRESH_MS;
  const open = fence.ours.filter((pool) => !cordons.has(`pool/${pool}/replicas`) && !isJustOpened(pool));
  return open.length === 0 ? undefined : `PUT ${path} while ${open.join(' and ')} could be chosen, too`;
}

/** Where the new replica and those that stay would lie in fewer zones than the volume did when the move began. */
function growsIntoFewerZones({ change, path }: SeenCall, { bus, model, profile, truth }: World): string | undefined {
  if (change.kind !== 'count') return undefined;
  const record = bus.intents.get(change.volumeId)?.intent;
  const volume = model.volume(change.volumeId);
  if (record?.state !== 'active' || record.round === undefined || volume === undefined) return undefined;
  if (change.count !== record.replicaCount + 1 || volume.replicaCount !== record.replicaCount) return undefined;
  const { sourceReplicaId, targetNode } = record.round;
  const staying = volume.replicas.filter(({ uuid }) => uuid !== sourceReplicaId).map(({ node }) => node);
  const now = spreadOver(
    volume.replicas.map(({ node }) => node),
    profile,
  );
  const needed = Math.min(now, truth.accepted.get(record.migrationId)?.zones ?? now);
  const then = spreadOver([...staying, targetNode], profile);
  return then < needed ? `PUT ${path} to a replica on ${targetNode}, which leaves it in ${then} zones` : undefined;
}

/** Zones that replicas on these nodes lie in. */
export function spreadOver(nodes: readonly string[], { zoneOf }: Pick<World['profile'], 'zoneOf'>): number {
  return new Set(nodes.flatMap((node) => zoneOf(node) ?? [])).size;
}

function growsBesideDrain({ change, path }: SeenCall, world: World): string | undefined {
  if (change.kind !== 'count') return undefined;
  const record = world.bus.intents.get(change.volumeId)?.intent;
  const count = world.model.volume(change.volumeId)?.replicaCount;
  if (record?.state !== 'active' || count !== record.replicaCount || change.count <= count) return undefined;
  const drained = drainedNode(change.volumeId, world, CORDONS_FRESH_MS);
  return drained === undefined ? undefined : `PUT ${path} while ${drained} is drained`;
}

function askedWhilePaused({ truth, clock }: World): string | undefined {
  const sinceMs = clock.monotonicMs() - (truth.pausedAtMs ?? Number.POSITIVE_INFINITY);
  return sinceMs > NEWS_MS ? `a move is asked for ${sinceMs} ms after all was paused` : undefined;
}

function afterStop({ change, process, method, path, isLate }: SeenCall, { truth, clock }: World): string | undefined {
  if (change.kind === 'probe' || isLate) return undefined;
  const nowMs = clock.monotonicMs();
  const isRelease = change.kind === 'uncordon';
  if (isRelease) {
    const sinceMs = nowMs - truth.heartbeatAtMs;
    return sinceMs > LIFT_MS ? `${method} ${path} ${sinceMs} ms after the last heartbeat` : undefined;
  }
  if (truth.heardPause.has(process.name)) return `${method} ${path} by ${process.name}, which has heard the pause`;
  const sinceMs = nowMs - truth.openHeartbeatAtMs;
  return sinceMs > PERMIT_MS ? `${method} ${path} ${sinceMs} ms after the last heartbeat that allowed it` : undefined;
}

function leftBehind({ model, bus, truth, leaseServer }: World): string[] {
  const wrongs: string[] = [];
  for (const cordon of model.ledger.cordons()) {
    // A pool's bears no name, so nobody but who set it can tell that it is not a person's.
    const pool = /^pool\/(.+)\/replicas$/.exec(cordon)?.[1];
    const wasLost = pool !== undefined && truth.lostCalls.includes(`/pools/${pool}/cordon`);
    if (!wasLost) wrongs.push(`left behind: cordon ${cordon}`);
  }
  if (!truth.replicasMayBeLeft) {
    for (const replica of model.orphans()) wrongs.push(`left behind: replica ${replica}`);
  }
  for (const [volumeId, { intent }] of bus.intents) {
    if (intent.state === 'active') wrongs.push(`left behind: intent of ${volumeId}, ${JSON.stringify(intent)}`);
  }
  for (const [kind, count] of Object.entries(leaseServer.census())) {
    if (count > 0) wrongs.push(`left behind: ${count} ${kind}`);
  }
  for (const [volumeId, counts] of truth.wantedCounts) {
    const volume = model.volume(volumeId);
    if (volume === undefined) continue;
    const wasLate = wasCalledLate(volumeId, truth.lostCalls);
    if (!counts.has(volume.replicaCount) && !wasLate) {
      wrongs.push(`${volumeId} has a count of ${volume.replicaCount}, not ${[...counts].join(' or ')}`);
    }
    if (volume.replicas.length !== volume.replicaCount) {
      wrongs.push(`${volumeId} has ${volume.replicas.length} replicas of ${volume.replicaCount}`);
    }
  }
  wrongs.push(...endsOf(bus.events, truth.accepted));
  return wrongs;
}

/** Each move that was taken up has exactly one end in the history, and nothing after it. */
function endsOf(events: World['bus']['events'], accepted: World['truth']['accepted']): string[] {
  const wrongs: string[] = [];
  const ends = new Map<string, Set<string>>();
  const told = new Set<string>();
  for (const { name, id, data } of events) {
    // Told again, because whoever told it did not come to note that it had; everybody knows it by its id.
    if (told.has(id)) continue;
    told.add(id);
    const known = ends.get(data.migrationId) ?? new Set();
    if (/completed|failed|aborted/.test(name)) known.add(id);
    else if (known.size > 0 && name !== 'migration.refused') wrongs.push(`${data.migrationId}: ${name} after its end`);
    ends.set(data.migrationId, known);
  }
  for (const migrationId of accepted.keys()) {
    const count = ends.get(migrationId)?.size ?? 0;
    if (count !== 1) wrongs.push(`${migrationId} ended ${count} times`);
  }
  return wrongs;
}

/** Reasons for which a volume may rest off its tier although nothing is wrong any more. */
export const restingReasons: ReadonlySet<string> = new Set([
  'OnWantedTier',
  'BackingOff',
  'HasSnapshots',
  'AffinityGroupRestricted',
  'TopologyExcludesTier',
  'NotPublished',
  'NoEligiblePool',
  'BrakeFleet',
  'BrakePool',
  'VolumeDegraded',
  'Held',
  'WindowClosed',
]);

/** Whether moves of the policy began so often within the hour, or fail so often, that it may rest. */
function brakeHolds({ bus, truth, clock, kubernetes }: World, policyId: string | undefined): boolean {
  const spec = truth.policyVersions.get(policyId ?? '')?.at(-1)?.spec;
  if (spec === undefined || !kubernetes.policies.has(policyId ?? '')) return false;
  const begun = [...truth.accepted.values()].filter(
    (start) => start.policyId === policyId && clock.monotonicMs() - start.atMs < HOUR_MS + CLOCK_TOLERANCE_MS,
  ).length;
  const failed = [...bus.intents.values()].filter(
    ({ intent }) => intent.policyId === policyId && intent.state === 'ended' && intent.outcome === 'failed',
  ).length;
  return begun >= spec.limits.maxMovesPerHour || failed >= spec.limits.maxConsecutiveFailures;
}

/** What is called completed has all its replicas on the tier, as far as anybody can know. */
function completedElsewhere(next: Intent, previous: Intent | undefined, { model, clock }: World): string | undefined {
  if (next.state !== 'ended' || next.outcome !== 'completed' || previous?.state !== 'active') return undefined;
  const { volumeId, toTier } = next;
  const changedAtMs = model.ledger.changes().findLast(({ volume }) => volume === volumeId)?.atMs ?? 0;
  if (isWithin(clock.monotonicMs() - changedAtMs, FRESH_MS)) return undefined;
  const astray = model.volume(volumeId)?.replicas.find(({ pool }) => !pool.startsWith(toTier));
  return astray === undefined
    ? undefined
    : `the move of ${volumeId} to ${toTier} is completed with a replica on ${astray.pool}`;
}

/** Where all is repaired and Mayastor does as it is told, rounds lead to the tier. The fence of another is waited for. */
function failsWithoutCause(next: Intent, previous: Intent | undefined, world: World): string | undefined {
  const { truth, profile } = world;
  if (next.state !== 'ended' || previous?.state !== 'active' || next.outcome !== 'failed') return undefined;
  // A growth that Mayastor did not follow is rolled back, whoever has a fence when that is over.
  const isBlocked = next.reason === 'NoPlacement' && previous.round === undefined && previous.rollback === undefined;
  const fenced = isBlocked ? fencedOff(previous, world) : undefined;
  if (fenced !== undefined)
    return `the move of ${next.volumeId} fails for ${fenced}, which the fence of another closes`;
  const begunAtMs = truth.accepted.get(next.migrationId)?.atMs ?? 0;
  const rightSinceMs = (truth.repairedAtMs ?? Number.POSITIVE_INFINITY) + NEWS_MS + profile.standstillMaxMs;
  if (profile.steer === 'ignored' || begunAtMs < rightSinceMs) return undefined;
  // What was taken out of the target there may be filled again before the call that counts on its being empty arrives.
  if (profile.version === '2.7.1' && profile.rebuildMs < READ_MS) return undefined;
  return next.reason === 'Unsettled' || next.reason === 'WrongVictim'
    ? `the move of ${next.volumeId} fails, though nothing is wrong: ${next.message}`
    : undefined;
}

/** Where nobody else does anything, each replica is copied once, and one copy in vain is reason enough to stop. */
function copiesInVain({ name, data }: MigrationEvent, { bus, profile }: World): string | undefined {
  if (name !== 'migration.replica-added' || profile.faultRate > 0 || profile.deeds > 0) return undefined;
  const record = bus.intents.get(data.volumeId)?.intent;
  if (record?.state !== 'active' || record.migrationId !== data.migrationId) return undefined;
  const copies = bus.events.filter((event) => event.name === name && event.data.migrationId === data.migrationId);
  const count = new Set(copies.map(({ id }) => id)).size;
  return count > record.replicaCount + 1
    ? `the move of ${data.volumeId} makes copy ${count} of its ${record.replicaCount} replicas`
    : undefined;
}

/** A pool of the tier that is closed for a growth of another move, where this one could go. */
function fencedOff({ volumeId, targetPools }: ActiveIntent, { bus, model, clock, truth }: World): string | undefined {
  const occupied = new Set(model.volume(volumeId)?.replicas.map(({ node }) => node));
  const cordons = new Set(model.ledger.cordons());
  const isLong = (atMs: number | undefined): boolean => clock.monotonicMs() - (atMs ?? 0) > FRESH_MS;
  const fences = [...bus.intents.values()].flatMap(({ intent }) =>
    intent.state === 'active' && intent.volumeId !== volumeId && isLong(truth.storedAtMs.get(intent.volumeId))
      ? (intent.round?.fence?.ours ?? [])
      : [],
  );
  return targetPools.find(
    (pool) =>
      fences.includes(pool) &&
      cordons.has(`pool/${pool}/replicas`) &&
      isLong(closedAtMs(pool, model)) &&
      !occupied.has(pool.slice(pool.indexOf('-') + 1)),
  );
}

function notConverged(world: World): string[] {
  const { bus, kubernetes, model, truth } = world;
  const wrongs: string[] = [];
  for (const volumeId of bus.facts('volume.observed').keys())
    if (model.volume(volumeId) === undefined) wrongs.push(`${volumeId} is no more, and a fact says how it is`);
  const decisions = bus.facts('decision.made');
  for (const [volumeId, { view }] of kubernetes.persistentVolumes) {
    const volume = model.volume(volumeId);
    if (volume === undefined) continue;
    const decision = decisions.get(volumeId);
    if (decision === undefined) {
      wrongs.push(`${volumeId} has no decision`);
      continue;
    }
    const hasMoved = bus.events.some(({ name, data }) => name === 'migration.completed' && data.volumeId === volumeId);
    if (view.lastMigration !== undefined && !hasMoved)
      wrongs.push(`${volumeId} is said to have moved at ${view.lastMigration}, and never did`);
    const isBraked = decision.reason !== 'BrakeFleet' || brakeHolds(world, decision.policyId);
    if (decision.action !== 'hold' || !restingReasons.has(decision.reason) || !isBraked) {
      wrongs.push(`${volumeId} rests on ${decision.action} ${decision.reason}: ${decision.message}`);
    }
    const wanted = view.pinTier ?? ((truth.iops.get(volumeId) ?? 0) >= HIGH_IOPS ? 'hot' : 'cold');
    const isThere = volume.replicas.every(({ pool }) => pool.startsWith(wanted));
    if (isThere && decision.reason === 'NoEligiblePool')
      wrongs.push(`${volumeId} is on its tier, and ${decision.message}`);
    if (decision.reason !== 'OnWantedTier') continue;
    if (!isThere) wrongs.push(`${volumeId} is said to be on its tier and is not all ${wanted}`);
  }
  const countOf = (end: MigrationEvent['name'], policyId: string): number =>
    new Set(
      bus.events.flatMap(({ name, data }) => (name === end && data.policyId === policyId ? data.migrationId : [])),
    ).size;
  for (const [policyId, { status }] of kubernetes.policies) {
    const count = countOf('migration.completed', policyId);
    if ((status?.totalMigrations ?? 0) !== count) {
      wrongs.push(`the status of ${policyId} counts ${status?.totalMigrations} moves, there were ${count}`);
    }
    const failed = countOf('migration.failed', policyId);
    if ((status?.failedMigrations ?? 0) !== failed) {
      wrongs.push(`the status of ${policyId} counts ${status?.failedMigrations} failures, there were ${failed}`);
    }
    if ((status?.activeMigrations ?? 0) !== 0) wrongs.push(`the status of ${policyId} shows moves in flight`);
  }
  return wrongs;
}
