import type {
  ClusterObserved,
  MigrationRequested,
  MoverObserved,
  NodeObserved,
  PolicyEvaluated,
  PolicyObserved,
  PoolObserved,
  VolumeObserved,
} from '@couchestor/shared/messages';
import type { MaintenanceWindow } from '@couchestor/shared/policy';
import type { Samples } from './core/fold-scores.ts';
import type { Decision } from './core/decision.ts';
import type { Refusal } from './core/refusals.ts';
import type { IntentState, MoveStart, WindowState } from './core/world.ts';

/** Where scores come from. Every method rejects with a `MetricsError`, or with the signal's reason. */
export interface MetricsServer {
  /** Its own time, in milliseconds since 1970. */
  nowMs(signal: AbortSignal): Promise<number>;
  /** Which of the metrics had series within that time before the moment. */
  existing(names: readonly string[], atMs: number, withinMs: number, signal: AbortSignal): Promise<ReadonlySet<string>>;
  /**
   * An instant vector, each series with its value of that label; in slices, so that nobody is stopped by its size.
   * Resolves when the answer has arrived; reading it, which may fail as well, is another matter.
   */
  vector(query: string, label: string, atMs: number, signal: AbortSignal): Promise<Slices>;
  /** When the samples of a range were taken, by series, in milliseconds since 1970. */
  sampleTimes(query: string, atMs: number, signal: AbortSignal): Promise<readonly (readonly number[])[]>;
}

export type Slices = AsyncIterable<Samples> | Iterable<Samples>;

/** Maintenance windows by the clock on the wall, time zones and daylight saving included. */
export interface WindowCalendar {
  stateAt(windows: readonly MaintenanceWindow[], nowMs: number): WindowState;
}

export interface Observed<T> {
  readonly data: T;
  /** When it was published, in milliseconds since 1970. */
  readonly timeMs: number;
  readonly traceparent?: string;
}

/** What the others have said. */
export interface Observations {
  /** Undefined while it is incomplete: then nothing is to be decided. */
  read(): ObservedWorld | undefined;
  /** Called after each change that a decision may depend on. */
  onChange(listener: () => void): void;
}

export interface ObservedWorld {
  /**
   * Since when everything that was published is known here. It begins anew when a stream was lost and made again: what
   * is published then comes bit by bit, and at first is less than the world.
   */
  readonly completeSinceMs: number;
  readonly policies: readonly PolicyObserved[];
  readonly volumes: ReadonlyMap<string, Observed<VolumeObserved>>;
  readonly pools: readonly PoolObserved[];
  readonly nodes: readonly NodeObserved[];
  readonly cluster: ClusterObserved | undefined;
  readonly movers: readonly MoverObserved[];
  readonly intents: ReadonlyMap<string, IntentState>;
  readonly recentStarts: readonly MoveStart[];
  readonly refusals: ReadonlyMap<string, Refusal>;
}

/** Where decisions go. Resolves when they are stored. */
export interface Announcements {
  /** Publishes decisions whose tier, action, reason, target or eligibility changed; takes back those of volumes that are gone. */
  decisions(
    decisions: readonly Decision[],
    traceparentOf: (volumeId: string) => string | undefined,
    signal: AbortSignal,
  ): Promise<void>;
  /** The same for policies, in all that is said of them. */
  evaluations(evaluations: readonly PolicyEvaluated[], signal: AbortSignal): Promise<void>;
  /** Another scorer has published meanwhile: what is known to be published has to be read again. */
  forget(): Promise<void>;
  /** Asks the migrators; given up once the request has expired. */
  request(request: MigrationRequested, traceparent: string, signal: AbortSignal): Promise<void>;
}

/** Whether this process is the one that decides. */
export interface Leadership {
  isLeader(): boolean;
  onChange(listener: (leading: boolean) => void): void;
}
