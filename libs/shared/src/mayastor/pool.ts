import type { SpecStatus } from './volume.ts';

export type PoolStatus = 'Online' | 'Degraded' | 'Faulted' | 'Offline' | 'Suspected' | 'Unknown';

export interface Pool {
  readonly id: string;
  /** Undefined for a pool that is neither in the store nor on a node, which Mayastor lists by id alone. */
  readonly node: string | undefined;
  /** Mayastor's own labels, which topologies match. Tiers are told by the DiskPool's labels instead. */
  readonly labels: Readonly<Record<string, string>>;
  readonly specStatus: SpecStatus;
  /** `Unknown` also while the node is offline or the pool not imported; the sizes are undefined then. */
  readonly status: PoolStatus;
  readonly capacityBytes: number | undefined;
  readonly usedBytes: number | undefined;
  /** Sum of the sizes of the replicas on it. */
  readonly committedBytes: number | undefined;
  readonly cordoned: PoolCordon;
  /** Mayastor itself is emptying it: keep off. */
  readonly draining: boolean;
  readonly encrypted: boolean;
}

/** What a cordon of the pool forbids. It names no owner. */
export interface PoolCordon {
  readonly replicas: boolean;
  readonly snapshots: boolean;
  readonly restores: boolean;
  readonly import: boolean;
}
