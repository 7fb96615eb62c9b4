export type NexusState = 'Online' | 'Degraded' | 'Faulted' | 'ShuttingDown' | 'Shutdown' | 'Unknown';
export type NexusChildState = 'Online' | 'Degraded' | 'Faulted' | 'Unknown';

/** The target of a published volume: where its I/O goes in, and the replicas that it is written to. */
export interface Nexus {
  readonly id: string;
  readonly node: string;
  readonly state: NexusState;
  /** Rebuilds that run now. */
  readonly rebuilds: number;
  readonly children: readonly NexusChild[];
}

export interface NexusChild {
  /** Byte for byte what `removeChild` must be given. */
  readonly uri: string;
  /** Read out of the URI; undefined for a child that is no replica of Mayastor's. */
  readonly replicaId: string | undefined;
  readonly state: NexusChildState;
  /** 0 to 100; undefined when nothing is copied. */
  readonly rebuildPercent: number | undefined;
}
