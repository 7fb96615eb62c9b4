import type { Clock } from '@couchestor/shared/clock';
import type { Evidence, EvidenceKind, SeenVolume } from './core/evidence.ts';
import { createSighting } from './sighting.ts';

/** What Mayastor shows, without what migrators know of themselves. */
export type SeenEvidence = Pick<Evidence, 'nowMs' | 'volume' | 'stableForMs' | SeenKind>;
export type SeenKind = Exclude<EvidenceKind, 'arriving'>;

/** One read of the volume. */
export interface VolumeRead {
  readonly seen: SeenVolume | 'absent';
  readonly readAtMs: number;
  readonly stableForMs: number;
}

/** What was read of Mayastor for one move, for as long as it may be believed. */
export interface SeenEvidenceCache {
  /** The volume, unless it has to be read again before a step is decided. */
  recentVolume(): VolumeRead | undefined;
  volumeRead(seen: SeenVolume | 'absent'): VolumeRead;
  keep<K extends SeenKind>(kind: K, value: NonNullable<Evidence[K]>): void;
  has(kind: SeenKind): boolean;
  /** With everything else that may be believed. */
  evidence(volume: VolumeRead): SeenEvidence;
  /** Time has passed, or something was done: all of it is to be read again. */
  readonly forget: () => void;
  /** Cordons may be others than those that were read. */
  readonly forgetCluster: () => void;
  /** A call of ours may have changed the volume: what reads agreed on before it counts no more. */
  readonly volumeTouched: () => void;
  /** Whether the volume was read in the last few seconds, so that a call may rest on it. */
  readonly isFresh: () => boolean;
}

/** A volume that was read longer ago is read again before a step is decided. */
const DECIDE_MS = 2_000;
/** No call starts that rests on a read of longer ago: the budget of calls may have held it up. */
const CALL_MS = 5_000;
/** What else was read counts so long, as long as the volume looks the same: with a small budget reading takes a while. */
const PIECE_MS = 10_000;

type Pieces = {
  readonly [K in SeenKind]?: { readonly value: NonNullable<Evidence[K]>; readonly readAtMs: number };
};

export function createSeenEvidenceCache(clock: Pick<Clock, 'nowMs' | 'monotonicMs'>): SeenEvidenceCache {
  const sighting = createSighting();
  let volume: VolumeRead | undefined;
  let pieces: Pieces = {};

  const ageMs = ({ readAtMs }: { readonly readAtMs: number }): number => clock.monotonicMs() - readAtMs;
  const valueOf = <K extends SeenKind>(kind: K): Partial<Pick<Evidence, K>> => {
    const piece = pieces[kind];
    return piece === undefined || ageMs(piece) > PIECE_MS ? {} : ({ [kind]: piece.value } as Pick<Evidence, K>);
  };
  return {
    recentVolume: () => (volume === undefined || ageMs(volume) > DECIDE_MS ? undefined : volume),
    volumeRead: (seen) => {
      const readAtMs = clock.monotonicMs();
      const stableForMs = sighting.see(seen, readAtMs);
      if (stableForMs === 0) pieces = {};
      volume = { seen, readAtMs, stableForMs };
      return volume;
    },
    keep: (kind, value) => {
      pieces = { ...pieces, [kind]: { value, readAtMs: clock.monotonicMs() } };
    },
    has: (kind) => valueOf(kind)[kind] !== undefined,
    evidence: ({ seen, stableForMs }) => ({
      nowMs: clock.nowMs(),
      volume: seen,
      stableForMs,
      ...valueOf('idle'),
      ...valueOf('cluster'),
      ...valueOf('owners'),
    }),
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
    isFresh: () => volume !== undefined && ageMs(volume) <= CALL_MS,
  };
}
