import type { ChildView, Nexus, NexusView } from './entities.ts';
import { now, type World } from './world.ts';

/**
 * REST shows what the core last saw. It polls its nodes on a grid of periods and learns of its own operations at once, so
 * nothing here ticks: a view is computed for the last moment at which the core looked, and the only thing ever stored is
 * what it saw then, if the truth has changed since.
 */
export function lastPollMs(world: World): number {
  const { cachePeriodMs, cachePhaseMs } = world.timers;
  return Math.floor((now(world) - cachePhaseMs) / cachePeriodMs) * cachePeriodMs + cachePhaseMs;
}

/** Must be called before the truth about a nexus changes. */
export function beforeChange(world: World, nexus: Nexus): void {
  const seenMs = Math.max(lastPollMs(world), nexus.refreshedAtMs);
  if (nexus.changedAtMs <= seenMs) nexus.polled = snapshotOf(nexus, seenMs);
  nexus.changedAtMs = now(world);
}

/** The core has just done something to the nexus itself, or heard of it, so it knows the truth. */
export function refresh(world: World, nexus: Nexus): void {
  nexus.refreshedAtMs = now(world);
  nexus.polled = undefined;
}

export function viewOf(world: World, nexus: Nexus): NexusView {
  const seenMs = Math.max(lastPollMs(world), nexus.refreshedAtMs);
  return nexus.changedAtMs > seenMs && nexus.polled !== undefined ? nexus.polled : snapshotOf(nexus, seenMs);
}

/** Whether the core sees the nexus: one that is gone is seen until the next poll of its node. */
export function isSeen(world: World, nexus: Nexus): boolean {
  if (!nexus.node.seenOnline) return false;
  return nexus.exists || nexus.changedAtMs > Math.max(lastPollMs(world), nexus.refreshedAtMs);
}

function snapshotOf(nexus: Nexus, atMs: number): NexusView {
  const children = nexus.children.map((child): ChildView => {
    const { rebuild } = child;
    return {
      replica: child.replica,
      uri: child.uri,
      state: child.state,
      progress:
        rebuild === undefined
          ? undefined
          : Math.min(99, Math.max(0, Math.floor(((atMs - rebuild.startedAtMs) * 100) / rebuild.durationMs))),
    };
  });
  return {
    atMs,
    state: stateOf(nexus),
    rebuilds: children.filter((child) => child.progress !== undefined).length,
    children,
  };
}

export function stateOf(nexus: Nexus): NexusView['state'] {
  if (nexus.shutdown) return 'Shutdown';
  if (!nexus.children.some((child) => child.state === 'Online')) return 'Faulted';
  return nexus.children.every((child) => child.state === 'Online') ? 'Online' : 'Degraded';
}

/** Rebuilds that ran when the core last counted them. */
export function rebuildsSeen(world: World): number {
  const pollMs = lastPollMs(world);
  world.endedRebuilds = world.endedRebuilds.filter((ended) => ended.endedAtMs > pollMs);
  let count = world.endedRebuilds.filter((ended) => ended.startedAtMs <= pollMs).length;
  for (const rebuild of world.rebuilds) if (rebuild.startedAtMs <= pollMs) count += 1;
  return count;
}
