import type { Clock } from '@couchestor/shared/clock';
import type { Mayastor, MayStart } from './ports.ts';
import {
  createSeenEvidenceCache,
  type SeenEvidence,
  type SeenEvidenceCache,
  type SeenKind,
  type VolumeRead,
} from './seen-evidence.ts';

/** Looks at Mayastor for one move, and remembers what it saw for as long as that may be believed. */
export interface Lookout extends Pick<SeenEvidenceCache, 'forget' | 'forgetCluster' | 'volumeTouched' | 'isFresh'> {
  /**
   * The evidence at hand, with the volume as of the last moments: read again if it is older, after the probe for idle
   * where that will be asked for anyway, so that it need not be read twice.
   */
  see(options: { readonly probing: boolean }): Promise<SeenEvidence>;
  /** Adds a piece to the evidence. */
  look(at: SeenKind): Promise<void>;
}

export function createLookout(options: {
  readonly volumeId: string;
  readonly mayastor: Mayastor;
  readonly clock: Clock;
  /** The idle probe is a PUT, though one that never acts. */
  readonly mayProbe: MayStart;
  readonly signal: AbortSignal;
}): Lookout {
  const { volumeId, mayastor, clock, mayProbe, signal } = options;
  const cache = createSeenEvidenceCache(clock);

  const readVolume = async (): Promise<VolumeRead> => cache.volumeRead(await mayastor.readVolume(volumeId, signal));
  /** The probe first and the volume after it: with `idle`, what is read then is final. */
  const probe = async (): Promise<void> => {
    const idle = await mayastor.probeIdle(volumeId, mayProbe, signal);
    await readVolume();
    cache.keep('idle', idle);
  };

  return {
    see: async ({ probing }) => {
      if (cache.recentVolume() === undefined && probing && mayProbe() && !cache.has('idle')) await probe();
      return cache.evidence(cache.recentVolume() ?? (await readVolume()));
    },
    look: async (at) => {
      switch (at) {
        case 'idle':
          return probe();
        case 'cluster': {
          const { pools, nodes } = await mayastor.readCluster(signal);
          return cache.keep('cluster', {
            pools: new Map(pools.map((pool) => [pool.name, pool])),
            nodes: new Map(nodes.map((node) => [node.name, node])),
          });
        }
        case 'owners':
          return cache.keep('owners', await mayastor.readOwners(volumeId, signal));
      }
    },
    forget: cache.forget,
    forgetCluster: cache.forgetCluster,
    volumeTouched: cache.volumeTouched,
    isFresh: cache.isFresh,
  };
}
