/**
 * Why Mayastor, or the way to it, refused a call. Nothing was done in any of these cases, but for `MaxRebuilds`, whose
 * refusal comes late enough to leave an unattached replica behind for a while.
 */
export type RefusalCode =
  /** No pool passes the filters for a new replica. */
  | 'NoPool'
  /** The cluster rebuilds as much as it may. Look for a replica left behind. */
  | 'MaxRebuilds'
  /** The count is what was asked for already; after an unknown outcome that is the sign of success. */
  | 'ReplicaCountAchieved'
  | 'ReplicaChangeCount'
  /** A volume that is not Online does not grow. */
  | 'ReplicaIncrease'
  | 'LastReplica'
  | 'RestrictedReplicaCount'
  | 'AlreadyCordoned'
  | 'NotCordoned'
  /** The volume, pool, node, target or child that the call is about does not exist. */
  | 'NotFound'
  /** This release of Mayastor has no such call. */
  | 'NoSuchRoute'
  /** Another operation holds the volume. */
  | 'Conflict'
  /** What is stored and what is running disagree for the moment. */
  | 'NotReady'
  /** The request was never sent, or Mayastor's REST server could not hand it on. */
  | 'Unreachable'
  | 'Unauthorized'
  | 'InvalidRequest'
  /** Given up on our side before a byte of it was sent: aborted, or `mayStart` said no. */
  | 'NotStarted';

export interface Refused {
  readonly kind: 'refused';
  readonly code: RefusalCode;
  /** `replica`: an unattached replica may be left, which Mayastor removes by itself within a reconcile period. */
  readonly leftBehind: 'nothing' | 'replica';
  readonly message: string;
  /** HTTP status; undefined when there was no answer. */
  readonly status: number | undefined;
}

/** It may have been done, may still be done, or was done by half: read again, once the volume is idle. */
export interface Unknown {
  readonly kind: 'unknown';
  readonly message: string;
  readonly status: number | undefined;
}

export interface Done<T> {
  readonly kind: 'done';
  readonly result: T;
}

/** What became of a call that changes Mayastor. Such calls resolve always; they never reject on an answer. */
export type Outcome<T = undefined> = Done<T> | Refused | Unknown;
