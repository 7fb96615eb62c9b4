import type { Clock } from '@couchestor/shared/clock';

/** Releases that the model can be told to be; each differs in what `README.md` lists. */
export type MayastorVersion = '2.7.1' | '2.10.0' | '2.12.2';

/** Periods and limits of the control plane, in milliseconds. `Infinity` turns a self-acting step off. */
export interface MayastorTimers {
  /** Nexus states, rebuild progress and usage are seen as of the last multiple of this period. */
  readonly cachePeriodMs: number;
  /** Where the grid of cache polls starts, counted from the creation of the model. */
  readonly cachePhaseMs: number;
  /** Pause between two passes of the reconcilers while they find work. */
  readonly reconcilePeriodMs: number;
  /** Pause between two passes while they find none. */
  readonly reconcileIdleMs: number;
  /** Where the grid of passes starts, counted from the creation of the model. */
  readonly reconcilePhaseMs: number;
  /** How long a child that was in sync may be faulted before it is replaced. */
  readonly faultedChildWaitMs: number;
  /** After this time REST answers 503 `Aborted`, and what was asked goes on. */
  readonly requestTimeoutMs: number;
  /** The same for calls that make several replicas or a nexus. */
  readonly longRequestTimeoutMs: number;
  /** A call to an engine that lasts longer counts as failed for the core; its effect may still come. */
  readonly engineTimeoutMs: number;
  /** How long a call to an engine lasts when nothing is wrong. */
  readonly engineCallMs: number;
  /** How long a nexus needs to notice that the node of a child is gone. */
  readonly childFaultMs: number;
  /** A node that vanishes without a word counts as gone after this time. */
  readonly nodeDeadlineMs: number;
  /** A node that stops in good order is seen as gone after this time, and one that starts as there. */
  readonly nodeNoticeMs: number;
  /** How long the core needs before it answers again after a crash. */
  readonly coreRestartMs: number;
  /** A write to the store that hangs is given up after this time. */
  readonly storeTimeoutMs: number;
  /** How long a drained target needs to move. */
  readonly drainMs: number;
  /**
   * How long after the death of its node a target is made elsewhere, as the high-availability agents do for an
   * application that lives on. `Infinity`, as recorded without those agents: it waits for its node.
   */
  readonly failoverMs: number;
  /** A target that was shut down keeps owning replicas until the host has left it; this long. */
  readonly shutdownTargetMs: number;
}

export const defaultTimers: MayastorTimers = {
  cachePeriodMs: 30_000,
  cachePhaseMs: 0,
  reconcilePeriodMs: 10_000,
  reconcileIdleMs: 30_000,
  reconcilePhaseMs: 0,
  faultedChildWaitMs: 600_000,
  requestTimeoutMs: 5_000,
  longRequestTimeoutMs: 30_000,
  engineTimeoutMs: 15_000,
  engineCallMs: 5,
  childFaultMs: 2_000,
  nodeDeadlineMs: 10_000,
  nodeNoticeMs: 500,
  coreRestartMs: 22_000,
  storeTimeoutMs: 5_000,
  drainMs: 200,
  failoverMs: Infinity,
  shutdownTargetMs: 15_000,
};

/** What the model leaves open because Mayastor does. */
export type OpenChoice = 'placement' | 'victim' | 'targetNode' | 'survivor';

/** Among equals, all of which Mayastor might take, picks one by its position. `ids` has at least two entries. */
export type Choose = (choice: OpenChoice, ids: readonly string[], volume: string) => number;

/** What a new identifier is for. */
export type NewIdentifier = 'replica' | 'nexus' | 'pool' | 'snapshot';

/** What is known of a thing when it gets its identifier. */
export interface IdentifierOf {
  readonly volume?: string;
  readonly pool?: string;
  readonly replica?: string;
}

export interface MayastorModelOptions {
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly version?: MayastorVersion;
  readonly timers?: Partial<MayastorTimers>;
  /** Speed of a rebuild in bytes a second; a number greater than 0. */
  readonly rebuildBytesPerSecond?: number;
  /** How long the rebuild of a replica takes, where it shall not follow from its size; undefined for the usual time. */
  readonly rebuildMs?: (of: {
    readonly volume: string;
    readonly replica: string;
    readonly bytes: number;
    readonly partial: boolean;
  }) => number | undefined;
  /** Rebuilds that the core allows at a time in the whole cluster, counted as of the last cache poll. */
  readonly maxRebuilds?: number;
  /** Whether a node cordon influences which replica is removed (2.10 and later; before it never does). */
  readonly steer?: 'cordon' | 'ignored';
  /** Replaces the choice among equals, which is otherwise made by `random` and against whoever moves a replica. */
  readonly choose?: Choose;
  /** Replaces the identifiers, which are otherwise version 4 UUIDs made from `random`. */
  readonly newId?: (kind: NewIdentifier, of: IdentifierOf) => string;
  /** Details of this many events are kept by the ledger; extremes and counts are kept for ever. */
  readonly ledgerDetails?: number;
}

/** Behaviour that differs between releases, each named once. */
export interface Capabilities {
  readonly poolCordon: boolean;
  readonly topologyAwareVictim: boolean;
  readonly affinityGroupKeepsTwo: boolean;
  readonly volumeHealth: boolean;
  readonly poolTopologyExclusion: boolean;
  readonly slashInLabels: boolean;
  /** Bytes that a replica takes from its pool beyond its size. */
  readonly replicaOverheadBytes: number;
}

export function capabilitiesOf(version: MayastorVersion): Capabilities {
  switch (version) {
    case '2.7.1':
      return {
        poolCordon: false,
        topologyAwareVictim: false,
        affinityGroupKeepsTwo: true,
        volumeHealth: false,
        poolTopologyExclusion: false,
        slashInLabels: false,
        replicaOverheadBytes: 0,
      };
    case '2.10.0':
      return {
        poolCordon: true,
        topologyAwareVictim: true,
        affinityGroupKeepsTwo: false,
        volumeHealth: true,
        poolTopologyExclusion: true,
        slashInLabels: false,
        replicaOverheadBytes: 0,
      };
    case '2.12.2':
      return {
        poolCordon: true,
        topologyAwareVictim: true,
        affinityGroupKeepsTwo: false,
        volumeHealth: true,
        poolTopologyExclusion: true,
        slashInLabels: true,
        replicaOverheadBytes: 8 * 1024 * 1024,
      };
  }
}
