import { charge, placeOnPool, takeOffPool } from './capacity.ts';
import { createLoadMeter } from './load-meter.ts';
import type { Child, Nexus, Pool, Rebuild, RebuildRecord, Replica, StorageNode, Volume } from './entities.ts';
import { beforeChange, refresh } from './view.ts';
import type { Cause } from './cause.ts';
import { now, type World } from './world.ts';

/**
 * What the engines do: replicas on disks, nexuses and their children, rebuilds. Everything here is the truth at this
 * moment; what the core believes is in `view.ts` and in the records.
 */

const keptRebuildRecords = 50;

function childUri(replica: Replica, nexusNode: StorageNode): string {
  const { uuid, pool } = replica;
  return pool.node === nexusNode
    ? `bdev:///${uuid}?uuid=${uuid}`
    : `nvmf://${pool.node.address}:8420/nqn.2019-05.io.openebs:${uuid}?uuid=${uuid}`;
}

/** A replica whose data can be reached. */
export function isReachable(replica: Replica): boolean {
  return replica.exists && replica.pool.node.up && !replica.pool.faulted;
}

/** Recounts the healthy replicas of a volume for the ledger. */
export function noteRedundancy(world: World, volume: Volume, cause: Cause): void {
  let count = 0;
  for (const replica of volume.replicas) if (replica.synced && isReachable(replica)) count += 1;
  world.ledger.healthy(volume.uuid, count, cause);
}

export function newReplica(world: World, volume: Volume, pool: Pool): Replica {
  const replica: Replica = {
    uuid: world.newId('replica', { volume: volume.uuid, pool: pool.id }),
    pool,
    sizeBytes: volume.sizeBytes + world.capabilities.replicaOverheadBytes,
    thin: volume.thin,
    createdAtMs: now(world),
    record: 'Creating',
    owner: volume,
    madeFor: volume,
    nexusOwners: [],
    exists: false,
    shared: false,
    synced: false,
    abandoned: false,
    allocatedBytes: 4 * 1024 * 1024,
    snapshotBytes: 0,
    chargedBytes: 0,
    rebuild: undefined,
    meter: createLoadMeter(),
  };
  return replica;
}

export function putOnDisk(replica: Replica): void {
  if (!replica.exists) placeOnPool(replica);
}

export function destroyOnDisk(world: World, replica: Replica, cause: Cause): void {
  if (!replica.exists) return;
  replica.pool.meter.absorb(replica.meter.read(now(world)));
  replica.meter.reset();
  takeOffPool(replica);
  replica.synced = false;
  noteRedundancy(world, replica.madeFor, cause);
}

export interface NewNexus {
  readonly volume: Volume;
  readonly node: StorageNode;
  readonly replicas: readonly Replica[];
  readonly uuid: string;
}

export function createNexus(world: World, wanted: NewNexus): Nexus {
  const { volume, node } = wanted;
  const local = wanted.replicas.filter((replica) => replica.pool.node === node);
  const remote = wanted.replicas.filter((replica) => replica.pool.node !== node);
  const nexus: Nexus = {
    uuid: wanted.uuid,
    volume,
    node,
    sizeBytes: volume.sizeBytes,
    children: [],
    shutdown: false,
    exists: true,
    history: [],
    refreshedAtMs: now(world),
    changedAtMs: now(world),
    polled: undefined,
  };
  for (const replica of [...local, ...remote]) {
    nexus.children.push({
      replica,
      uri: childUri(replica, node),
      state: 'Online',
      rebuild: undefined,
      faultedAtMs: undefined,
      wasOnline: true,
    });
    if (!replica.nexusOwners.includes(nexus.uuid)) replica.nexusOwners.push(nexus.uuid);
    replica.shared = replica.pool.node !== node;
  }
  world.nexuses.set(nexus.uuid, nexus);
  node.nexuses.add(nexus);
  startLoad(world, nexus);
  return nexus;
}

/** Ends a nexus: its rebuilds stop, its counters are gone, and it owns none of `replicas` any more. */
export function destroyNexus(world: World, nexus: Nexus, replicas: Iterable<Replica>): void {
  stopNexus(world, nexus);
  world.nexuses.delete(nexus.uuid);
  nexus.node.nexuses.delete(nexus);
  for (const replica of replicas) disown(replica, nexus);
  for (const child of nexus.children) disown(child.replica, nexus);
  for (const replica of world.orphans) disown(replica, nexus);
}

export function disown(replica: Replica, nexus: Nexus): void {
  const position = replica.nexusOwners.indexOf(nexus.uuid);
  if (position >= 0) replica.nexusOwners.splice(position, 1);
}

/** The engine of a nexus is gone, or the nexus is shut down: no I/O, no rebuilds. */
export function stopNexus(world: World, nexus: Nexus): void {
  beforeChange(world, nexus);
  for (const child of nexus.children) if (child.rebuild !== undefined) endRebuild(world, child.rebuild, 'Stopped');
  nexus.exists = false;
  stopLoad(world, nexus);
}

export function shutDownNexus(world: World, nexus: Nexus): void {
  beforeChange(world, nexus);
  for (const child of nexus.children) if (child.rebuild !== undefined) endRebuild(world, child.rebuild, 'Stopped');
  nexus.shutdown = true;
  stopLoad(world, nexus);
  refresh(world, nexus);
}

/** Adds a replica that lacks data; the rebuild starts at once. */
export function addChild(world: World, nexus: Nexus, replica: Replica): Child {
  beforeChange(world, nexus);
  const child: Child = {
    replica,
    uri: childUri(replica, nexus.node),
    state: 'Degraded',
    rebuild: undefined,
    faultedAtMs: undefined,
    wasOnline: false,
  };
  nexus.children.push(child);
  if (!replica.nexusOwners.includes(nexus.uuid)) replica.nexusOwners.push(nexus.uuid);
  replica.shared = replica.pool.node !== nexus.node;
  replica.synced = false;
  nexus.volume.healthy?.delete(replica.uuid);
  startRebuild(world, nexus, child, false);
  const curve = world.loads.get(nexus.volume.uuid);
  if (curve !== undefined) replica.meter.start(now(world), curve, 0);
  return child;
}

export function removeChild(world: World, nexus: Nexus, child: Child, cause: Cause): void {
  beforeChange(world, nexus);
  if (child.rebuild !== undefined) endRebuild(world, child.rebuild, 'Stopped');
  nexus.children = nexus.children.filter((other) => other !== child);
  child.replica.synced = false;
  child.replica.meter.stop(now(world));
  nexus.volume.healthy?.delete(child.replica.uuid);
  restartRebuildsFrom(world, nexus, child.replica);
  noteRedundancy(world, nexus.volume, cause);
}

/** The nexus has lost a child. */
export function faultChild(world: World, nexus: Nexus, child: Child): void {
  if (child.state === 'Faulted') return;
  beforeChange(world, nexus);
  if (child.rebuild !== undefined) endRebuild(world, child.rebuild, 'Failed');
  const last = child.state === 'Online' && !nexus.children.some((other) => other !== child && other.state === 'Online');
  child.state = 'Faulted';
  child.faultedAtMs = now(world);
  // Nothing is acknowledged without a healthy child, so the last one to go misses nothing.
  if (!last) {
    child.replica.synced = false;
    nexus.volume.healthy?.delete(child.replica.uuid);
  }
  restartRebuildsFrom(world, nexus, child.replica);
  noteRedundancy(world, nexus.volume, { kind: 'fault' });
  world.wake(nexus.volume);
}

/** A faulted child is back: only what it missed is copied. */
export function onlineChild(world: World, nexus: Nexus, child: Child): void {
  beforeChange(world, nexus);
  child.state = 'Degraded';
  child.faultedAtMs = undefined;
  startRebuild(world, nexus, child, true);
}

function startRebuild(world: World, nexus: Nexus, child: Child, partial: boolean): void {
  const sources = nexus.children.filter((other) => other !== child && other.state === 'Online');
  const source = sources.find((other) => other.replica.pool.node === nexus.node) ?? sources[0];
  if (source === undefined) {
    child.state = 'Faulted';
    child.faultedAtMs = now(world);
    return;
  }
  const { volume } = nexus;
  const bytes = volume.thin ? source.replica.allocatedBytes : volume.sizeBytes;
  const usualMs = (bytes * 1000) / world.rebuildBytesPerSecond / (partial ? 4 : 1);
  const of = { volume: volume.uuid, replica: child.replica.uuid, bytes, partial };
  const durationMs = Math.max(1, world.rebuildMs(of) ?? usualMs);
  const rebuild: Rebuild = {
    nexus,
    child,
    source: source.replica,
    startedAtMs: now(world),
    durationMs,
    bytes,
    partial,
    cancelTimer: () => undefined,
  };
  rebuild.cancelTimer = world.clock.after(durationMs, () => completeRebuild(world, rebuild));
  child.rebuild = rebuild;
  child.replica.rebuild = rebuild;
  world.rebuilds.add(rebuild);
  world.ledger.rebuildStarted(child.replica.pool.id, child.replica.pool.node.id);
}

function completeRebuild(world: World, rebuild: Rebuild): void {
  const { nexus, child } = rebuild;
  beforeChange(world, nexus);
  endRebuild(world, rebuild, 'Completed');
  child.state = 'Online';
  child.wasOnline = true;
  child.replica.synced = true;
  child.replica.allocatedBytes = Math.max(child.replica.allocatedBytes, rebuild.source.allocatedBytes);
  charge(child.replica);
  nexus.volume.healthy?.add(child.replica.uuid);
  noteRedundancy(world, nexus.volume, { kind: 'selfHeal' });
}

function endRebuild(world: World, rebuild: Rebuild, outcome: RebuildRecord['outcome']): void {
  const { nexus, child } = rebuild;
  rebuild.cancelTimer();
  child.rebuild = undefined;
  child.replica.rebuild = undefined;
  world.rebuilds.delete(rebuild);
  world.endedRebuilds.push({ startedAtMs: rebuild.startedAtMs, endedAtMs: now(world) });
  world.ledger.rebuildEnded(child.replica.pool.id, child.replica.pool.node.id);
  const share = Math.min(1, (now(world) - rebuild.startedAtMs) / rebuild.durationMs);
  nexus.history.push({
    childUri: child.uri,
    sourceUri: childUri(rebuild.source, nexus.node),
    outcome,
    bytesTotal: nexus.sizeBytes,
    bytesRecovered: outcome === 'Completed' ? nexus.sizeBytes : Math.floor(nexus.sizeBytes * share),
    partial: rebuild.partial,
    startedAtMs: rebuild.startedAtMs,
    endedAtMs: now(world),
  });
  if (nexus.history.length > keptRebuildRecords) nexus.history.shift();
}

/** A job whose source has gone begins again from another one. */
function restartRebuildsFrom(world: World, nexus: Nexus, source: Replica): void {
  for (const child of nexus.children) {
    if (child.rebuild?.source !== source) continue;
    endRebuild(world, child.rebuild, 'Stopped');
    startRebuild(world, nexus, child, false);
  }
}

/** Starts counting I/O of a published volume; reads go to the first child, writes to all of them. */
function startLoad(world: World, nexus: Nexus): void {
  const { volume } = nexus;
  volume.meter.reset();
  const curve = world.loads.get(volume.uuid);
  if (curve === undefined) return;
  volume.meter.start(now(world), curve, 1);
  for (const [position, child] of nexus.children.entries()) {
    child.replica.meter.start(now(world), curve, position === 0 ? 1 : 0);
  }
}

function stopLoad(world: World, nexus: Nexus): void {
  if (nexus.volume.target !== undefined && nexus.volume.target.nexus !== nexus) return;
  nexus.volume.meter.reset();
  for (const child of nexus.children) child.replica.meter.stop(now(world));
}
