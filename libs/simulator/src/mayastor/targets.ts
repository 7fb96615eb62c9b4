import { createNexus, destroyNexus, noteRedundancy, shutDownNexus } from './data-path.ts';
import { callEngine, persist } from './engine-calls.ts';
import type { Nexus, Replica, StorageNode, Volume } from './entities.ts';
import { failures } from './errors.ts';
import { engineOrInternal, takeChildOut } from './scaling.ts';
import { childOf, ownedReplicas } from './victim.ts';
import { isSeen, viewOf } from './view.ts';
import type { Cause } from './cause.ts';
import { picked, type World } from './world.ts';

export interface PublishRequest {
  readonly node: string | undefined;
  readonly frontendNode: string | undefined;
  readonly republish: boolean;
  readonly reuseExisting: boolean;
}

/** `PUT /volumes/{id}/target` */
export async function publish(world: World, volume: Volume, request: PublishRequest): Promise<void> {
  const { target } = volume;
  if (target !== undefined) {
    if (request.reuseExisting) return;
    if (!request.republish) throw failures.alreadyPublished(volume.uuid, target.node.id);
    await moveTarget(world, volume, request.node);
    return;
  }
  const replicas = healthyReplicas(world, volume);
  if (replicas.length === 0) throw failures.noHealthyReplica(volume.uuid);
  const node = targetNode(world, volume, request.node, undefined);
  await persist(world);
  const uuid = world.newId('nexus', { volume: volume.uuid });
  let nexus: Nexus | undefined;
  await engineOrInternal(
    callEngine(world, 'nexus', node, () => {
      nexus = createNexus(world, { volume, node, replicas, uuid });
    }),
  );
  if (nexus === undefined) throw failures.engineCall('the nexus was not created');
  const frontendNodes = request.frontendNode === undefined ? [] : [request.frontendNode];
  volume.target = { node, nexus, frontendNodes };
  trustOnly(world, volume, replicas);
}

/** From now on the persisted information calls these replicas whole, and the others miss what is written. */
function trustOnly(world: World, volume: Volume, replicas: readonly Replica[]): void {
  volume.healthy = new Set(replicas.map((replica) => replica.uuid));
  volume.cleanShutdown = false;
  for (const replica of volume.replicas) if (!replicas.includes(replica)) replica.synced = false;
  noteRedundancy(world, volume, { kind: 'fault' });
}

/** Replicas that a new nexus may be made of. */
function healthyReplicas(world: World, volume: Volume): Replica[] {
  return ownedReplicas(world, volume).filter(
    (replica) =>
      replica.record === 'Created' &&
      replica.exists &&
      replica.pool.node.seenOnline &&
      !replica.pool.faulted &&
      (volume.healthy === undefined || volume.healthy.has(replica.uuid)),
  );
}

function targetNode(
  world: World,
  volume: Volume,
  asked: string | undefined,
  not: StorageNode | undefined,
): StorageNode {
  if (asked !== undefined) {
    const node = world.nodes.get(asked);
    if (node === undefined) throw failures.nodeNotFound(asked);
    if (!node.seenOnline) throw failures.nodeNotOnline(asked);
    if (node.cordonLabels.length > 0 || node.drainLabels.length > 0) throw failures.nodeCordoned(asked);
    return node;
  }
  const usable = [...world.nodes.values()].filter(
    (node) => node.seenOnline && node.cordonLabels.length === 0 && node.drainLabels.length === 0 && node !== not,
  );
  const holders = usable.filter((node) => [...volume.replicas].some((replica) => replica.pool.node === node));
  // A single replica pins its target to itself unless somebody asks for a node.
  const preferred = not === undefined && holders.length > 0 ? holders : usable;
  const fewest = Math.min(...preferred.map((node) => node.nexuses.size));
  const equals = preferred.filter((node) => node.nexuses.size === fewest);
  if (equals.length === 0) throw failures.noNodes();
  if (equals.length === 1) return picked(equals, 0);
  const ids = equals.map((node) => node.id);
  return picked(equals, world.choose('targetNode', ids, volume.uuid));
}

/** `DELETE /volumes/{id}/target` */
export async function unpublish(world: World, volume: Volume): Promise<void> {
  const { target } = volume;
  if (target === undefined) throw failures.notPublished(volume.uuid);
  await persist(world);
  const { nexus } = target;
  if (isSeen(world, nexus)) {
    await engineOrInternal(callEngine(world, 'nexus', nexus.node, () => destroyNexus(world, nexus, volume.replicas)));
    volume.cleanShutdown = true;
  } else destroyNexus(world, nexus, volume.replicas);
  for (const replica of volume.replicas) replica.shared = false;
  volume.target = undefined;
}

/** Moves the target elsewhere. The old nexus is shut down, stays, and goes on owning its replicas. */
export async function moveTarget(world: World, volume: Volume, asked: string | undefined): Promise<void> {
  const { target } = volume;
  if (target === undefined) throw failures.notPublished(volume.uuid);
  const old = target.nexus;
  const node = targetNode(world, volume, asked, old.node);
  await persist(world);
  const rebuilding = old.children.some((child) => child.state !== 'Online');
  const uuid = world.newId('nexus', { volume: volume.uuid });
  const healthy = healthyReplicas(world, volume);
  if (healthy.length === 0) throw failures.noHealthyReplica(volume.uuid);
  await engineOrInternal(
    callEngine(world, 'nexus', node, () => {
      // A nexus that died was not shut down, so of its replicas only one can be trusted.
      const replicas = old.exists ? healthy : [survivorOf(world, volume, healthy, node)];
      if (old.exists) shutDownNexus(world, old);
      const nexus = createNexus(world, { volume, node, replicas, uuid });
      volume.target = { node, nexus, frontendNodes: target.frontendNodes };
      trustOnly(world, volume, replicas);
    }),
  );
  // It goes on owning replicas, also when it could not be reached any more.
  old.shutdown = true;
  volume.shutdownTargets.push(old);
  if (rebuilding) world.passSoon();
  scheduleClearing(world, volume, old);
}

function scheduleClearing(world: World, volume: Volume, old: Nexus): void {
  if (!Number.isFinite(world.timers.shutdownTargetMs)) return;
  world.clock.after(world.timers.shutdownTargetMs, () => {
    if (!volume.shutdownTargets.includes(old)) return;
    volume.shutdownTargets = volume.shutdownTargets.filter((nexus) => nexus !== old);
    destroyNexus(world, old, volume.replicas);
    world.wake(volume);
  });
}

function survivorOf(world: World, volume: Volume, trusted: readonly Replica[], node: StorageNode): Replica {
  const local = trusted.find((replica) => replica.pool.node === node);
  if (local !== undefined) return local;
  if (trusted.length === 1) return picked(trusted, 0);
  const ids = trusted.map((replica) => replica.uuid);
  return picked(trusted, world.choose('survivor', ids, volume.uuid));
}

/**
 * Makes the nexus of a target again, after its engine or the last of its children came back. The end was not clean, so
 * only one replica can be trusted; all others have to be made anew.
 */
export async function recreateNexus(world: World, volume: Volume): Promise<void> {
  const { target } = volume;
  if (target === undefined || !target.node.seenOnline) return;
  const trusted = healthyReplicas(world, volume);
  if (trusted.length === 0) return;
  const survivor = survivorOf(world, volume, trusted, target.node);
  const old = target.nexus;
  await callEngine(world, 'nexus', target.node, () => {
    destroyNexus(world, old, volume.replicas);
    const nexus = createNexus(world, { volume, node: target.node, replicas: [survivor], uuid: old.uuid });
    volume.target = { ...target, nexus };
    trustOnly(world, volume, [survivor]);
    for (const replica of volume.replicas) replica.abandoned = replica !== survivor;
  });
}

/** `DELETE /nexuses/{nexus}/children/{child}`: the replica stays, owned by its volume and, as recorded, by the nexus. */
export async function removeNexusChild(world: World, nexus: Nexus, uri: string, cause: Cause): Promise<void> {
  const entry = viewOf(world, nexus).children.find((child) => child.uri === uri);
  const child = entry === undefined ? undefined : childOf(nexus.volume, entry.replica);
  if (child === undefined) throw failures.childNotFound(nexus.uuid, uri);
  await takeChildOut(world, nexus, child, cause);
}
