import type { Clock } from '@couchestor/shared/clock';
import type { Evidence, EvidenceKind, SeenVolume } from './core/evidence.ts';
import type { Mayastor, MayStart } from './ports.ts';
import { createSighting } from './sighting.ts';

/** What was read of Mayastor for one move, and how long it may be believed. */
export interface Lookout {
  /**
   * The evidence at hand, with the volume as of the last moments: read again if it is older, after the probe for idle
   * where that will be asked for anyway, so that it need not be read twice.
   */
  see(options: { readonly probing: boolean }): Promise<SeenEvidence>;
  /** Adds a piece to the evidence. */
  look(at: SeenKind): Promise<void>;
  /** Time has passed, or something was done: all of it is to be read again. */
  forget(): void;
  /** Cordons may be others than those that were read. */
  forgetCluster(): void;
  /** A call of ours may have changed the volume: what reads agreed on before it counts no more. */
  volumeTouched(): void;
  /** Whether the volume was read in the last few seconds, so that a call may rest on it. */
  isFresh(): boolean;
}

/** What Mayastor shows, without what migrators know of themselves. */
export type SeenEvidence = Pick<Evidence, 'nowMs' | 'volume' | 'stableForMs' | SeenKind>;
type SeenKind = Exclude<EvidenceKind, 'arriving'>;

/** A volume that was read longer ago is read again before a step is decided. */
const DECIDE_MS = 2_000;
/** No call starts that rests on a read of longer ago: the budget of calls may have held it up. */
const CALL_MS = 5_000;
/** What else was read counts so long, as long as the volume looks the same: with a small budget reading takes a while. */
const PIECE_MS = 10_000;

type Pieces = {
  readonly [K in SeenKind]?: { readonly value: NonNullable<Evidence[K]>; readonly readAtMs: number };
};

export function createLookout(options: {
  readonly volumeId: string;
  readonly mayastor: Mayastor;
  readonly clock: Clock;
  /** The idle probe is a PUT, though one that never acts. */
  readonly mayProbe: MayStart;
  readonly signal: AbortSignal;
}): Lookout {
  const { volumeId, mayastor, clock, mayProbe, signal } = options;
  const sighting = createSighting();
  let volume:
    | { readonly seen: SeenVolume | 'absent'; readonly readAtMs: number; readonly stableForMs: number }
    | undefined;
  let pieces: Pieces = {};

  const ageMs = ({ readAtMs }: { readonly readAtMs: number }): number => clock.monotonicMs() - readAtMs;
  const readVolume = async (): Promise<NonNullable<typeof volume>> => {
    const seen = await mayastor.readVolume(volumeId, signal);
    const readAtMs = clock.monotonicMs();
    const stableForMs = sighting.see(seen, readAtMs);
    if (stableForMs === 0) pieces = {};
    volume = { seen, readAtMs, stableForMs };
    return volume;
  };
  const valueOf = <K extends SeenKind>(kind: K): Partial<Pick<Evidence, K>> => {
    const piece = pieces[kind];
    return piece === undefined || ageMs(piece) > PIECE_MS ? {} : ({ [kind]: piece.value } as Pick<Evidence, K>);
  };
  const keep = <K extends SeenKind>(kind: K, value: NonNullable<Evidence[K]>): void => {
    pieces = { ...pieces, [kind]: { value, readAtMs: clock.monotonicMs() } };
  };

  /** The probe first and the volume after it: with `idle`, what is read then is final. */
  const probe = async (): Promise<void> => {
    const idle = await mayastor.probeIdle(volumeId, mayProbe, signal);
    await readVolume();
    keep('idle', idle);
  };

  return {
    see: async ({ probing }) => {
      const isOld = volume === undefined || ageMs(volume) > DECIDE_MS;
      if (isOld && probing && mayProbe() && valueOf('idle').idle === undefined) await probe();
      const { seen, stableForMs } = volume === undefined || ageMs(volume) > DECIDE_MS ? await readVolume() : volume;
      return {
        nowMs: clock.nowMs(),
        volume: seen,
        stableForMs,
        ...valueOf('idle'),
        ...valueOf('cluster'),
        ...valueOf('owners'),
      };
    },
    look: async (at) => {
      switch (at) {
        case 'idle':
          return probe();
        case 'cluster': {
          const { pools, nodes } = await mayastor.readCluster(signal);
          keep('cluster', {
            pools: new Map(pools.map((pool) => [pool.name, pool])),
            nodes: new Map(nodes.map((node) => [node.name, node])),
          });
          return;
        }
        case 'owners':
          keep('owners', await mayastor.readOwners(volumeId, signal));
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
    isFresh: () => volume !== undefined && ageMs(volume) <= CALL_MS,
  };
}
