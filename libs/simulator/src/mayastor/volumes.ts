import { destroyNexus, disown, noteRedundancy } from './data-path.ts';
import { callEngine, EngineFailure, persist } from './engine-calls.ts';
import type { Replica, Topology, Volume } from './entities.ts';
import { failures, RestFailure } from './errors.ts';
import { createLoadMeter } from './load-meter.ts';
import { createReplicaOn, disownFromVolume, eraseReplica } from './replicas.ts';
import { placementCandidates } from './placement.ts';
import { engineOrInternal } from './scaling.ts';
import type { Cause } from './cause.ts';
import { now, type World } from './world.ts';
import { ownedReplicas } from './victim.ts';
import { hold } from './volume-lock.ts';

export interface NewVolume {
  readonly uuid: string;
  readonly sizeBytes: number;
  readonly replicas: number;
  readonly thin: boolean;
  readonly selfHeal: boolean;
  readonly labels?: Readonly<Record<string, string>>;
  readonly topology?: Topology;
  readonly affinityGroup?: string;
  readonly maxSnapshots?: number;
  /** What the application has written so far; an eighth of the size unless told. */
  readonly allocatedBytes?: number;
}

export function newVolume(world: World, wanted: NewVolume): Volume {
  if (world.volumes.has(wanted.uuid)) throw failures.alreadyExists('Volume', wanted.uuid);
  const volume: Volume = {
    uuid: wanted.uuid,
    sizeBytes: wanted.sizeBytes,
    thin: wanted.thin,
    labels: wanted.labels,
    topology: wanted.topology,
    affinityGroup: wanted.affinityGroup,
    selfHeal: wanted.selfHeal,
    maxSnapshots: wanted.maxSnapshots,
    record: 'Creating',
    replicaCount: wanted.replicas,
    target: undefined,
    shutdownTargets: [],
    replicas: new Set(),
    operation: undefined,
    healthy: undefined,
    cleanShutdown: true,
    snapshots: new Set(),
    hadSnapshots: false,
    allocatedBytes: wanted.allocatedBytes ?? Math.floor(wanted.sizeBytes / 8),
    meter: createLoadMeter(),
  };
  world.volumes.set(volume.uuid, volume);
  if (volume.affinityGroup !== undefined) {
    const group = world.affinityGroups.get(volume.affinityGroup) ?? new Set();
    world.affinityGroups.set(volume.affinityGroup, group.add(volume));
  }
  return volume;
}

export function volumeOf(world: World, id: string): Volume {
  const volume = world.volumes.get(id);
  if (volume === undefined) throw failures.volumeNotFound(id);
  return volume;
}

/** `PUT /volumes/{id}` */
export async function createVolume(world: World, wanted: NewVolume, cause: Cause): Promise<Volume> {
  await persist(world);
  const volume = newVolume(world, wanted);
  await hold(world, volume, 'Create', async () => {
    try {
      await createReplicas(world, volume);
    } catch (error) {
      await discard(world, volume, cause);
      throw error;
    }
    finishCreation(world, volume);
  });
  return volume;
}

async function createReplicas(world: World, volume: Volume): Promise<void> {
  // Candidates are chosen once; each node takes one replica.
  const candidates = placementCandidates(world, volume);
  if (candidates.length === 0) throw failures.noPools();
  const nodes = new Set<string>();
  for (const pool of candidates) {
    if (volume.replicas.size === volume.replicaCount) break;
    if (nodes.has(pool.node.id)) continue;
    try {
      await createReplicaOn(world, volume, pool);
      nodes.add(pool.node.id);
    } catch (error) {
      if (!(error instanceof EngineFailure)) throw error;
    }
  }
  if (volume.replicas.size < volume.replicaCount) throw failures.createNumber(volume.uuid);
}

export function finishCreation(world: World, volume: Volume): void {
  for (const replica of volume.replicas) replica.synced = true;
  volume.record = 'Created';
  world.ledger.volumeCreated(volume.uuid, volume.replicaCount, volume.replicas.size);
  noteRedundancy(world, volume, { kind: 'selfHeal' });
}

/** `DELETE /volumes/{id}`: no guard, whatever the volume is doing. */
export async function destroyVolume(world: World, volume: Volume, cause: Cause): Promise<void> {
  await persist(world);
  const nexus = volume.target?.nexus;
  if (nexus !== undefined && nexus.exists && nexus.node.seenOnline) {
    await engineOrInternal(callEngine(world, 'nexus', nexus.node, () => destroyNexus(world, nexus, volume.replicas)));
  } else if (nexus !== undefined) destroyNexus(world, nexus, volume.replicas);
  for (const shutdown of volume.shutdownTargets) destroyNexus(world, shutdown, volume.replicas);
  volume.target = undefined;
  world.ledger.volumeDeleted(volume.uuid);
  await discard(world, volume, cause);
}

async function discard(world: World, volume: Volume, cause: Cause): Promise<void> {
  volume.record = 'Deleting';
  for (const replica of ownedReplicas(world, volume)) {
    disownFromVolume(world, replica, cause);
    await eraseOrLeave(world, replica, cause);
  }
  world.volumes.delete(volume.uuid);
  world.loads.delete(volume.uuid);
  if (volume.affinityGroup !== undefined) world.affinityGroups.get(volume.affinityGroup)?.delete(volume);
}

/** A replica whose engine does not answer, or that a nexus owns, is destroyed by the reconcilers once it can be. */
export async function eraseOrLeave(world: World, replica: Replica, cause: Cause): Promise<void> {
  if (replica.nexusOwners.length > 0) return;
  replica.record = 'Deleting';
  try {
    if (replica.pool.node.seenOnline) await eraseReplica(world, replica, cause);
  } catch (error) {
    if (!(error instanceof EngineFailure)) throw error;
  }
}

/** `DELETE /volumes/{id}/shutdown_targets` and, after a while, the hosts themselves. */
export function clearShutdownTargets(world: World, volume: Volume): void {
  for (const nexus of volume.shutdownTargets) {
    destroyNexus(world, nexus, volume.replicas);
    for (const replica of world.orphans) disown(replica, nexus);
  }
  volume.shutdownTargets = [];
  world.wake(volume);
}

/** `PUT /volumes/{id}/snapshots/{snapshot}` */
export async function createSnapshot(world: World, volume: Volume, uuid: string): Promise<void> {
  if (world.snapshots.has(uuid)) throw failures.alreadyExists('VolumeSnapshot', uuid);
  await persist(world);
  const healthy = volume.healthy?.size ?? volume.replicas.size;
  if (healthy !== volume.replicaCount) throw failures.insufficientHealthy(volume.uuid);
  if (volume.maxSnapshots !== undefined && volume.snapshots.size >= volume.maxSnapshots) {
    throw new RestFailure('FailedPrecondition', `SvcError :: SnapshotMaxLimit: Max limit reached`);
  }
  const replicas = [...volume.replicas].map((replica) => {
    replica.snapshotBytes += replica.allocatedBytes;
    return { uuid: world.newId('snapshot', { replica: replica.uuid }), source: replica.uuid, pool: replica.pool };
  });
  const allocatedBytes = Math.max(0, ...[...volume.replicas].map((replica) => replica.allocatedBytes));
  for (const replica of volume.replicas) replica.allocatedBytes = 0;
  const snapshot = {
    uuid,
    volume: volume.uuid,
    sizeBytes: volume.sizeBytes,
    allocatedBytes,
    createdAtMs: now(world),
    replicas,
  };
  world.snapshots.set(uuid, snapshot);
  volume.snapshots.add(snapshot);
  volume.hadSnapshots = true;
}

/** `DELETE /volumes/snapshots/{snapshot}` */
export async function destroySnapshot(world: World, uuid: string): Promise<void> {
  const snapshot = world.snapshots.get(uuid);
  if (snapshot === undefined) throw failures.snapshotNotFound(uuid);
  await persist(world);
  world.snapshots.delete(uuid);
  world.volumes.get(snapshot.volume)?.snapshots.delete(snapshot);
  for (const part of snapshot.replicas) {
    const replica = world.replicas.get(part.source);
    if (replica !== undefined && replica.exists) {
      replica.snapshotBytes = Math.max(0, replica.snapshotBytes - snapshot.allocatedBytes);
      part.pool.chargedBytes -= snapshot.allocatedBytes;
      replica.chargedBytes -= snapshot.allocatedBytes;
    } else part.pool.snapshotBytes = Math.max(0, part.pool.snapshotBytes - snapshot.allocatedBytes);
  }
}
