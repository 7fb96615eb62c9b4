import { isReachable, onlineChild } from './data-path.ts';
import { callEngine, CoreGone, EngineFailure } from './engine-calls.ts';
import type { Child, Nexus, Replica, Volume } from './entities.ts';
import { RestFailure } from './errors.ts';
import { createReplica, disownFromVolume } from './replicas.ts';
import { attachReplica, detachReplica, trustIfUntouched } from './scaling.ts';
import { recreateNexus } from './targets.ts';
import { ownedReplicas, removalVictim } from './victim.ts';
import { refresh, stateOf } from './view.ts';
import { hold } from './volume-lock.ts';
import { targetView } from './volume-state.ts';
import { destroyVolume, eraseOrLeave } from './volumes.ts';
import type { Cause } from './cause.ts';
import { now, type World } from './world.ts';

const selfHeal: Cause = { kind: 'selfHeal' };
/** Some of the cleaning is done only every so many idle periods. */
const cleaningEveryPeriods = 5;

/**
 * What the core does by itself: replaces faulted children, makes and removes replicas until there are as many as wanted,
 * makes lost targets again. Only volumes that differ from what they should be are looked at, so a cluster at rest costs
 * nothing.
 */
export function startReconcilers(world: World): { readonly coreRestarted: () => void } {
  const due = new Set<Volume>();
  let cancelTimer: (() => void) | undefined;
  let running = false;
  /** When a pass that follows one with unfinished work is due; the past if the last one left none. */
  let followUpMs = -1;
  let cleaned = cleaningRounds(world);

  const schedule = (soon: boolean): void => {
    if (running || world.core.state === 'down') return;
    if (due.size === 0 && world.orphans.size === 0 && !soon) return;
    if (cancelTimer !== undefined) {
      if (!soon) return;
      cancelTimer();
    }
    const idleMs = untilNextPassMs(world);
    const waitMs = soon ? 0 : followUpMs > now(world) ? Math.min(idleMs, followUpMs - now(world)) : idleMs;
    const life = world.core.life;
    cancelTimer = world.clock.after(waitMs, () => {
      cancelTimer = undefined;
      if (world.core.life !== life || world.core.state !== 'up') return;
      void pass(life);
    });
  };

  const pass = async (life: number): Promise<void> => {
    running = true;
    const rounds = cleaningRounds(world);
    const cleaning = rounds !== cleaned;
    cleaned = rounds;
    let busy = false;
    for (const volume of Array.from(due)) {
      if (world.core.life !== life) return;
      // What was wrong may have been put right, or the volume deleted, since it was put on the list.
      if (needsWork(world, volume)) {
        if (volume.operation !== undefined || !(await attempt(world, volume, cleaning))) busy = true;
      }
      if (!needsWork(world, volume)) due.delete(volume);
    }
    if (cleaning) await eraseOrphans(world);
    if (world.core.life !== life) return;
    running = false;
    followUpMs = busy ? now(world) + world.timers.reconcilePeriodMs : -1;
    schedule(false);
  };

  world.wake = (volume) => {
    if (needsWork(world, volume)) {
      due.add(volume);
      schedule(false);
    } else if (world.orphans.size > 0) schedule(false);
  };
  world.passSoon = () => schedule(true);

  return {
    coreRestarted: () => {
      running = false;
      followUpMs = -1;
      due.clear();
      for (const volume of world.volumes.values()) if (needsWork(world, volume)) due.add(volume);
      schedule(true);
    },
  };
}

function untilNextPassMs(world: World): number {
  const { reconcileIdleMs, reconcilePhaseMs } = world.timers;
  const sinceMs = now(world) - reconcilePhaseMs;
  return reconcileIdleMs - (((sinceMs % reconcileIdleMs) + reconcileIdleMs) % reconcileIdleMs);
}

/** Grows by one with every round of cleaning that is due. */
function cleaningRounds(world: World): number {
  const { reconcileIdleMs, reconcilePhaseMs } = world.timers;
  return Math.floor((now(world) - reconcilePhaseMs) / (reconcileIdleMs * cleaningEveryPeriods));
}

function needsWork(world: World, volume: Volume): boolean {
  // A creation or deletion that a crash cut off is undone or finished.
  if (volume.record !== 'Created') return volume.operation === undefined && world.volumes.get(volume.uuid) === volume;
  if (volume.replicas.size > volume.replicaCount) return true;
  const { target } = volume;
  if (target !== undefined && !target.nexus.exists) return target.node.seenOnline;
  if (!volume.selfHeal) return false;
  if (volume.replicas.size < volume.replicaCount) return true;
  if (target === undefined) return false;
  const { children } = target.nexus;
  return children.length !== volume.replicaCount || children.some((child) => child.state === 'Faulted');
}

/** One look at one volume; false if what was begun failed. It is tried again at the next pass. */
async function attempt(world: World, volume: Volume, cleaning: boolean): Promise<boolean> {
  if (world.storeStuck) return false;
  try {
    await hold(world, volume, 'Reconcile', () => reconcile(world, volume, cleaning));
    return true;
  } catch (error) {
    if (error instanceof RestFailure || error instanceof EngineFailure || error instanceof CoreGone) return false;
    throw error;
  }
}

async function reconcile(world: World, volume: Volume, cleaning: boolean): Promise<void> {
  if (volume.record !== 'Created') return destroyVolume(world, volume, selfHeal);
  const nexus = volume.target?.nexus;
  if (nexus !== undefined && (!nexus.exists || stateOf(nexus) === 'Faulted')) return recreateNexus(world, volume);
  const view = targetView(world, volume);
  if (nexus !== undefined && view === undefined) return;
  if (volume.selfHeal && nexus !== undefined) {
    for (const seen of view?.children ?? []) {
      const child = nexus.children.find((entry) => entry.replica === seen.replica);
      if (child?.state === 'Faulted' && seen.state === 'Faulted') await treatFaulted(world, volume, nexus, child);
    }
    await dropAbandoned(world, volume);
    if (cleaning && dropUnreachable(world, volume, nexus)) return;
  }
  await matchCount(world, volume, nexus);
}

/** A child that was in sync may come back for a while; one that never was is replaced at once. */
async function treatFaulted(world: World, volume: Volume, nexus: Nexus, child: Child): Promise<void> {
  const waitedMs = now(world) - (child.faultedAtMs ?? 0);
  if (child.wasOnline && waitedMs < world.timers.faultedChildWaitMs) {
    if (!isReachable(child.replica) || !child.replica.pool.node.seenOnline) return;
    await callEngine(world, 'nexus', nexus.node, () => onlineChild(world, nexus, child));
    refresh(world, nexus);
    return;
  }
  await detachReplica(world, volume, child.replica, selfHeal);
  disownFromVolume(world, child.replica, selfHeal);
  await eraseOrLeave(world, child.replica, selfHeal);
}

async function dropAbandoned(world: World, volume: Volume): Promise<void> {
  for (const replica of ownedReplicas(world, volume)) {
    if (!replica.abandoned) continue;
    disownFromVolume(world, replica, selfHeal);
    await eraseOrLeave(world, replica, selfHeal);
  }
}

function dropUnreachable(world: World, volume: Volume, nexus: Nexus): boolean {
  let dropped = false;
  for (const replica of unused(world, volume, nexus)) {
    if (volume.healthy?.has(replica.uuid) === true || replica.pool.node.seenOnline) continue;
    disownFromVolume(world, replica, selfHeal);
    dropped = true;
  }
  return dropped;
}

function unused(world: World, volume: Volume, nexus: Nexus | undefined): Replica[] {
  return ownedReplicas(world, volume).filter(
    (replica) => nexus === undefined || !nexus.children.some((child) => child.replica === replica),
  );
}

async function matchCount(world: World, volume: Volume, nexus: Nexus | undefined): Promise<void> {
  const spare = unused(world, volume, nexus);
  if (volume.replicas.size > volume.replicaCount) {
    const victim =
      spare.find((replica) => volume.healthy?.has(replica.uuid) !== true) ??
      spare.at(-1) ??
      removalVictim(world, volume, volume.replicaCount);
    if (victim === undefined) return;
    await detachReplica(world, volume, victim, selfHeal);
    disownFromVolume(world, victim, selfHeal);
    return eraseOrLeave(world, victim, selfHeal);
  }
  if (!volume.selfHeal) return;
  if (volume.replicas.size < volume.replicaCount) {
    const replica = await createReplica(world, volume);
    if (nexus !== undefined) await attachReplica(world, nexus, replica);
    else trustIfUntouched(world, volume, replica, selfHeal);
    return;
  }
  if (nexus === undefined || nexus.children.length >= volume.replicaCount) return;
  const usable = spare.find((replica) => replica.record === 'Created' && replica.pool.node.seenOnline);
  if (usable !== undefined && isReachable(usable)) await attachReplica(world, nexus, usable);
}

async function eraseOrphans(world: World): Promise<void> {
  for (const replica of Array.from(world.orphans)) {
    if (replica.nexusOwners.length > 0 || !replica.pool.node.seenOnline) continue;
    try {
      await eraseOrLeave(world, replica, selfHeal);
    } catch (error) {
      if (!(error instanceof CoreGone)) throw error;
      return;
    }
  }
}
