import type { Outcome } from '@couchestor/shared/mayastor';
import type {
  ClusterObserved,
  MigrationEventName,
  PolicyObserved,
  PoolObserved,
  VolumeObserved,
} from '@couchestor/shared/messages';
import type { Evidence, SeenNode, SeenPool, SeenVolume } from './core/evidence.ts';

/** When a changing call may start, asked in the moment before it goes out. */
export type MayStart = () => boolean;

/** Mayastor, as a move needs it. Reads reject when there is no usable answer; changes resolve to what became of them. */
export interface Mayastor {
  readVolume(volumeId: string, signal: AbortSignal): Promise<SeenVolume | 'absent'>;
  readCluster(signal: AbortSignal): Promise<{
    readonly pools: readonly SeenPool[];
    readonly nodes: readonly SeenNode[];
  }>;
  /** Nexuses that own each replica of the volume, by replica id. */
  readOwners(volumeId: string, signal: AbortSignal): Promise<ReadonlyMap<string, readonly string[]>>;
  probeIdle(volumeId: string, mayStart: MayStart, signal: AbortSignal): Promise<NonNullable<Evidence['idle']>>;
  setReplicaCount(volumeId: string, count: number, mayStart: MayStart): Promise<Outcome<unknown>>;
  cordonPool(pool: string, mayStart: MayStart): Promise<Outcome>;
  uncordonPool(pool: string, mayStart: MayStart): Promise<Outcome>;
  cordonNode(node: string, label: string, mayStart: MayStart): Promise<Outcome>;
  uncordonNode(node: string, label: string, mayStart: MayStart): Promise<Outcome>;
  removeChild(nexusId: string, childUri: string, mayStart: MayStart): Promise<Outcome>;
}

/** Where the events of moves go. Resolves when the event is stored; a repeat under the same id is stored once. */
export interface MoveEvents {
  publish(
    name: MigrationEventName,
    migrationId: string,
    data: unknown,
    options: { readonly messageId: string; readonly traceparent?: string; readonly signal: AbortSignal },
  ): Promise<void>;
}

/** What the rest of the world allows at this moment. */
export interface Permission {
  /** May a changing call start that takes up to `leadMs`? */
  mayAct(leadMs: number): boolean;
  /** May a cordon of ours be removed? */
  mayLift(leadMs: number): boolean;
  /** What the watcher's wall clock shows now; undefined before it was heard of. A clock here may be wrong alone. */
  watcherNowMs(): number | undefined;
  /** Resolves at the next change, or when the signal is aborted. */
  changed(signal: AbortSignal): Promise<void>;
}

/** What was last observed of the world, by the watcher. */
export interface ObservedWorld {
  policy(policyId: string): PolicyObserved | undefined;
  volume(volumeId: string): VolumeObserved | undefined;
  pools(): readonly PoolObserved[];
  cluster(): ClusterObserved | undefined;
  synced(): boolean;
}
