import type { LoadMeter } from './load-meter.ts';

/** Only what is asked for by label or by name; every part may be missing. */
export interface Topology {
  readonly pool_topology?: { readonly labelled?: LabelledTopology };
  readonly node_topology?: {
    readonly labelled?: LabelledTopology;
    readonly explicit?: { readonly allowed_nodes: readonly string[]; readonly preferred_nodes: readonly string[] };
  };
}

export interface LabelledTopology {
  readonly inclusion?: Readonly<Record<string, string>>;
  readonly exclusion?: Readonly<Record<string, string>>;
  readonly affinitykey?: readonly string[];
}

export interface StorageNode {
  readonly id: string;
  readonly address: string;
  readonly grpcEndpoint: string;
  /** Another map after each change. */
  labels: ReadonlyMap<string, string>;
  readonly pools: Set<Pool>;
  readonly nexuses: Set<Nexus>;
  cordonLabels: string[];
  drainLabels: string[];
  /** The engine runs. */
  up: boolean;
  /** The engine runs and answers nothing. */
  hung: boolean;
  /** What the core believes about `up`. */
  seenOnline: boolean;
  /** A write of this node's record is still owed to the store. */
  storeDirty: boolean;
  /** Grows with each start of the engine; counters begin anew with it. */
  engineStarts: number;
}

export interface PoolCordon {
  replicas: boolean;
  snapshots: boolean;
  restores: boolean;
  import: boolean;
}

export interface Pool {
  readonly id: string;
  readonly uuid: string;
  readonly node: StorageNode;
  readonly disks: readonly string[];
  readonly capacityBytes: number;
  /** Another map after each change. */
  labels: ReadonlyMap<string, string>;
  /** Every replica on the disk, those without an owner too. */
  readonly replicas: Set<Replica>;
  cordon: PoolCordon;
  /** The disk has failed. */
  faulted: boolean;
  /** Held by snapshots whose replica has gone. */
  snapshotBytes: number;
  /** Sums over `replicas`, kept up to date by `capacity.ts`. */
  committedBytes: number;
  chargedBytes: number;
  readonly meter: LoadMeter;
}

export interface Replica {
  readonly uuid: string;
  readonly pool: Pool;
  readonly sizeBytes: number;
  readonly thin: boolean;
  readonly createdAtMs: number;
  /** State of the record; `none` is a replica that only the engine knows. */
  record: 'Creating' | 'Created' | 'Deleting' | 'none';
  /** The volume that owns it, as recorded. */
  owner: Volume | undefined;
  /** The volume it was made for, whoever owns it now. */
  readonly madeFor: Volume;
  /** Every nexus that owns it, as recorded, oldest first. */
  nexusOwners: string[];
  /** It is on the disk. */
  exists: boolean;
  shared: boolean;
  /** It holds every byte that was ever acknowledged to the application. */
  synced: boolean;
  /** An unclean end of its nexus has made it worthless; it is made anew, not rebuilt. */
  abandoned: boolean;
  /** What it holds, without what a running rebuild has brought so far. */
  allocatedBytes: number;
  snapshotBytes: number;
  /** What is counted for it in its pool. */
  chargedBytes: number;
  /** The rebuild that fills it. */
  rebuild: Rebuild | undefined;
  readonly meter: LoadMeter;
}

export type ChildState = 'Online' | 'Degraded' | 'Faulted';

export interface Child {
  readonly replica: Replica;
  readonly uri: string;
  state: ChildState;
  rebuild: Rebuild | undefined;
  faultedAtMs: number | undefined;
  /** It was in sync once, so a return within the wait needs only a partial rebuild. */
  wasOnline: boolean;
}

export interface Rebuild {
  readonly nexus: Nexus;
  readonly child: Child;
  readonly source: Replica;
  readonly startedAtMs: number;
  readonly durationMs: number;
  readonly bytes: number;
  readonly partial: boolean;
  cancelTimer: () => void;
}

export interface RebuildRecord {
  readonly childUri: string;
  readonly sourceUri: string;
  readonly outcome: 'Completed' | 'Failed' | 'Stopped';
  readonly bytesTotal: number;
  readonly bytesRecovered: number;
  readonly partial: boolean;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
}

/** A nexus as a poll of its node saw it. */
export interface NexusView {
  readonly atMs: number;
  readonly state: 'Online' | 'Degraded' | 'Faulted' | 'Shutdown';
  readonly rebuilds: number;
  readonly children: readonly ChildView[];
}

export interface ChildView {
  readonly replica: Replica;
  readonly uri: string;
  readonly state: ChildState;
  readonly progress: number | undefined;
}

export interface Nexus {
  readonly uuid: string;
  readonly volume: Volume;
  readonly node: StorageNode;
  readonly sizeBytes: number;
  children: Child[];
  shutdown: boolean;
  /** It runs on its engine. */
  exists: boolean;
  readonly history: RebuildRecord[];
  /** Since when what the core knows is right, by an operation of its own. */
  refreshedAtMs: number;
  changedAtMs: number;
  /** What the last poll saw, kept when the truth changed afterwards. */
  polled: NexusView | undefined;
}

interface VolumeTarget {
  node: StorageNode;
  nexus: Nexus;
  readonly frontendNodes: readonly string[];
}

export interface Snapshot {
  readonly uuid: string;
  readonly volume: string;
  readonly sizeBytes: number;
  readonly allocatedBytes: number;
  readonly createdAtMs: number;
  readonly replicas: { readonly uuid: string; readonly source: string; readonly pool: Pool }[];
}

/** An operation that holds a volume; a second one waits a little and is then refused. */
interface VolumeOperation {
  readonly name: string;
  /** Which life of the core began it. */
  readonly coreLife: number;
}

export interface Volume {
  readonly uuid: string;
  readonly sizeBytes: number;
  readonly thin: boolean;
  readonly labels: Readonly<Record<string, string>> | undefined;
  readonly topology: Topology | undefined;
  readonly affinityGroup: string | undefined;
  readonly selfHeal: boolean;
  maxSnapshots: number | undefined;
  record: 'Creating' | 'Created' | 'Deleting';
  replicaCount: number;
  target: VolumeTarget | undefined;
  /** Targets that moved away and that nobody has cleared yet. */
  shutdownTargets: Nexus[];
  readonly replicas: Set<Replica>;
  operation: VolumeOperation | undefined;
  /** Replicas that the persisted nexus information calls healthy; undefined if the volume was never published. */
  healthy: Set<string> | undefined;
  cleanShutdown: boolean;
  readonly snapshots: Set<Snapshot>;
  /** A volume stays thin once it had a snapshot, whatever it was before. */
  hadSnapshots: boolean;
  /** Bytes that the application has written, the same on every replica in sync. */
  allocatedBytes: number;
  readonly meter: LoadMeter;
}
