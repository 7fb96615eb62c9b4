import {
  createSeenEvidenceCache,
  type SeenEvidence,
  type SeenEvidenceCache,
  type SeenKind,
  type VolumeRead,
} from '@couchestor/migrator/core-parts';
import type { MayastorCalls, MayStart } from './mayastor-calls.ts';
import type { Task } from './task.ts';

/** Looks at Mayastor for one move: as the service does it. */
export interface CoreLookout extends Pick<SeenEvidenceCache, 'forget' | 'forgetCluster' | 'volumeTouched' | 'isFresh'> {
  see(probing: boolean): Task<SeenEvidence>;
  look(at: SeenKind): Task;
}

export function createCoreLookout(options: {
  readonly volumeId: string;
  readonly calls: MayastorCalls;
  readonly clock: { nowMs(): number; monotonicMs(): number };
  readonly mayProbe: MayStart;
}): CoreLookout {
  const { volumeId, calls, clock, mayProbe } = options;
  const cache = createSeenEvidenceCache(clock);

  function* readVolume(): Task<VolumeRead> {
    return cache.volumeRead(yield* calls.readVolume(volumeId));
  }
  function* probe(): Task {
    const idle = yield* calls.probeIdle(volumeId, mayProbe);
    yield* readVolume();
    cache.keep('idle', idle);
  }
  return {
    see: function* (probing) {
      if (cache.recentVolume() === undefined && probing && mayProbe() && !cache.has('idle')) yield* probe();
      return cache.evidence(cache.recentVolume() ?? (yield* readVolume()));
    },
    look: function* (at) {
      switch (at) {
        case 'idle':
          return yield* probe();
        case 'cluster':
          return cache.keep('cluster', yield* calls.readCluster());
        case 'owners':
          return cache.keep('owners', yield* calls.readOwners(volumeId));
      }
    },
    forget: cache.forget,
    forgetCluster: cache.forgetCluster,
    volumeTouched: cache.volumeTouched,
    isFresh: cache.isFresh,
  };
}
