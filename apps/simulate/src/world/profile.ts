import type { MayastorVersion } from '@couchestor/simulator/mayastor';

/** What a world is like. It follows from the seed alone. */
export interface Profile {
  readonly version: MayastorVersion;
  /** `ignored`: a Mayastor that removes whichever replica it likes, cordoned node or not. */
  readonly steer: 'cordon' | 'ignored';
  readonly nodes: readonly string[];
  readonly tiersOf: (node: string) => readonly Tier[];
  /** The failure domain that a node says it is in. */
  readonly zoneOf: (node: string) => string | undefined;
  readonly volumes: readonly VolumeProfile[];
  readonly migrators: number;
  readonly scorers: number;
  readonly watchers: number;
  readonly fleetMax: number;
  /** Bytes of volumes in motion at a time; by default more than there are. */
  readonly fleetBytes?: number;
  readonly cachePeriodMs: number;
  /** From one pass of the watcher over Mayastor to the next. */
  readonly watchPeriodMs: number;
  readonly cycleMs: number;
  /** So long what changes is gathered before it is decided on; five times that before it is in a status. */
  readonly debounceMs: number;
  /** Whether most calls that go well take no time, so that a move takes fewer turns of the clock. */
  readonly isPrompt: boolean;
  readonly rebuildMs: number;
  /** Share of all calls that go wrong. */
  readonly faultRate: number;
  /** In worlds of cores: of what goes wrong, what is worse than a call that is not taken, or late by a moment. */
  readonly severeShare?: number;
  /** Of the changing calls that go wrong: those before which the process stands still. */
  readonly standstillShare: number;
  /** For how long it does at most. */
  readonly standstillMaxMs: number;
  /** How long faults and foreign actions go on. */
  readonly troubleMs: number;
  /** Things that people and machines do in that time. */
  readonly deeds: number;
  /** Whether they do what they seldom do as well. */
  readonly hasRareDeeds: boolean;
  readonly policies: readonly PolicyProfile[];
  /** Wall clocks of processes differ from the true time by up to so much. */
  readonly skewMaxMs: number;
  /** Whether calls to Mayastor are counted by Redis, as in a cluster, instead of made at once. */
  readonly isPaced: boolean;
  /** Whether messages go through schema and bytes. */
  readonly throughBytes: boolean;
  readonly loadChangeMs: number;
  /** Rebuilds that Mayastor allows at a time. */
  readonly maxRebuilds: number | undefined;
  readonly isThin: boolean;
  readonly poolBytes: Readonly<Record<Tier, number>>;
  readonly emphasis?: Emphasis;
}

/** What there is much of. All of it left out: the usual mix. */
export interface Emphasis {
  /** What people and machines do, and nothing else, in place of everything that they may do. */
  readonly deeds?: readonly string[];
  /** How long what they do lasts. */
  readonly lastsMs?: readonly [least: number, most: number];
  /** How often a process is killed, frozen, replaced or confused, and of which services. */
  readonly disturbances?: number;
  readonly disturbed?: readonly ('watcher' | 'scorer' | 'migrator')[];
  /** A process that is disturbed stands still, for so long, and nothing else becomes of it. */
  readonly freezesMs?: readonly [least: number, most: number];
  /** A process that is disturbed does not reach Redis for so long, and its wall clock may be set back; nothing else. */
  readonly cutsMs?: readonly [least: number, most: number];
  /** The wall clock of a process that is disturbed jumps by so much; nothing else. */
  readonly jumpsMs?: readonly [least: number, most: number];
  /** A process stands still only before such calls, which it has to look after when they come late. */
  readonly standsBefore?: 'counts' | 'cordons';
  /** Of the requests to NATS that go wrong: after this share of written records the writer dies, of reads it stands still. */
  readonly diesAfterWrites?: number;
  readonly freezesAfterReads?: number;
  /** What is late on its way to NATS and back is so by anything up to this. */
  readonly busLateMs?: number;
  /** Reads of Mayastor that go wrong are late by up to this, and nothing else. */
  readonly readsLateMs?: number;
  /** Of the calls to Mayastor that go wrong: those whose answer never comes, and whose effect comes late. */
  readonly lateEffectShare?: number;
}

export type Tier = 'hot' | 'cold';

export interface VolumeProfile {
  readonly id: string;
  readonly placement: readonly string[];
  readonly publishedOn: string | undefined;
  readonly snapshots: number;
  readonly affinityGroup?: string;
  /** Nodes that may hold a replica of it, where not all may. */
  readonly allowedNodes?: readonly string[];
  /** It wants pools with a label that all have, as long as nobody takes it away from one. */
  readonly isSited?: boolean;
  readonly labels: Readonly<Record<string, string>>;
}

interface PolicyProfile {
  readonly id: string;
  readonly spec: PolicySpecText;
}

/** The parts of a policy's spec that worlds differ in, as Kubernetes stores them. */
export interface PolicySpecText {
  readonly highWatermarkIOPS: number;
  readonly lowWatermarkIOPS: number;
  readonly samplingWindow: string;
  readonly cooldownPeriod: string;
  readonly maxConcurrentMigrations: number;
  readonly migrationTimeout: string;
  readonly volumeSelector: { readonly matchLabels: Readonly<Record<string, string>> };
  readonly nvmePoolSelector: { readonly matchLabels: Readonly<Record<string, string>> };
  readonly sataPoolSelector: { readonly matchLabels: Readonly<Record<string, string>> };
  readonly limits: {
    readonly perPool: number;
    readonly perNode: number;
    readonly maxVolumesInMotionPercent: number;
    readonly maxMovesPerHour: number;
    readonly maxConsecutiveFailures: number;
  };
  readonly metrics: { readonly maxUnknownPercent: number };
  readonly capacity: { readonly maxPoolUsedPercent: number };
  readonly windows: readonly { readonly schedule: string; readonly duration: string }[];
  readonly moves: { readonly allowSnapshots: boolean; readonly allowReducedRedundancy: boolean };
  readonly enabled: boolean;
  readonly dryRun: boolean;
}

export const GIB = 1024 ** 3;
export const SIZE_BYTES = 5 * GIB;
export const HIGH_IOPS = 1_000;
export const LOW_IOPS = 100;
/** Windows of worlds that have some: open in the first minutes of each ten. */
export const WINDOW_OPEN_MINUTES = 6;

export const volumeIdOf = (number: number): string => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
