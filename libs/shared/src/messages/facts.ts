import { z } from 'zod';

/**
 * Facts of the stream COUCHESTOR_STATE: the last one per subject is what is true now. Readers ignore fields that they
 * do not know; within v1 fields are only added, and only optional ones.
 */

const id = z.string().min(1).max(253);
const timestamp = z.iso.datetime({ offset: true });
const labels = z.record(z.string(), z.string());
const count = z.int().min(0);
const tier = z.enum(['hot', 'warm', 'cold']);
const placement = z.enum(['hot', 'warm', 'cold', 'mixed', 'none']);

export const policyObservedSchema = z.object({
  policyId: id,
  name: z.string(),
  generation: count,
  createdAt: timestamp,
  /** `spec` as Kubernetes stores it; read it with `parsePolicySpec`. */
  spec: z.unknown(),
});
export type PolicyObserved = z.infer<typeof policyObservedSchema>;

const replicaState = z.enum(['Unknown', 'Online', 'Degraded', 'Faulted', 'Offline']);

const observedReplicaSchema = z.object({
  replicaId: id,
  /** Absent while the replica's node is away. */
  node: z.string().optional(),
  pool: z.string().optional(),
  state: replicaState,
  /** As the volume's target sees the replica; absent if it is not one of its children. */
  childState: replicaState.optional(),
});
export type ObservedReplica = z.infer<typeof observedReplicaSchema>;

const persistentVolumeSchema = z.object({
  name: z.string(),
  uid: id,
  phase: z.string(),
  storageClassName: z.string(),
  labels,
  claim: z.object({ namespace: z.string(), name: z.string() }).optional(),
  /** The annotations of people (and our own last-migration), under the names of their keys after the prefix. */
  lastMigration: z.string().optional(),
  hold: z.string().optional(),
  pinTier: z.string().optional(),
  approve: z.string().optional(),
  abort: z.string().optional(),
});
export type ObservedPersistentVolume = z.infer<typeof persistentVolumeSchema>;

export const volumeObservedSchema = z.object({
  volumeId: id,
  /** Absent for a volume without a PersistentVolume: nobody's to move. */
  persistentVolume: persistentVolumeSchema.optional(),
  sizeBytes: count,
  thin: z.boolean(),
  /** What the volume is meant to have; replicas may be more or fewer at the moment. */
  replicaCount: count,
  specStatus: z.string(),
  status: z.enum(['Unknown', 'Online', 'Degraded', 'Faulted', 'Shutdown']),
  selfHeal: z.boolean(),
  /** Where the target (the nexus) is; absent while unpublished. */
  targetNode: z.string().optional(),
  rebuilding: z.boolean(),
  snapshotCount: count,
  fromSnapshot: z.boolean(),
  affinityGroup: z.string().optional(),
  encrypted: z.boolean().optional(),
  /** The largest allocation of a replica in steps of 1 % of the size, for the space that a thin copy needs. */
  allocatedBytes: count.optional(),
  topology: z
    .object({
      poolInclusion: labels.optional(),
      nodeInclusion: labels.optional(),
      nodeExclusion: labels.optional(),
      allowedNodes: z.array(z.string()).optional(),
    })
    .optional(),
  replicas: z.array(observedReplicaSchema),
});
export type VolumeObserved = z.infer<typeof volumeObservedSchema>;

export const poolObservedSchema = z.object({
  /** UID of the DiskPool. */
  diskPoolId: id,
  /** Name of the DiskPool, which is Mayastor's id of the pool. */
  name: z.string(),
  node: z.string(),
  /** `metadata.labels` of the DiskPool: what tier selectors look at. */
  labels,
  /** Labels that Mayastor knows, which alone count for a volume's topology. */
  mayastorLabels: labels,
  status: z.enum(['Unknown', 'Online', 'Degraded', 'Faulted', 'Offline', 'Suspected', 'Absent']),
  capacityBytes: count,
  /** Rounded up to 1 % of the capacity: usage changes all the time, and what always changes is not a fact. */
  usedBytes: count,
  /** Sum of the sizes of thin and thick replicas, rounded up to 1 % of the capacity. */
  committedBytes: count,
  /** By somebody else: cordons that one of our own intents lists are left out. */
  cordoned: z.boolean(),
  encrypted: z.boolean().optional(),
});
export type PoolObserved = z.infer<typeof poolObservedSchema>;

export const nodeObservedSchema = z.object({
  name: z.string(),
  status: z.enum(['Unknown', 'Online', 'Offline']),
  version: z.string().optional(),
  labels,
  /** Labels of cordons and drains of others; ours are left out. */
  cordonLabels: z.array(z.string()),
  draining: z.boolean(),
});
export type NodeObserved = z.infer<typeof nodeObservedSchema>;

export const clusterObservedSchema = z.object({
  paused: z.boolean(),
  pauseReason: z.string().optional(),
  /** Distinct versions of the nodes, ascending; more than one while an upgrade runs. */
  mayastorVersions: z.array(z.string()),
});
export type ClusterObserved = z.infer<typeof clusterObservedSchema>;

export const moverObservedSchema = z.object({
  instance: id,
  version: z.string(),
  /** How this cluster can be fenced and steered; `none` means that nothing moves. */
  method: z.enum(['poolCordon', 'nodeCordon', 'none', 'undetermined']),
  fleetLimit: count,
  activeMigrations: count,
  /** Cordons that this instance holds now. */
  cordonedPools: z.array(z.string()),
  cordonedNodes: z.array(z.string()),
});
export type MoverObserved = z.infer<typeof moverObservedSchema>;

export const unknownReasons = [
  'NotPublished',
  'NoSeries',
  'LowCoverage',
  'Stale',
  'Ambiguous',
  'QueryFailed',
  'PrometheusUnavailable',
] as const;
export type UnknownReason = (typeof unknownReasons)[number];

/** Why a volume moves or does not. A closed list: every decision has exactly one. */
export const decisionReasons = {
  AboveHighWatermark: 'It is at or above the high watermark and not (wholly) on the hot tier.',
  AboveWarmWatermark: 'It is at or above the warm watermark, below the high one, and not on the warm tier.',
  BelowLowWatermark: 'It is at or below the low watermark and not (wholly) on the cold tier.',
  FinishMixed: 'It lies on two tiers; the rest follows to the tier of most of its replicas.',
  Pinned: 'The annotation pin-tier wants another tier.',
  BetweenWatermarks: 'Its score lies between the watermarks: it stays where it is.',
  OnWantedTier: 'All replicas are on the tier that it deserves.',
  ScoreUnknown: 'Its score is unknown, and unknown moves nothing.',
  TooManyUnknown: 'More volumes of the policy are unknown than maxUnknownPercent allows: nothing of it starts.',
  NotPublished: 'It has no target; a new replica would not be filled.',
  CoolingDown: 'Its last move ended less than cooldownPeriod ago.',
  BackingOff: 'Its last move failed; it waits before another try.',
  Held: 'The annotation hold keeps it where it is.',
  WindowClosed: 'No maintenance window of the policy is open for as long as the move would take.',
  NoEligiblePool: 'No pool of the wanted tier can take it.',
  TargetPoolMissing: 'No pool of the cluster carries the labels of the wanted tier.',
  TopologyExcludesTier: 'Its topology, fixed when it was created, excludes every pool of the wanted tier.',
  HasSnapshots: 'It has snapshots or comes from one, and the policy does not allow moving such volumes.',
  VolumeDegraded: 'It is not wholly healthy: Mayastor repairs it first.',
  VolumeNotReady:
    'Mayastor or Kubernetes does not show it as ready: not bound, being created or deleted, or self-heal is off.',
  AffinityGroupRestricted: 'It belongs to an affinity group that this Mayastor version does not let shrink.',
  AlreadyMoving: 'A move of it is in flight.',
  NeedsAttention: 'A move of it stopped in a state that a person should look at.',
  AwaitingSlot: 'It is next in line; the limits of its policy, or of the fleet, leave no slot now.',
  BrakeFleet: 'A brake of the policy is on: volumes in motion, moves an hour or failures in a row.',
  BrakePool:
    'Every pool that could take it is receiving as many moves as its limit allows, or Mayastor repairs a volume there.',
  StartupGrace: 'The scorer has just started and only watches for a while.',
  ClusterUpgrading: 'The nodes run different versions of Mayastor.',
  UnsupportedMayastor: 'This version of Mayastor cannot be fenced and steered.',
  PolicyOverlap: 'An older policy claims it.',
  PolicyDisabled: 'Its policy is disabled.',
  PolicyInvalid: 'Its policy has an error.',
  NoPolicy: 'No policy claims it.',
  DryRun: 'Its policy only decides and says so.',
  AwaitingApproval: 'Its policy wants the approval of a person first.',
  Paused: 'Everything is paused.',
} as const;
export type DecisionReason = keyof typeof decisionReasons;
const reasonNames = Object.keys(decisionReasons) as [DecisionReason, ...DecisionReason[]];

const scoreSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('value'),
    /** What speaks for a hotter tier. */
    iops: z.number().min(0),
    /** What speaks for a colder one, where that is another number. */
    demoteIops: z.number().min(0).optional(),
    coverage: z.number().min(0).max(1),
  }),
  z.object({ kind: z.literal('unknown'), reason: z.enum(unknownReasons) }),
]);
export type Score = z.infer<typeof scoreSchema>;

export const decisionMadeSchema = z.object({
  volumeId: id,
  volumeName: z.string(),
  policyId: id.optional(),
  policyName: z.string().optional(),
  policyGeneration: count.optional(),
  tierNow: placement,
  /** Absent when it is not known where the volume belongs. */
  tierWanted: tier.optional(),
  action: z.enum(['move', 'hold']),
  reason: z.enum(reasonNames),
  /** A sentence for people, with the numbers compared. */
  message: z.string(),
  score: scoreSchema,
  comparedWith: z.object({ highIops: count, lowIops: count, warmIops: count.optional() }).optional(),
  nextEligibleAt: timestamp.optional(),
  proposalId: id.optional(),
});
export type DecisionMade = z.infer<typeof decisionMadeSchema>;

export const policyEvaluatedSchema = z.object({
  policyId: id,
  policyName: z.string(),
  policyGeneration: count,
  metrics: z.object({
    available: z.boolean(),
    /** PascalCase, stable: what became of the search for a source. */
    reason: z.string(),
    message: z.string(),
    source: z.enum(['MayastorCounters', 'Gauge', 'PromQL']).optional(),
  }),
  pools: z.object({ available: z.boolean(), reason: z.string(), message: z.string() }),
  /** Brakes that are on, by name. */
  brakes: z.array(z.string()),
  volumes: count,
  unknownVolumes: count,
  reasons: z.partialRecord(z.enum(reasonNames), count),
});
export type PolicyEvaluated = z.infer<typeof policyEvaluatedSchema>;
