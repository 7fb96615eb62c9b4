import { healthOf, type SeenVolume } from './core/evidence.ts';

/** Remembers since when the reads of one volume have agreed, in all but progress and space. */
export interface Sighting {
  /** Takes in a read; returns for how long reads have agreed, 0 for the first of its kind. */
  see(volume: SeenVolume | 'absent', nowMonotonicMs: number): number;
  /** The next read is the first of its kind, whatever it shows. */
  startOver(): void;
}

export function createSighting(): Sighting {
  let last: string | undefined;
  let sinceMs = 0;
  return {
    see: (volume, nowMonotonicMs) => {
      const signature = signatureOf(volume);
      if (signature !== last) {
        last = signature;
        sinceMs = nowMonotonicMs;
      }
      return nowMonotonicMs - sinceMs;
    },
    startOver: () => {
      last = undefined;
    },
  };
}

function signatureOf(volume: SeenVolume | 'absent'): string {
  if (volume === 'absent') return 'absent';
  const replicas = volume.replicas
    .map((replica) =>
      [
        replica.replicaId,
        replica.node,
        replica.pool,
        replica.state,
        replica.childState,
        healthOf(volume, replica),
      ].join(' '),
    )
    .sort();
  const { target } = volume;
  return [volume.status, volume.replicaCount, target?.nexusId, target?.node, target?.online, ...replicas].join('\n');
}
