import { charge } from './capacity.ts';
import { createNexus, newReplica, noteRedundancy, putOnDisk } from './data-path.ts';
import type { Volume } from './entities.ts';
import { failures } from './errors.ts';
import { createLoadCurve, type Load } from './load.ts';
import { nodeOf, poolOf } from './nodes-and-pools.ts';
import { placementCandidates } from './placement.ts';
import { finishCreation, newVolume, type NewVolume } from './volumes.ts';
import { now, type World } from './world.ts';

export interface VolumeToCreate extends Partial<NewVolume> {
  readonly uuid: string;
  readonly sizeBytes: number;
  /** Pools of its replicas, in this order; scheduled like any other volume unless told. */
  readonly placement?: readonly string[];
  /** Node of its target; unpublished unless told. */
  readonly publishedOn?: string;
  /** Snapshots that it has from the start. */
  readonly snapshots?: number;
  readonly load?: Load;
}

/** Makes a volume at once, as if it had always been there. */
export function placeVolume(world: World, wanted: VolumeToCreate): void {
  const replicas = wanted.replicas ?? wanted.placement?.length ?? 1;
  const volume = newVolume(world, { thin: true, selfHeal: true, ...wanted, replicas });
  for (const pool of poolsFor(world, volume, wanted.placement)) {
    const replica = newReplica(world, volume, pool);
    replica.record = 'Created';
    replica.synced = true;
    replica.allocatedBytes = volume.thin ? volume.allocatedBytes : volume.sizeBytes;
    volume.replicas.add(replica);
    world.replicas.set(replica.uuid, replica);
    putOnDisk(replica);
  }
  finishCreation(world, volume);
  for (let snapshot = 0; snapshot < (wanted.snapshots ?? 0); snapshot += 1) addSnapshot(world, volume);
  if (wanted.load !== undefined) world.loads.set(volume.uuid, createLoadCurve(wanted.load));
  if (wanted.publishedOn !== undefined) {
    const node = nodeOf(world, wanted.publishedOn);
    const uuid = world.newId('nexus', { volume: volume.uuid });
    volume.healthy = new Set([...volume.replicas].map((replica) => replica.uuid));
    volume.cleanShutdown = false;
    const nexus = createNexus(world, { volume, node, replicas: [...volume.replicas], uuid });
    volume.target = { node, nexus, frontendNodes: [] };
  }
  noteRedundancy(world, volume, { kind: 'selfHeal' });
}

function poolsFor(world: World, volume: Volume, placement: readonly string[] | undefined): ReturnType<typeof poolOf>[] {
  if (placement !== undefined) return placement.map((id) => poolOf(world, id));
  const nodes = new Set<string>();
  const pools = placementCandidates(world, volume).filter((pool) => {
    if (nodes.has(pool.node.id) || nodes.size === volume.replicaCount) return false;
    nodes.add(pool.node.id);
    return true;
  });
  if (pools.length < volume.replicaCount)
    throw pools.length === 0 ? failures.noPools() : failures.createNumber(volume.uuid);
  return pools;
}

function addSnapshot(world: World, volume: Volume): void {
  const uuid = world.newId('snapshot', { volume: volume.uuid });
  const snapshot = {
    uuid,
    volume: volume.uuid,
    sizeBytes: volume.sizeBytes,
    allocatedBytes: volume.allocatedBytes,
    createdAtMs: now(world),
    replicas: [...volume.replicas].map((replica) => {
      replica.snapshotBytes += volume.allocatedBytes;
      charge(replica);
      return { uuid: world.newId('snapshot', { replica: replica.uuid }), source: replica.uuid, pool: replica.pool };
    }),
  };
  world.snapshots.set(uuid, snapshot);
  volume.snapshots.add(snapshot);
  volume.hadSnapshots = true;
}

/** Gives a volume another load; its counters go on. */
export function setLoad(world: World, volume: Volume, load: Load | undefined): void {
  if (load === undefined) world.loads.delete(volume.uuid);
  else world.loads.set(volume.uuid, createLoadCurve(load));
  const nexus = volume.target?.nexus;
  if (nexus === undefined || !nexus.exists || nexus.shutdown) return;
  const curve = world.loads.get(volume.uuid);
  const devices = [volume, ...nexus.children.map((child) => child.replica)];
  for (const [position, device] of devices.entries()) {
    if (curve === undefined) device.meter.stop(now(world));
    else device.meter.start(now(world), curve, position < 2 ? 1 : 0);
  }
}
