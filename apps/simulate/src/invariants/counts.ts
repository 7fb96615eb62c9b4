import { cordonLabelOf } from '@couchestor/shared/messages';
import { SIZE_BYTES } from '../world/profile.ts';
import { PERSON, type World } from '../world/world.ts';
import { FRESH_MS, isWithin, NOTICE_MS, READ_MS } from './knowable.ts';
import type { SeenCall } from './seen-call.ts';
import { drainedNode, specOf } from './starts.ts';

/** What must hold of a call that changes the count of a volume, in the moment in which it reaches Mayastor. */

/** So long Mayastor answers a call in time. */
const BUSY_MS = 5_000;
/** Where nothing goes wrong by dice calls arrive within this. */
const PROMPT_MS = 1_000;
/** Cordons may be believed for so long, and the call that rests on them may be late. */
const CORDONS_FRESH_MS = 20_000;

export function restsOnOldRead({ change, process, path }: SeenCall, { truth, clock }: World): string | undefined {
  if (change.kind !== 'count') return undefined;
  const readAtMs = truth.volumeReadAtMs.get(`${process.name}/${change.volumeId}`) ?? Number.NEGATIVE_INFINITY;
  const agoMs = clock.monotonicMs() - readAtMs;
  return agoMs > READ_MS ? `PUT ${path} rests on a read of ${agoMs} ms ago` : undefined;
}

/** A filled replica may go only while all others are filled, as far as anybody can know, and it is the steered one. */
export function shrinkTooSoon(
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
export function shrinksUnpublished(
  { change, path, process }: SeenCall,
  { bus, model, truth }: World,
): string | undefined {
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
export function closedAtMs(pool: string, { ledger }: World['model']): number | undefined {
  const path = `/v0/pools/${pool}/cordon`;
  return ledger.calls().findLast(({ method, path: called }) => method === 'PUT' && called === path)?.startMs;
}

/**
 * While an old target still owns replicas, or the node of an unfilled one that would go is away, Mayastor drops a replica
 * from the volume and leaves the count, or the replica on its disk.
 */
export function shrinksOutOfReach(
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
export function callsBesideAnother({ change, path }: SeenCall, { model, clock }: World): string | undefined {
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
export function callsBeforeItIsOver({ change, path, process }: SeenCall, { truth, clock }: World): string | undefined {
  if (change.kind !== 'count') return undefined;
  const other = truth.countsOnTheirWay.find(
    ({ volumeId, owner, effectAtMs }) =>
      volumeId === change.volumeId && owner !== process.name && clock.monotonicMs() < effectAtMs,
  );
  return other === undefined
    ? undefined
    : `PUT ${path} by ${process.name} before that of ${other.owner}, ${other.path}, has had its effect`;
}

/** Asked back by a person, what came goes and what was there stays. */
export function goesOnThoughAborted({ change, path }: SeenCall, { bus, model }: World): string | undefined {
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

export function overfills({ change, path }: SeenCall, world: World): string | undefined {
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

/** Every pool that could be chosen beside the target has to be closed, for nobody looked whether it has room. */
export function growsUnfenced(
  { change, path }: SeenCall,
  { bus, model, profile, clock, truth }: World,
): string | undefined {
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
export function growsIntoFewerZones(
  { change, path }: SeenCall,
  { bus, model, profile, truth }: World,
): string | undefined {
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

export function growsBesideDrain({ change, path }: SeenCall, world: World): string | undefined {
  if (change.kind !== 'count') return undefined;
  const record = world.bus.intents.get(change.volumeId)?.intent;
  const count = world.model.volume(change.volumeId)?.replicaCount;
  if (record?.state !== 'active' || count !== record.replicaCount || change.count <= count) return undefined;
  const drained = drainedNode(change.volumeId, world, CORDONS_FRESH_MS);
  return drained === undefined ? undefined : `PUT ${path} while ${drained} is drained`;
}
