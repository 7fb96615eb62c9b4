import type { MayastorNode } from './node.ts';
import type { Nexus } from './nexus.ts';
import type { Outcome } from './outcome.ts';
import type { ReplicaOwners } from './owners.ts';
import type { Pool } from './pool.ts';
import type { Volume } from './volume.ts';

/** What a call costs of the shared budget: removing a cordon goes first, a change before a read. */
export type CallKind = 'release' | 'write' | 'read';

export interface CallOptions {
  readonly signal?: AbortSignal;
}

export interface ChangeOptions extends CallOptions {
  /**
   * Asked once, in the moment before the first byte goes to the socket: after the budget and a free connection have
   * been waited for. False refuses the call as `NotStarted`.
   */
  readonly mayStart?: () => boolean;
}

/**
 * `idle`: no operation runs on the volume, so its count and replica ids are final until the next change. `busy`: one
 * runs, or there was no answer. `unknown`: the answer was neither.
 */
export type IdleProbe = 'idle' | 'busy' | 'unknown' | 'absent';

/**
 * Mayastor's REST API, as far as a replica mover needs it. Reads reject with `MayastorUnavailableError` when there is
 * no usable answer; changes resolve to an `Outcome`. Both reject with what `pace` rejects with, and with the signal's
 * reason when it is aborted before the call was paced.
 */
export interface MayastorClient extends AsyncDisposable {
  /**
   * All volumes, a page (500) at a time, each volume once. A volume deleted meanwhile can hide another one from the
   * pass, so absence from one pass proves nothing.
   */
  volumePages(options?: CallOptions): AsyncIterable<readonly Volume[]>;
  /** The same at once. */
  listVolumes(options?: CallOptions): Promise<readonly Volume[]>;
  /** Undefined when Mayastor says that there is no such volume. */
  getVolume(volumeId: string, options?: CallOptions): Promise<Volume | undefined>;
  listPools(options?: CallOptions): Promise<readonly Pool[]>;
  listNodes(options?: CallOptions): Promise<readonly MayastorNode[]>;
  listNexuses(options?: CallOptions): Promise<readonly Nexus[]>;
  /** Owners by replica id; of one volume's replicas, or of all. Mayastor sends its whole store for it. */
  readOwners(volumeId?: string, options?: CallOptions): Promise<ReadonlyMap<string, ReplicaOwners>>;
  /** False where this release has no pool cordon. Asks to cordon a pool that cannot exist. */
  poolCordonSupported(options?: ChangeOptions): Promise<boolean>;

  /**
   * Asks for a count that is never granted, which shows whether an operation holds the volume. It changes nothing, but
   * is sent as a change is.
   */
  probeIdle(volumeId: string, options?: ChangeOptions): Promise<IdleProbe>;

  /** `count` 1 to 254, one more or less than now. The result is the volume as answered, if that could be read. */
  setReplicaCount(volumeId: string, count: number, options?: ChangeOptions): Promise<Outcome<Volume | undefined>>;
  /** Keeps new replicas away from the pool; snapshots, restores and imports are left as they are. */
  cordonPool(poolId: string, options?: ChangeOptions): Promise<Outcome>;
  uncordonPool(poolId: string, options?: ChangeOptions): Promise<Outcome>;
  cordonNode(nodeId: string, label: string, options?: ChangeOptions): Promise<Outcome>;
  uncordonNode(nodeId: string, label: string, options?: ChangeOptions): Promise<Outcome>;
  /** Takes a child out of a target, by its URI as the target shows it. Mayastor attaches and rebuilds it again. */
  removeChild(nexusId: string, childUri: string, options?: ChangeOptions): Promise<Outcome>;
  /** Lets go of old targets, so that the replicas are owned by the present one alone. */
  clearShutdownTargets(volumeId: string, options?: ChangeOptions): Promise<Outcome>;
}
