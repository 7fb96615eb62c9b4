import { destroyOnDisk, newReplica, noteRedundancy, putOnDisk } from './data-path.ts';
import { callEngine, EngineFailure } from './engine-calls.ts';
import type { Pool, Replica, Volume } from './entities.ts';
import { failures } from './errors.ts';
import { placementCandidates } from './placement.ts';
import type { Cause } from './cause.ts';
import type { World } from './world.ts';

/** Creates one replica on the best pool whose engine does it; a pool that fails makes room for the next one. */
export async function createReplica(world: World, volume: Volume): Promise<Replica> {
  const candidates = placementCandidates(world, volume);
  if (candidates.length === 0) throw failures.noPools();
  let lastFailure: EngineFailure | undefined;
  for (const pool of candidates) {
    try {
      return await createReplicaOn(world, volume, pool);
    } catch (error) {
      if (!(error instanceof EngineFailure)) throw error;
      lastFailure = error;
    }
  }
  throw failures.engineCall(lastFailure?.message ?? 'no engine could create the replica');
}

export async function createReplicaOn(world: World, volume: Volume, pool: Pool): Promise<Replica> {
  const replica = newReplica(world, volume, pool);
  volume.replicas.add(replica);
  world.replicas.set(replica.uuid, replica);
  try {
    await callEngine(world, 'createReplica', pool.node, () => putOnDisk(replica));
  } catch (error) {
    if (error instanceof EngineFailure) forget(world, replica);
    throw error;
  }
  replica.record = 'Created';
  return replica;
}

/** The core gives up a record; what the engine still makes of it becomes an orphan that no record names. */
function forget(world: World, replica: Replica): void {
  replica.record = 'none';
  replica.owner = undefined;
  replica.madeFor.replicas.delete(replica);
  world.replicas.delete(replica.uuid);
}

/** Takes a replica from its volume; it stays on its disk until it is destroyed. */
export function disownFromVolume(world: World, replica: Replica, cause: Cause): void {
  const { owner } = replica;
  if (owner === undefined) return;
  replica.owner = undefined;
  owner.replicas.delete(replica);
  owner.healthy?.delete(replica.uuid);
  world.orphans.add(replica);
  noteRedundancy(world, owner, cause);
}

/**
 * Destroys a replica that its volume gives up. The volume lets go of it first: when a nexus still owns it the call is
 * refused, and the replica stays on the disk, belonging to nobody but that nexus.
 */
export async function destroyReplica(world: World, replica: Replica, cause: Cause): Promise<void> {
  if (!replica.pool.node.seenOnline) throw failures.nodeOfReplicaUnknown();
  disownFromVolume(world, replica, cause);
  if (replica.nexusOwners.length > 0) throw failures.replicaInUse(replica.uuid);
  await eraseReplica(world, replica, cause);
}

/** Takes a replica without an owner off its disk and out of the records. */
export async function eraseReplica(world: World, replica: Replica, cause: Cause): Promise<void> {
  replica.record = 'Deleting';
  await callEngine(world, 'destroyReplica', replica.pool.node, () => destroyOnDisk(world, replica, cause));
  world.orphans.delete(replica);
  world.replicas.delete(replica.uuid);
}
