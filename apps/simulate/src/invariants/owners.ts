import { cordonLabelOf, type ActiveIntent, type Intent } from '@couchestor/shared/messages';
import { CALL_TIMEOUT_MS } from '../services/surroundings.ts';
import { LEASE_TTL_MS } from '../world/leases.ts';
import type { SimulatedProcess } from '../world/process.ts';
import type { RoomGrant, World } from '../world/world.ts';
import { LEASES_AGAIN_MS } from './knowable.ts';
import type { SeenCall } from './seen-call.ts';

/** Whose a move is: its record, its leases, its room, and what it has put up. */

/** Times of Redis are whole milliseconds, and what it is asked travels. */
const RENEWED_MS = 1_000;
/** What was granted is written within this. */
const WRITTEN_MS = 14_000;

/** Volumes are changed, and probed, under their lease, and what needs the fence under that, as far as Redis remembers. */
export function actsWithoutLease(
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

/** The steer of a move in flight is for its owner to take away, and what stands in a fence for who has its lease. */
export function liftsWhatOthersUse(
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
    const round = other?.state === 'active' ? other.round : undefined;
    // Once the replica has come the fence has done its work.
    const fence = round?.addedAt === undefined ? round?.fence : undefined;
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

/** A count is changed by who owns the move that it is for. */
export function countsForAnother({ change, path, method, process }: SeenCall, { bus }: World): string | undefined {
  if (change.kind !== 'count') return undefined;
  const record = bus.intents.get(change.volumeId)?.intent;
  if (record?.state !== 'active') return `${method} ${path} without a move`;
  return record.owner === process.name ? undefined : `${method} ${path} by ${process.name}, owner ${record.owner}`;
}

/** A cordon that its record does not list came too late, and is for whoever set it to take away. */
function nodesCordonedFor({ round }: ActiveIntent): readonly string[] {
  const fence = round?.fence?.kind === 'node' ? round.fence.ours : [];
  return round?.steer?.kind === 'nodeCordon' ? [...fence, round.steer.node] : fence;
}

/** A record of a move is written by who owns it; and who takes a move over waits for the calls of who had it before. */
export function writesForAnother(
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

/** What a move in flight counts against is for its owner to give back, and not for one of before. */
export function makesRoomForOthers(given: RoomGrant, world: World): string | undefined {
  const owner = ownerSince(given, world);
  return owner === undefined
    ? undefined
    : `the room of ${given.migrationId} is given back by an owner of before, ${owner} has it`;
}

/** Nor is it for one of before to change. */
export function changesRoomOfAnother(granted: RoomGrant, world: World): string | undefined {
  const owner = ownerSince(granted, world);
  return owner === undefined
    ? undefined
    : `what ${granted.migrationId} counts against is changed by an owner of before, ${owner} has it`;
}

/** Who has the move that is in flight, if it is another than the one that this was granted to. */
function ownerSince({ migrationId, token }: RoomGrant, { bus, truth, clock }: World): string | undefined {
  if (clock.monotonicMs() - truth.redisShakenAtMs < LEASES_AGAIN_MS) return undefined;
  const record = [...bus.intents.values()].find(({ intent }) => intent.migrationId === migrationId)?.intent;
  return record?.state === 'active' && token < record.ownerToken ? record.owner : undefined;
}

/** Where every call is answered, a round that has ended leaves its pool and its node to others. */
export function keepsRoomForNothing({ bus, leaseServer, profile, clock, truth }: World): string | undefined {
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
