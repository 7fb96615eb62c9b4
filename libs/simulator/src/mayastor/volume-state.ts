import type { NexusView, Replica, Volume } from './entities.ts';
import { isSeen, viewOf } from './view.ts';
import type { World } from './world.ts';

export type VolumeStatus = 'Unknown' | 'Online' | 'Degraded' | 'Faulted' | 'Shutdown';

/** The target of a volume as the core sees it, if it does. */
export function targetView(world: World, volume: Volume): NexusView | undefined {
  const nexus = volume.target?.nexus;
  return nexus !== undefined && isSeen(world, nexus) ? viewOf(world, nexus) : undefined;
}

export function volumeStatus(volume: Volume, target: NexusView | undefined): VolumeStatus {
  if (volume.target === undefined) {
    if (volume.replicas.size >= volume.replicaCount) return 'Online';
    return volume.replicas.size === 0 ? 'Faulted' : 'Degraded';
  }
  if (target === undefined) return 'Unknown';
  return target.state === 'Online' && target.children.length !== volume.replicaCount ? 'Degraded' : target.state;
}

export function replicaState(replica: Replica): 'Unknown' | 'Online' | 'Faulted' {
  if (!replica.pool.node.seenOnline || !replica.exists) return 'Unknown';
  return replica.pool.faulted ? 'Faulted' : 'Online';
}
