import type {
  Heartbeat,
  Intent,
  MessageData,
  PolicyEvaluated,
  StateName,
  SubjectToken,
} from '@couchestor/shared/messages';
import type { Announcement } from './core/announcement.ts';
import type { MigrationEvent } from './core/migration-event.ts';
import type {
  Control,
  DiskPoolObject,
  NodeReading,
  PersistentVolumeObject,
  PolicyObject,
  PoolReading,
  VolumeAnswer,
} from './core/objects.ts';
import type { Checkpoint, PolicyStatus } from './core/status.ts';
import type { LastDecision, VolumeView } from './core/volume-view.ts';

/** What the watcher needs of the world, in its own words. */

/** One kind of Kubernetes object, kept current by list and watch. */
export interface Watched<T> {
  objects(): Iterable<T>;
  /** Resolves once everything was listed. @throws the signal's reason */
  whenSynced(signal: AbortSignal): Promise<void>;
  /** Called after `objects` has the change; `next` is undefined when the object is gone. Returns what ends it. */
  onChange(listener: (next: T | undefined, previous: T | undefined) => void): () => void;
}

export interface KubernetesSource {
  readonly policies: Watched<PolicyObject>;
  readonly persistentVolumes: Watched<PersistentVolumeObject>;
  readonly diskPools: Watched<DiskPoolObject>;
}

/** Reads `couchestor-control` from the API server, never from a cache. @throws when there is no answer in time */
export interface ControlSource {
  read(signal: AbortSignal): Promise<Control>;
}

/**
 * What became of a write. `gone`: the object does not exist any more. `conflict`: it was changed since it was read.
 * `refused`: it will never be taken as it is. What may work later is thrown instead.
 */
export type WriteOutcome =
  | { readonly kind: 'written'; readonly resourceVersion: string }
  | { readonly kind: 'gone' }
  | { readonly kind: 'conflict' }
  | { readonly kind: 'refused'; readonly problem: string };

export interface KubernetesSink {
  /** @throws if it may work later */
  writeStatus(policy: PolicyObject, status: PolicyStatus, signal: AbortSignal): Promise<WriteOutcome>;
  /** Sets our annotations; null removes one, undefined leaves it. @throws if it may work later */
  annotate(volume: PersistentVolumeObject, changes: OwnAnnotations, signal: AbortSignal): Promise<WriteOutcome>;
  /** Writes an Event, unless it is there already. @throws if it may work later */
  announce(announcement: Announcement, signal: AbortSignal): Promise<WriteOutcome>;
}

/** The MayastorVolumes that people read: one for each volume, written by us alone. */
export interface VolumeViewSink {
  /** Pages of what is there: the volume, and the digest of what is said of it. @throws if it may work later */
  held(signal: AbortSignal): AsyncIterable<readonly (readonly [volumeId: string, digest: string])[]>;
  /** Equal for views that say the same. */
  digest(view: VolumeView): string;
  /** @throws if it may work later */
  write(view: VolumeView, signal: AbortSignal): Promise<WriteOutcome>;
  /** @throws if it may work later */
  remove(volumeId: string, signal: AbortSignal): Promise<WriteOutcome>;
}

export interface OwnAnnotations {
  readonly lastMigrationMs?: number;
  readonly currentTier?: string | null;
}

/** Mayastor's REST API, read only. Everything throws when there is no usable answer. */
export interface MayastorSource {
  /** All volumes in pieces; one that is deleted meanwhile may hide another one. */
  volumePages(signal: AbortSignal): AsyncIterable<readonly VolumeAnswer[]>;
  volume(volumeId: string, signal: AbortSignal): Promise<VolumeAnswer | undefined>;
  pools(signal: AbortSignal): Promise<ReadonlyMap<string, PoolReading>>;
  nodes(signal: AbortSignal): Promise<ReadonlyMap<string, NodeReading>>;
}

export interface FactSink<N extends StateName> {
  set(id: SubjectToken, data: MessageData<N>, options?: { signal?: AbortSignal }): Promise<'published' | 'unchanged'>;
  delete(id: SubjectToken, options?: { signal?: AbortSignal }): Promise<'published' | 'unchanged'>;
  ids(): IterableIterator<SubjectToken>;
}

export interface FactSinks extends AsyncDisposable {
  readonly policies: FactSink<'policy.observed'>;
  readonly volumes: FactSink<'volume.observed'>;
  readonly pools: FactSink<'pool.observed'>;
  readonly nodes: FactSink<'node.observed'>;
  readonly cluster: FactSink<'cluster.observed'>;
}

/** What other services say. */
export interface MessageSource {
  /** @param onLost the stream was lost and holds nothing any more: every fact is to be set again */
  openSinks(onLost: () => void, signal: AbortSignal): Promise<FactSinks>;
  /** What the scorer makes of each policy, by the policy's UID. */
  watchEvaluations(
    onChange: (policyId: string, evaluated: PolicyEvaluated | undefined) => void,
    signal: AbortSignal,
  ): Promise<void>;
  /** What the scorer last decided on each volume. Resolves when all was reported once; goes on until the signal. */
  watchDecisions(
    onChange: (volumeId: string, decision: LastDecision | undefined) => void,
    signal: AbortSignal,
  ): Promise<void>;
  /** Resolves when every intent was reported once; goes on until the signal. */
  watchIntents(onChange: (volumeId: string, intent: Intent | undefined) => void, signal: AbortSignal): Promise<void>;
  /** Reads until the signal, each event at least once and in order; an event whose handler throws comes again. */
  readEvents(
    after: Checkpoint | undefined,
    handlers: {
      readonly onEvent: (event: MigrationEvent) => Promise<void>;
      /** Everything up to here was handed over. */
      readonly onCaughtUp: (position: Checkpoint) => void;
    },
    signal: AbortSignal,
  ): Promise<void>;
}

export interface PermitSink {
  /** One try. @throws if it was not stored in time */
  write(heartbeat: Heartbeat): Promise<void>;
  /** One try. */
  clear(): Promise<void>;
}

/** Who leads. A term's signal is aborted before anybody else may lead. */
export interface Leadership {
  /** Runs `term` whenever this process leads; resolves when the signal is aborted and the last term has ended. */
  run(term: (signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void>;
}

export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** What is counted and shown on `/metrics`. */
export interface Measures {
  reconciled(): void;
  moveEnded(outcome: 'success' | 'failed' | 'aborted'): void;
  activeMoves(count: number): void;
  /** Undefined when the policy is gone. */
  policyPhase(name: string, phase: PolicyStatus['phase'] | undefined): void;
  factsPublished(kind: string, count: number): void;
  mayastorPolled(outcome: 'complete' | 'failed', seconds: number): void;
  permitWritten(): void;
  kubernetesWritten(
    kind: 'status' | 'annotation' | 'event' | 'view',
    outcome: WriteOutcome['kind'] | 'unavailable',
  ): void;
  leading(isLeader: boolean): void;
}
