import { createSighting, type Evidence, type SeenVolume } from '@couchestor/migrator/core-parts';
import type { MayastorCalls, MayStart } from './mayastor-calls.ts';
import type { Task } from './task.ts';

/** What was read of Mayastor for one move, and how long it may be believed: as the service does it. */
export interface CoreLookout {
  see(probing: boolean): Task<Pick<Evidence, 'nowMs' | 'volume' | 'stableForMs' | Kind>>;
  look(at: Kind): Task;
  forget(): void;
  forgetCluster(): void;
  volumeTouched(): void;
  isFresh(): boolean;
}

type Kind = 'idle' | 'cluster' | 'owners';

const DECIDE_MS = 2_000;
const CALL_MS = 5_000;
const PIECE_MS = 10_000;

export function createCoreLookout(options: {
  readonly volumeId: string;
  readonly calls: MayastorCalls;
  readonly clock: { nowMs(): number; monotonicMs(): number };
  readonly mayProbe: MayStart;
}): CoreLookout {
  const { volumeId, calls, clock, mayProbe } = options;
  const sighting = createSighting();
  let volume: { readonly seen: SeenVolume | 'absent'; readonly atMs: number; readonly stableForMs: number } | undefined;
  let pieces: { readonly [K in Kind]?: { readonly value: NonNullable<Evidence[K]>; readonly atMs: number } } = {};

  const isOlder = ({ atMs }: { readonly atMs: number }, ms: number): boolean => clock.monotonicMs() - atMs > ms;
  const valueOf = <K extends Kind>(kind: K): Evidence[K] | undefined => {
    const piece = pieces[kind];
    return piece === undefined || isOlder(piece, PIECE_MS) ? undefined : piece.value;
  };
  const keep = <K extends Kind>(kind: K, value: NonNullable<Evidence[K]>): void => {
    pieces = { ...pieces, [kind]: { value, atMs: clock.monotonicMs() } };
  };
  function* readVolume(): Task<NonNullable<typeof volume>> {
    const seen = yield* calls.readVolume(volumeId);
    const atMs = clock.monotonicMs();
    const stableForMs = sighting.see(seen, atMs);
    if (stableForMs === 0) pieces = {};
    volume = { seen, atMs, stableForMs };
    return volume;
  }
  /** The probe first and the volume after it: with `idle`, what is read then is final. */
  function* probe(): Task {
    const idle = yield* calls.probeIdle(volumeId, mayProbe);
    yield* readVolume();
    keep('idle', idle);
  }
  return {
    see: function* (probing) {
      const isOld = volume === undefined || isOlder(volume, DECIDE_MS);
      if (isOld && probing && mayProbe() && valueOf('idle') === undefined) yield* probe();
      const { seen, stableForMs } = volume === undefined || isOlder(volume, DECIDE_MS) ? yield* readVolume() : volume;
      const idle = valueOf('idle');
      const cluster = valueOf('cluster');
      const owners = valueOf('owners');
      return {
        nowMs: clock.nowMs(),
        volume: seen,
        stableForMs,
        ...(idle === undefined ? {} : { idle }),
        ...(cluster === undefined ? {} : { cluster }),
        ...(owners === undefined ? {} : { owners }),
      };
    },
    look: function* (at) {
      switch (at) {
        case 'idle':
          return yield* probe();
        case 'cluster':
          return keep('cluster', yield* calls.readCluster());
        case 'owners':
          return keep('owners', yield* calls.readOwners(volumeId));
      }
    },
    forget: () => {
      volume = undefined;
      pieces = {};
    },
    forgetCluster: () => {
      const { cluster: _, ...others } = pieces;
      pieces = others;
    },
    volumeTouched: () => {
      volume = undefined;
      pieces = {};
      sighting.startOver();
    },
    isFresh: () => volume !== undefined && !isOlder(volume, CALL_MS),
  };
}
