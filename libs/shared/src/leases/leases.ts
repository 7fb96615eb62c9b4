/**
 * Exclusion and limits that all migrators share. Time is the Redis server's; a grant's `validUntilMonotonicMs` is on
 * the caller's own monotonic clock and counted from when the request was sent, so it is never later than Redis thinks.
 *
 * Every method rejects with `RedisUnavailableError` when there was no answer in time. There is no grant without one.
 */
export interface Leases extends AsyncDisposable {
  /** Exclusive, of one process, lapses with it after the lease's life (15 s by default). */
  acquireOwnership(volumeId: string, instance: string): Promise<LeaseAnswer>;
  renewOwnership(volumeId: string, instance: string, token: number): Promise<RenewalAnswer>;
  releaseOwnership(volumeId: string, instance: string, token: number): Promise<void>;

  /**
   * Takes all the holds or none of them. They belong to the migration, not to a process. Called again it adds further
   * ones; what the migration holds of a key already is replaced, not added up. Policies that wait for room in the fleet
   * get it in turn: who was given some longest ago is next.
   */
  acquireHolds(request: HoldsRequest): Promise<HoldsAnswer>;
  /** Afterwards the migration holds exactly these; if they are refused, it keeps exactly those it had. */
  swapHolds(request: HoldsRequest): Promise<HoldsAnswer>;
  /** Registers what an intent says that its migration holds, above limits if need be. Idempotent. */
  registerHolds(intent: RegisteredIntent): Promise<void>;
  /** At the migration's end. Without effect if a later owner (a greater token) has taken the holds over. */
  releaseHolds(migrationId: string, token: number): Promise<void>;
  /** Keeps the holds of every listed intent, whoever works on it; those that are missing are registered. */
  renewAll(intents: readonly RegisteredIntent[]): Promise<EpochState>;

  /**
   * After Redis lost its data: registers every intent of the bucket, read just before. Once two lease lives have passed
   * since the first such call it opens a new epoch, in which leases are granted again. Several may do so at once. In an
   * open epoch it is `renewAll`.
   */
  registerAll(intents: readonly RegisteredIntent[]): Promise<EpochState>;
  epoch(): Promise<EpochState>;

  /**
   * One migration has the fence, for growths and steers alike. It lapses after a lease's life. The first that was turned
   * away is next, as long as it asks again within a second.
   */
  acquireFence(request: FenceRequest): Promise<FenceAnswer>;
  renewFence(migrationId: string, token: number): Promise<RenewalAnswer>;
  releaseFence(migrationId: string, token: number): Promise<void>;

  /**
   * Resolves when one call to Mayastor may be made, out of the budget that all share, with the time on the caller's
   * monotonic clock by which it has to be sent: within `lifeMs` (1 s at most) of being asked for. Rejects with the
   * signal's reason. The urgent go first, and the last call of each second is left to releases.
   */
  takeCall(priority: CallPriority, lifeMs: number, signal?: AbortSignal): Promise<number>;

  /** A plain leader lease. It does not wait for the epoch: two leaders for a moment must be harmless. */
  acquireLeadership(name: string, instance: string): Promise<LeaseAnswer>;
  renewLeadership(name: string, instance: string, token: number): Promise<RenewalAnswer>;
  releaseLeadership(name: string, instance: string, token: number): Promise<void>;

  /** Rejects unless the server answers. */
  ping(): Promise<void>;
}

export interface LeaseGrant {
  readonly granted: true;
  /** Fencing token: greater than every one granted before, also before Redis lost its data. */
  readonly token: number;
  readonly validUntilMonotonicMs: number;
}

/** Redis lost its data, or never had any: nothing is granted before `registerAll` has opened an epoch. */
export interface EpochLost {
  readonly granted: false;
  readonly reason: 'EpochLost';
  /** Undefined before the first `registerAll`. */
  readonly opensInMs: number | undefined;
}

export interface Held {
  readonly granted: false;
  readonly reason: 'Held';
  /** When it lapses at the latest, unless it is renewed. */
  readonly retryInMs: number;
}

export type LeaseAnswer = LeaseGrant | Held | EpochLost;

export type RenewalAnswer =
  | { readonly renewed: true; readonly validUntilMonotonicMs: number }
  /** It lapsed, or someone else has it. */
  | { readonly renewed: false };

export type HoldKey = `policy/${string}` | `pool/${string}` | `node/${string}` | 'fleet' | 'bytes';

export interface HeldAmount {
  readonly key: HoldKey;
  /** Whole, 0 or more. */
  readonly amount: number;
}

export interface Hold extends HeldAmount {
  /** The most that all migrations together may hold of the key. */
  readonly limit: number;
}

export interface HoldsRequest {
  readonly migrationId: string;
  /** Of the ownership lease of the migration's volume. */
  readonly token: number;
  /** At most 64. */
  readonly holds: readonly Hold[];
}

export type HoldsAnswer =
  | { readonly granted: true }
  | {
      readonly granted: false;
      readonly reason: 'LimitReached';
      readonly refusedBy: HoldKey;
      /** What others hold of it now. */
      readonly used: number;
      readonly limit: number;
    }
  /** A later owner of the volume has taken the migration over, or ended it. */
  | { readonly granted: false; readonly reason: 'Superseded' }
  | EpochLost;

/** What an intent says that its migration holds. A migration that waits for a person lists none. */
export interface RegisteredIntent {
  readonly migrationId: string;
  /** The token in the intent. Later tokens are greater than it, whatever Redis forgot. */
  readonly ownerToken: number;
  readonly holds: readonly HeldAmount[];
}

export type EpochState =
  | { readonly state: 'open' }
  | { readonly state: 'lost'; readonly opensInMs: number | undefined };

export interface FenceRequest {
  readonly migrationId: string;
  /** Of the ownership lease of the migration's volume. */
  readonly token: number;
}

export type FenceAnswer =
  | { readonly granted: true; readonly validUntilMonotonicMs: number }
  | Held
  /** A later owner of the volume has the fence for this migration. */
  | { readonly granted: false; readonly reason: 'Superseded' }
  | EpochLost;

/** `release` before `act` before `read`. */
export type CallPriority = 'release' | 'act' | 'read';
