import { copyBytes } from '@couchestor/shared/policy';
import type { VolumeObserved } from '@couchestor/shared/messages';
import type { Cluster } from './cluster.ts';
import { placementVolume } from './placement-volume.ts';
import type { IntentState } from './world.ts';

/** What is on its way to pools and nodes: moves in flight, and those that are being proposed. */
export interface InFlight {
  movesTo(pool: string): number;
  movesToNode(node: string): number;
  /** Bytes that will be used on the pool beyond what it shows now; what has arrived already counts twice, to be safe. */
  bytesTo(pool: string): number;
  /** Sizes of replicas to come, for the over-commitment of thin pools. */
  committedTo(pool: string): number;
  add(pool: string, volume: CopiedVolume): void;
}

type CopiedVolume = Pick<VolumeObserved, 'sizeBytes' | 'thin' | 'allocatedBytes'>;

interface Load {
  moves: number;
  bytes: number;
  committed: number;
}

function createInFlight(nodeOfPool: (pool: string) => string | undefined): InFlight {
  const pools = new Map<string, Load>();
  const nodes = new Map<string, number>();
  return {
    movesTo: (pool) => pools.get(pool)?.moves ?? 0,
    movesToNode: (node) => nodes.get(node) ?? 0,
    bytesTo: (pool) => pools.get(pool)?.bytes ?? 0,
    committedTo: (pool) => pools.get(pool)?.committed ?? 0,
    add: (pool, volume) => {
      const load = pools.get(pool) ?? { moves: 0, bytes: 0, committed: 0 };
      load.moves += 1;
      load.bytes += copyBytes(placementVolume(volume));
      load.committed += volume.sizeBytes;
      pools.set(pool, load);
      const node = nodeOfPool(pool);
      if (node !== undefined) nodes.set(node, (nodes.get(node) ?? 0) + 1);
    },
  };
}

/** Moves that wait for a person count too: their replica may still be there. */
export function inFlightOf(
  intents: ReadonlyMap<string, IntentState>,
  volumes: ReadonlyMap<string, VolumeObserved>,
  cluster: Cluster,
): InFlight {
  const inFlight = createInFlight((pool) => cluster.pools.get(pool)?.node);
  for (const [volumeId, intent] of intents) {
    if (intent.state !== 'active') continue;
    // A volume that is gone from the facts, or not yet in them, counts with all of its size.
    inFlight.add(intent.targetPool, volumes.get(volumeId) ?? { sizeBytes: intent.sizeBytes, thin: false });
  }
  return inFlight;
}
