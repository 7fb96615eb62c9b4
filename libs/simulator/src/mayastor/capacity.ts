import type { Pool, Replica } from './entities.ts';
import { lastPollMs } from './view.ts';
import type { World } from './world.ts';

/** Allocation happens in whole clusters. */
export const clusterBytes = 4 * 1024 * 1024;

/** What a replica holds, as the last cache poll saw it. */
export function replicaAllocatedBytes(world: World, replica: Replica): number {
  return replica.allocatedBytes + copiedBytes(world, replica);
}

/** What the running rebuild had brought at the last cache poll. */
function copiedBytes(world: World, replica: Replica): number {
  const { rebuild } = replica;
  if (rebuild === undefined) return 0;
  const elapsedMs = Math.max(0, lastPollMs(world) - rebuild.startedAtMs);
  const missing = Math.max(0, rebuild.source.allocatedBytes - replica.allocatedBytes);
  return inClusters(missing * Math.min(1, elapsedMs / rebuild.durationMs));
}

function inClusters(bytes: number): number {
  return Math.ceil(bytes / clusterBytes) * clusterBytes;
}

export function poolUsedBytes(world: World, pool: Pool): number {
  let used = pool.chargedBytes + pool.snapshotBytes;
  for (const rebuild of world.rebuilds) {
    if (rebuild.child.replica.pool === pool) used += copiedBytes(world, rebuild.child.replica);
  }
  return used;
}

export function freeBytes(world: World, pool: Pool): number {
  return pool.capacityBytes - poolUsedBytes(world, pool);
}

/** Puts a replica on the disk of its pool. */
export function placeOnPool(replica: Replica): void {
  replica.exists = true;
  replica.pool.replicas.add(replica);
  replica.pool.committedBytes += replica.sizeBytes;
  charge(replica);
}

/** Takes a replica off the disk; what snapshots hold stays there. */
export function takeOffPool(replica: Replica): void {
  const { pool } = replica;
  if (!pool.replicas.delete(replica)) return;
  replica.exists = false;
  pool.committedBytes -= replica.sizeBytes;
  pool.chargedBytes -= replica.chargedBytes;
  pool.snapshotBytes += replica.snapshotBytes;
  replica.chargedBytes = 0;
}

/** Counts in the pool what the replica holds now. */
export function charge(replica: Replica): void {
  if (!replica.exists) return;
  const bytes = (replica.thin ? replica.allocatedBytes : replica.sizeBytes) + replica.snapshotBytes;
  replica.pool.chargedBytes += bytes - replica.chargedBytes;
  replica.chargedBytes = bytes;
}
