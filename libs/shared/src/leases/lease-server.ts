import type { CallPriority, Hold, HoldKey, RegisteredIntent } from './leases.ts';

/**
 * The state that all processes share, with one indivisible operation per method and with a clock of its own. Redis with
 * its scripts is one; the one in memory means the same and serves tests and simulations.
 *
 * Methods reject with `RedisUnavailableError`.
 */
export interface LeaseServer extends AsyncDisposable {
  acquireLease(request: LeaseRequest): Promise<LeaseReply>;
  /** False when it lapsed or is not of this holder and token. */
  renewLease(request: LeaseChange & { readonly ttlMs: number }): Promise<boolean>;
  releaseLease(request: LeaseChange): Promise<void>;

  hold(request: HoldRequest): Promise<HoldReply>;
  /** Nothing of a command that was overtaken by a later one of the same owner. */
  releaseHolds(request: OwnerCommand & { readonly ttlMs: number }): Promise<void>;
  register(request: RegisterRequest): Promise<RegisterReply>;
  epoch(lifeMs: number): Promise<EpochReply>;

  acquireFence(request: FenceServerRequest): Promise<FenceReply>;
  renewFence(request: {
    readonly migrationId: string;
    readonly token: number;
    readonly ttlMs: number;
  }): Promise<boolean>;
  /** Nothing of a command that was overtaken by a later one of the same owner. */
  releaseFence(request: OwnerCommand): Promise<void>;

  /**
   * 0 when the call may be made within `lifeMs`: fewer slots than the limit are taken, and nobody with a more urgent one
   * waits. Else the time to wait before asking again. After a loss of data, or what may be one, all slots count as taken
   * for as long as any may be.
   */
  takeCall(priority: CallPriority, callsPerSecond: number, lifeMs: number): Promise<number>;
  ping(): Promise<void>;
}

/** Ownership of volumes waits for the epoch, leadership does not. */
export type LeaseKind = 'owner' | 'leader';

interface LeaseChange {
  readonly kind: LeaseKind;
  readonly name: string;
  readonly holder: string;
  readonly token: number;
}

export interface LeaseRequest {
  readonly kind: LeaseKind;
  readonly name: string;
  readonly holder: string;
  readonly ttlMs: number;
  /** The longest life of any lease: two of them must pass after a loss of data. */
  readonly lifeMs: number;
}

/** `opensInMs` is undefined before the first registration. */
export interface EpochLostReply {
  readonly kind: 'epochLost';
  readonly opensInMs: number | undefined;
}

export type LeaseReply =
  | { readonly kind: 'granted'; readonly token: number }
  | { readonly kind: 'held'; readonly leftMs: number }
  | EpochLostReply;

/** A policy that was turned away counts as waiting for so long after it asked last. */
export const WAITING_MS = 6_000;

/** What the owner of a volume asks for its migration. */
export interface OwnerCommand {
  readonly migrationId: string;
  readonly token: number;
  /**
   * Grows from command to command of this owner. One that had no answer may arrive when others were sent and answered
   * since, and must not undo them.
   */
  readonly order: number;
}

export interface HoldRequest extends OwnerCommand {
  /** `add` keeps what the migration holds besides, `replace` lets go of it. */
  readonly mode: 'add' | 'replace';
  readonly holds: readonly Hold[];
  readonly ttlMs: number;
  readonly lifeMs: number;
}

export type HoldReply =
  | { readonly kind: 'granted' }
  | { readonly kind: 'limit'; readonly key: HoldKey; readonly used: number }
  | { readonly kind: 'superseded' }
  | EpochLostReply;

export interface RegisterRequest {
  readonly intents: readonly RegisteredIntent[];
  readonly ttlMs: number;
  readonly lifeMs: number;
  /** `begin` starts the wait for a new epoch where none is open; `commit` also ends it, when it is over. */
  readonly epoch: 'leave' | 'begin' | 'commit';
  /** The recovery that the earlier parts of the same list were registered in; undefined for the first part. */
  readonly recovery: number | undefined;
}

export interface RegisterReply {
  readonly epoch: EpochReply;
  /** Undefined while the epoch is open or no recovery has begun. */
  readonly recovery: number | undefined;
}

export type EpochReply = { readonly kind: 'open' } | EpochLostReply;

/** Who has the next turn at the fence has to ask again within this, or it would stay free for one who has died. */
export const TURN_MS = 1_000;

export interface FenceServerRequest extends OwnerCommand {
  readonly ttlMs: number;
  readonly lifeMs: number;
}

export type FenceReply =
  | { readonly kind: 'granted' }
  | { readonly kind: 'held'; readonly leftMs: number }
  | { readonly kind: 'superseded' }
  | EpochLostReply;
