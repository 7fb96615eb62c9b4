import type { ObservedPersistentVolume, VolumeObserved } from '@couchestor/shared/messages';
import type { PolicyStatus } from './status.ts';

/** The few fields of Kubernetes objects that the watcher keeps; everything else is dropped as it is read. */

export const ANNOTATION_PREFIX = 'storage.billyronks.io/';
export const LAST_MIGRATION = `${ANNOTATION_PREFIX}last-migration`;
export const CURRENT_TIER = `${ANNOTATION_PREFIX}current-tier`;
export const MAYASTOR_CSI_DRIVER = 'io.openebs.csi-mayastor';

export interface PolicyObject {
  readonly policyId: string;
  readonly name: string;
  readonly resourceVersion: string;
  readonly generation: number;
  readonly createdAt: string;
  readonly createdAtMs: number;
  readonly spec: unknown;
  /** As Kubernetes holds it; undefined if it was never written or cannot be read. */
  readonly status: PolicyStatus | undefined;
}

export interface PersistentVolumeObject {
  readonly volumeId: string;
  /** What the fact of the volume says of it. */
  readonly view: ObservedPersistentVolume;
  readonly createdAtMs: number;
  /** Our own annotation; no fact, since it follows from facts. */
  readonly currentTier: string | undefined;
}

export interface DiskPoolObject {
  readonly diskPoolId: string;
  /** Mayastor's id of the pool. */
  readonly name: string;
  readonly namespace: string;
  readonly node: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly createdAtMs: number;
}

/** The ConfigMap `couchestor-control`; not paused while it does not exist. */
export interface Control {
  readonly paused: boolean;
  readonly reason: string | undefined;
}

/** A volume as Mayastor shows it. */
export type VolumeReading = Omit<VolumeObserved, 'persistentVolume'>;

/** How far replicas are filled, in percent, by replica id. It changes all the time, so it is part of no fact. */
export type RebuildProgress = Readonly<Record<string, number>>;

/** What one read of Mayastor says of a volume. */
export interface VolumeAnswer {
  readonly reading: VolumeReading;
  /** Absent while nothing is filled. */
  readonly rebuilds?: RebuildProgress;
}

export interface PoolReading {
  readonly name: string;
  readonly node: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly status: 'Unknown' | 'Online' | 'Degraded' | 'Faulted' | 'Offline' | 'Suspected';
  readonly capacityBytes: number;
  readonly usedBytes: number;
  readonly committedBytes: number;
  /** No new replicas are placed here; Mayastor does not say whose wish that is. */
  readonly cordoned: boolean;
  readonly encrypted: boolean | undefined;
}

export interface NodeReading {
  readonly name: string;
  readonly status: 'Unknown' | 'Online' | 'Offline';
  readonly version: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly cordonLabels: readonly string[];
  readonly draining: boolean;
}
