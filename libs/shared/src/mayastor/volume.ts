import type { Nexus } from './nexus.ts';

/** Life of an object in Mayastor's own store. */
export type SpecStatus = 'Creating' | 'Created' | 'Deleting' | 'Deleted' | 'Unknown';
export type VolumeStatus = 'Online' | 'Degraded' | 'Faulted' | 'Shutdown' | 'Unknown';
export type ReplicaState = 'Online' | 'Degraded' | 'Faulted' | 'Unknown';
export type ChildStatus = 'Online' | 'Degraded' | 'Faulted' | 'Unknown';

/**
 * A volume as `GET /volumes` shows it. A running operation is never visible here: whether a volume is busy is known by
 * `probeIdle` alone, and child states lag by a cache period (30 s by default).
 */
export interface Volume {
  readonly id: string;
  readonly sizeBytes: number;
  /** The count that Mayastor was last told to keep; `replicas` may hold more or fewer for a while. */
  readonly replicaCount: number;
  readonly specStatus: SpecStatus;
  /** For an unpublished volume `Online` says nothing about its data. */
  readonly status: VolumeStatus;
  /** False also where Mayastor does not say. */
  readonly selfHeal: boolean;
  readonly thin: boolean;
  /** Made thin by a snapshot, though asked for as thick. */
  readonly asThin: boolean;
  readonly encrypted: boolean;
  /** Undefined where Mayastor does not say, which is not zero. */
  readonly snapshotCount: number | undefined;
  /** Restored from a snapshot, so that it may share clusters with it. */
  readonly restored: boolean;
  readonly affinityGroup: string | undefined;
  readonly topology: VolumeTopology;
  /** The node that it is to be published on; undefined when unpublished. */
  readonly publishedOn: string | undefined;
  /** What serves the volume now. Absent while a published volume has lost its target. */
  readonly target: Nexus | undefined;
  /** In the order of their ids, so that two reads compare. */
  readonly replicas: readonly VolumeReplica[];
}

export interface VolumeReplica {
  readonly id: string;
  /** Undefined when the replica's node is gone. */
  readonly node: string | undefined;
  readonly pool: string | undefined;
  readonly state: ReplicaState;
  /** Undefined while the replica is no child of a target. */
  readonly childStatus: ChildStatus | undefined;
  /** 0 to 100; undefined when nothing is copied. */
  readonly rebuildPercent: number | undefined;
  readonly allocatedBytes: number | undefined;
  /** As releases since 2.9 report it. */
  readonly healthy: boolean | undefined;
}

/** Which pools and nodes Mayastor may use for the volume; it cannot be changed afterwards. */
export interface VolumeTopology {
  readonly poolLabels: LabelRequirement;
  readonly nodeLabels: LabelRequirement;
  /** Empty: any node. */
  readonly allowedNodes: readonly string[];
}

export interface LabelRequirement {
  /** An empty value asks for the key alone. */
  readonly inclusion: Readonly<Record<string, string>>;
  readonly exclusion: Readonly<Record<string, string>>;
  readonly affinityKeys: readonly string[];
}
