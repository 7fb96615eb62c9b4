import { addChild, noteRedundancy, removeChild } from './data-path.ts';
import { callEngine, EngineFailure, persist } from './engine-calls.ts';
import type { Child, Nexus, Replica, Volume } from './entities.ts';
import { failures, type RestFailure } from './errors.ts';
import { createReplica, destroyReplica } from './replicas.ts';
import { childOf, removalVictim } from './victim.ts';
import { isSeen, rebuildsSeen, refresh } from './view.ts';
import { targetView, volumeStatus } from './volume-state.ts';
import type { Cause } from './cause.ts';
import type { World } from './world.ts';

/**
 * `PUT /volumes/{id}/replica_count/{n}`, the volume being held by the caller. What is refused before anything is done is
 * returned and not thrown: most calls are probes, which are refused always.
 */
export async function setReplicaCount(
  world: World,
  volume: Volume,
  wanted: number,
  cause: Cause,
): Promise<RestFailure | undefined> {
  const refusal = refusalOfCount(world, volume, wanted);
  if (refusal !== undefined) return refusal;
  await persist(world);
  if (wanted > volume.replicaCount) await grow(world, volume, cause);
  else await shrink(world, volume, wanted, cause);
  volume.replicaCount = wanted;
  world.ledger.replicaCount(volume.uuid, wanted);
  return undefined;
}

/** The refusals, in the order in which the core makes them. */
function refusalOfCount(world: World, volume: Volume, wanted: number): RestFailure | undefined {
  const view = targetView(world, volume);
  if ((volume.target === undefined) !== (view === undefined)) return failures.notReady(volume.uuid);
  if (wanted === volume.replicaCount) return failures.countAchieved(volume.uuid, wanted);
  if (wanted < 1) return failures.lastReplica(volume.uuid);
  if (Math.abs(wanted - volume.replicaCount) !== 1) return failures.changeCount();
  const status = volumeStatus(volume, view);
  if (wanted > volume.replicaCount && status !== 'Online') return failures.replicaIncrease(volume.uuid, status);
  const grouped = volume.affinityGroup !== undefined && world.capabilities.affinityGroupKeepsTwo;
  if (grouped && wanted < volume.replicaCount && wanted < 2) return failures.restrictedCount(wanted);
  return undefined;
}

async function grow(world: World, volume: Volume, cause: Cause): Promise<void> {
  const replica = await createReplica(world, volume);
  const nexus = volume.target?.nexus;
  if (nexus !== undefined) return attachReplica(world, nexus, replica);
  trustIfUntouched(world, volume, replica, cause);
}

/** Nothing was ever written to a volume that was never published, so an empty replica of it is a whole one. */
export function trustIfUntouched(world: World, volume: Volume, replica: Replica, cause: Cause): void {
  if (volume.healthy !== undefined) return;
  replica.synced = true;
  noteRedundancy(world, volume, cause);
}

/** Gives a nexus a replica that it has to fill. */
export async function attachReplica(world: World, nexus: Nexus, replica: Replica): Promise<void> {
  if (world.maxRebuilds !== undefined && rebuildsSeen(world) >= world.maxRebuilds) {
    throw failures.maxRebuilds(world.maxRebuilds);
  }
  await engineOrInternal(
    callEngine(world, 'nexus', nexus.node, () => {
      if (nexus.exists && !nexus.shutdown) addChild(world, nexus, replica);
    }),
  );
  refresh(world, nexus);
}

async function shrink(world: World, volume: Volume, wanted: number, cause: Cause): Promise<void> {
  const victim = removalVictim(world, volume, wanted);
  if (victim === undefined) return;
  await detachReplica(world, volume, victim, cause);
  await engineOrInternal(destroyReplica(world, victim, cause));
}

/** Has an engine remove a child; it refuses the last healthy one. */
export async function takeChildOut(world: World, nexus: Nexus, child: Child, cause: Cause): Promise<void> {
  const refusal = { refused: false };
  await engineOrInternal(
    callEngine(world, 'nexus', nexus.node, () => {
      refusal.refused = !nexus.children.some((other) => other !== child && other.state === 'Online');
      if (!refusal.refused) removeChild(world, nexus, child, cause);
    }),
  );
  if (refusal.refused) throw failures.lastHealthyChild(child.uri);
  refresh(world, nexus);
}

/** Takes a replica out of the nexus of its volume, if it is in it. */
export async function detachReplica(world: World, volume: Volume, replica: Replica, cause: Cause): Promise<void> {
  const nexus = volume.target?.nexus;
  const child = childOf(volume, replica);
  if (nexus === undefined || child === undefined || !isSeen(world, nexus)) return;
  await takeChildOut(world, nexus, child, cause);
  const position = replica.nexusOwners.indexOf(nexus.uuid);
  if (position >= 0) replica.nexusOwners.splice(position, 1);
}

/** What an engine failed to do is an internal error for the caller. */
export async function engineOrInternal<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof EngineFailure) throw failures.engineCall(error.message);
    throw error;
  }
}
