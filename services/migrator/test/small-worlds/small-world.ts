import type { ActiveIntent, Intent } from '@couchestor/shared/messages';
import type { Capabilities } from '../../src/core/evidence.ts';
import { anIntent } from '../evidence.ts';

/**
 * A cluster so small that every state which it can come to while volumes move in it can be visited: each step with each
 * of its outcomes, and each thing that may happen between two steps. What the protocol is shown is the truth; that it
 * may be old, lost or late is the matter of the simulation.
 */
export interface SmallWorld {
  readonly name: string;
  readonly pools: readonly string[];
  readonly targetPools: readonly string[];
  /** Pools of the replicas of each volume. */
  readonly volumes: readonly (readonly string[])[];
  readonly method?: Capabilities['method'];
  /** Whether the cordon of a node decides which replica goes. */
  readonly steers?: boolean;
  readonly allowReducedRedundancy?: boolean;
  /** How many things may go wrong, or be done by others, on one way; without any, no copy lasts too long either. */
  readonly trouble: number;
}

/** `out`: it was taken out of the target. */
export type Health = 'synced' | 'filling' | 'out';

export interface Replica {
  readonly id: string;
  readonly pool: string;
  readonly health: Health;
}

/** One volume and its move. Volumes know nothing of each other but what they share. */
export interface Volume {
  readonly count: number;
  readonly replicas: readonly Replica[];
  readonly published: boolean;
  readonly deleted: boolean;
  /** How long nothing changed: just now, a cache period, longer than anything is waited for. */
  readonly stable: 0 | 1 | 2;
  /** Later than every time-out of the round that goes on. */
  readonly late: boolean;
  readonly intent: Intent;
}

/** What all volumes share. */
export interface Shared {
  /** Pools, or nodes with our label, after the name of the move that cordoned them; `person` for a person's. */
  readonly cordons: readonly string[];
  readonly nodesDown: readonly string[];
  /** The move that holds the lease. */
  readonly fence: string | undefined;
  readonly mayAct: boolean;
  /** Things that may still go wrong. */
  readonly trouble: number;
}

/** What one volume and its move can see and change. */
export interface Sight {
  readonly world: SmallWorld;
  readonly volume: Volume;
  readonly shared: Shared;
}

/** One thing that may come next. */
export interface Transition {
  readonly volume: Volume;
  readonly shared: Shared;
  /** Nothing goes wrong in it, and what went wrong before may be repaired. */
  readonly benign: boolean;
  readonly byAbort?: boolean;
}

export const nodeOf = (pool: string): string => pool.slice(pool.indexOf('-') + 1);
export const isUp = ({ nodesDown }: Shared, { pool }: { readonly pool: string }): boolean =>
  !nodesDown.includes(nodeOf(pool));

export function volumesAtFirst({ volumes, targetPools, allowReducedRedundancy = false }: SmallWorld): Volume[] {
  return volumes.map((placement, position) => ({
    count: placement.length,
    replicas: placement.map((pool) => ({ id: `on-${pool}`, pool, health: 'synced' })),
    published: true,
    deleted: false,
    stable: 1,
    late: false,
    intent: anIntent({
      placement,
      migrationId: `m${position}`,
      volumeId: `v${position}`,
      targetPools: [...targetPools],
      allowReducedRedundancy,
    }),
  }));
}

/** Where Mayastor would put one more replica. */
export function placesFor({ world, shared }: Sight, replicas: readonly Replica[]): string[] {
  const occupied = new Set(replicas.map(({ pool }) => nodeOf(pool)));
  const barred = new Set(shared.cordons.map((cordon) => cordon.slice(cordon.indexOf('/') + 1)));
  return world.pools.filter(
    (pool) => !occupied.has(nodeOf(pool)) && !barred.has(pool) && !barred.has(nodeOf(pool)) && isUp(shared, { pool }),
  );
}

/** One more replica there, under a name that no other has. */
export function withReplica(replicas: readonly Replica[], pool: string, health: Health = 'filling'): Replica[] {
  return [...replicas, { id: `new-on-${pool}`, pool, health }];
}

/**
 * Without what decides nothing any more, so that states which differ in nothing else are one: replicas are named in the
 * order in which they are mentioned, and of a move that has ended its end is left.
 */
export function plain(volume: Volume): Volume {
  const { intent } = volume;
  if (intent.state === 'ended') return { ...volume, replicas: [], published: true, stable: 2, late: false };
  const { round } = intent;
  const names = new Map<string, string>();
  const nameOf = (id: string): string => {
    const known = names.get(id) ?? `r${names.size}`;
    names.set(id, known);
    return known;
  };
  const renamed = <T extends { readonly replicaId: string }>(place: T): T => ({
    ...place,
    replicaId: nameOf(place.replicaId),
  });
  const replicasBefore = round?.replicasBefore.map(renamed) ?? [];
  return {
    ...volume,
    late: volume.late && (round !== undefined || intent.attention !== undefined),
    replicas: volume.replicas.map((replica) => ({ ...replica, id: nameOf(replica.id) })),
    intent: {
      ...quiet(intent),
      ...(round === undefined
        ? {}
        : {
            round: {
              ...round,
              replicasBefore,
              sourceReplicaId: nameOf(round.sourceReplicaId),
              ...(round.newReplicaId === undefined ? {} : { newReplicaId: nameOf(round.newReplicaId) }),
              ...(round.steer === undefined
                ? {}
                : { steer: { ...round.steer, victimReplicaId: nameOf(round.steer.victimReplicaId) } }),
            },
          }),
    },
  };
}

function quiet(intent: ActiveIntent): ActiveIntent {
  return { ...intent, outbox: [], replicas: [], replicasMoved: 0 };
}

/** All of a volume in which two of them can differ. */
export function keyOf({ intent, ...volume }: Volume): string {
  const { migrationId } = intent;
  if (intent.state === 'ended') return JSON.stringify([migrationId, volume, intent.outcome, intent.reason]);
  const { round, rollback, attention, roundsStarted } = intent;
  return JSON.stringify([migrationId, volume, round, rollback?.reason, attention?.reason, roundsStarted]);
}
