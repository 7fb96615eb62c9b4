import type { ActiveIntent } from '@couchestor/shared/messages';
import {
  topologyMisfit,
  type PlacementNode,
  type PlacementPool,
  type PlacementVolume,
} from '@couchestor/shared/policy';

/** What Mayastor shows of the one volume that moves. */
export interface SeenVolume extends PlacementVolume {
  readonly volumeId: string;
  readonly created: boolean;
  readonly replicaCount: number;
  readonly status: 'Unknown' | 'Online' | 'Degraded' | 'Faulted' | 'Shutdown';
  readonly selfHeal: boolean;
  /** Has snapshots, or came from one and may share clusters with it. */
  readonly hasSnapshots: boolean;
  readonly target: { readonly nexusId: string; readonly node: string; readonly online: boolean } | undefined;
  readonly replicas: readonly SeenReplica[];
}

export interface SeenReplica {
  readonly replicaId: string;
  /** Empty while Mayastor does not know where it is. */
  readonly node: string;
  readonly pool: string;
  readonly state: 'Unknown' | 'Online' | 'Degraded' | 'Faulted' | 'Offline';
  /** As the volume's target sees it; undefined if it is no child of it. */
  readonly childState: 'Unknown' | 'Online' | 'Degraded' | 'Faulted' | 'Offline' | undefined;
  readonly childUri: string | undefined;
  readonly rebuildPercent: number | undefined;
}

export interface SeenPool extends PlacementPool {
  /** The flag `replicas` of its cordon, whoever set it. */
  readonly cordoned: boolean;
}

export interface SeenNode extends PlacementNode {
  readonly cordonLabels: readonly string[];
  readonly draining: boolean;
}

export interface Cluster {
  readonly pools: ReadonlyMap<string, SeenPool>;
  readonly nodes: ReadonlyMap<string, SeenNode>;
}

/** Bytes that other moves are about to put on a pool, by pool. */
export type Arriving = ReadonlyMap<string, number>;

/** A cluster and what is on its way to its pools: all that the choice of a pool rests on. */
export interface Surroundings extends Cluster {
  readonly arriving: Arriving;
}

/** A piece of evidence that a step may rest on. The protocol names what it lacks, and the driver goes and reads it. */
export type EvidenceKind = 'idle' | 'cluster' | 'owners' | 'arriving';

/** Everything was read after the last change that we made, and within the last moments. */
export interface Evidence {
  readonly nowMs: number;
  readonly volume: SeenVolume | 'absent';
  /** Since when two or more reads of the volume agreed in all but progress, in milliseconds. */
  readonly stableForMs: number;
  /** Answer of the idle probe: with `idle`, count and replica ids are final. */
  readonly idle?: 'idle' | 'busy' | 'unknown';
  readonly cluster?: Cluster;
  /** Nexuses that own each replica of the volume, by replica id. */
  readonly owners?: ReadonlyMap<string, readonly string[]>;
  /** Every round is in it that was stored before the intent was; unknown until the news of all those has come. */
  readonly arriving?: Arriving;
  /**
   * Is the cluster-wide lease ours under which cordons are set, and those of pools removed? Only then do others' cordons
   * belong to no move of ours.
   */
  readonly fenceHeld: boolean;
  /** Pools that other moves list in fences of the last minutes. */
  readonly fencedElsewhere?: ReadonlySet<string>;
  /** Nobody can have it: Redis has given no answer for as long as it grants it for. */
  readonly fenceIsNobodys?: true;
  /** May anything but the removal of our cordons be done: permit fresh, not paused, leases held? */
  readonly mayAct: boolean;
  readonly abortRequested: boolean;
  /** A replica count that was asked for lately, has had no answer, and may yet be set; `any` when it is not known which. */
  readonly countInDoubt?: number | 'any';
  /** A removal of one of our cordons has had no answer, and may yet open what was closed again since. */
  readonly liftInDoubt?: true;
}

export interface Capabilities {
  /** `poolCordon`: pools are cordoned, the victim is steered by a node cordon (2.10 and later). `nodeCordon`: nodes are
   * cordoned, the victim is steered by removing it from the target for a moment (2.7 to 2.9). */
  readonly method: 'poolCordon' | 'nodeCordon';
  /** How long Mayastor may show something old. */
  readonly cachePeriodMs: number;
}

export type ReplicaHealth = 'synced' | 'unsynced' | 'unknown';

/**
 * A replica counts as synced only while the target itself says so: after an unpublish every replica looks Online,
 * half-filled ones too.
 */
export function healthOf(volume: SeenVolume, replica: SeenReplica): ReplicaHealth {
  if (volume.target === undefined || replica.state === 'Unknown') return 'unknown';
  if (replica.childState === undefined || replica.childState === 'Unknown') return 'unknown';
  return replica.childState === 'Online' && replica.state === 'Online' && replica.rebuildPercent === undefined
    ? 'synced'
    : 'unsynced';
}

/** Healthy throughout: as many replicas as wanted, each of them synced, nothing rebuilding. */
export function isWhole(volume: SeenVolume, replicaCount: number): boolean {
  return (
    volume.created &&
    volume.status === 'Online' &&
    volume.target?.online === true &&
    volume.replicaCount === replicaCount &&
    volume.replicas.length === replicaCount &&
    volume.replicas.every((replica) => healthOf(volume, replica) === 'synced' && replica.pool !== '')
  );
}

/** Every replica belongs to the present target alone; an old target that still owns them makes a shrink go wrong. */
export function ownersAgree(volume: SeenVolume, owners: ReadonlyMap<string, readonly string[]>): boolean {
  const nexusId = volume.target?.nexusId;
  return volume.replicas.every((replica) => {
    const nexuses = owners.get(replica.replicaId);
    return nexuses !== undefined && nexuses.length === 1 && nexuses[0] === nexusId;
  });
}

/**
 * A replica that would be removed before the victim, however that is steered, since labels were changed and it fits the
 * topology of the volume worse; undefined if none would.
 */
export function misfitBefore(
  victim: SeenReplica,
  kept: readonly SeenReplica[],
  volume: SeenVolume,
  { pools, nodes }: Cluster,
): SeenReplica | undefined {
  const misfit = ({ pool, node }: SeenReplica): number => topologyMisfit(volume, pools.get(pool), nodes.get(node));
  return kept.find((one) => misfit(one) > misfit(victim));
}

export const tierPoolsOf = (intent: ActiveIntent): ReadonlySet<string> => new Set(intent.targetPools);

/** Nodes that hold a replica of the volume: Mayastor puts no second one there. */
export const nodesOf = (volume: SeenVolume): ReadonlySet<string> => new Set(volume.replicas.map(({ node }) => node));
