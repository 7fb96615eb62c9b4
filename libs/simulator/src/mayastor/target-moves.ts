import { CoreGone, EngineFailure } from './engine-calls.ts';
import type { StorageNode, Volume } from './entities.ts';
import { RestFailure } from './errors.ts';
import { moveTarget } from './targets.ts';
import { withVolume } from './volume-lock.ts';
import type { World } from './world.ts';

/** Moves every target off a node, as a drain or a failover does; what fails is tried again while `wanted` holds. */
export function moveTargetsWhile(world: World, node: StorageNode, afterMs: number, wanted: () => boolean): void {
  world.clock.after(afterMs, () => void moveTargets(world, node, wanted));
}

async function moveTargets(world: World, node: StorageNode, wanted: () => boolean): Promise<void> {
  const volumes: Volume[] = [];
  for (const nexus of node.nexuses) if (!nexus.shutdown) volumes.push(nexus.volume);
  let failed = false;
  for (const volume of volumes) {
    if (!wanted()) return;
    if (world.core.state !== 'up' || !(await moved(world, node, volume))) failed = true;
  }
  if (failed && wanted()) moveTargetsWhile(world, node, world.timers.reconcileIdleMs, wanted);
}

async function moved(world: World, node: StorageNode, volume: Volume): Promise<boolean> {
  try {
    await withVolume(world, volume.uuid, 'Republish', async (held) => {
      if (held.target?.node === node) await moveTarget(world, held, undefined);
    });
    return true;
  } catch (error) {
    if (error instanceof RestFailure || error instanceof EngineFailure || error instanceof CoreGone) return false;
    throw error;
  }
}
