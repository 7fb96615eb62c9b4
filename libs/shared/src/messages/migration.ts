import { z } from 'zod';

const id = z.string().min(1).max(253);
const timestamp = z.iso.datetime({ offset: true });
const count = z.int().min(0);
const tier = z.enum(['hot', 'warm', 'cold']);
const placement = z.enum(['hot', 'warm', 'cold', 'mixed', 'none']);

/** The one command: please bring this volume to that tier, if the world is still as the decision saw it. */
export const migrationRequestedSchema = z.object({
  migrationId: id,
  proposalId: id,
  attempt: count,
  volumeId: id,
  volumeName: z.string(),
  policyId: id,
  policyName: z.string(),
  policyGeneration: count,
  fromTier: placement,
  toTier: tier,
  reason: z.string(),
  triggerIops: z.number().min(0).optional(),
  /** Not started after this moment. */
  notAfter: timestamp,
  /** What the decision saw: the request is refused if the volume looks otherwise. */
  replicaCount: count,
  replicas: z
    .array(z.object({ replicaId: id, pool: z.string(), node: z.string() }))
    .min(1)
    .max(255),
  /** Pools of the wanted tier that could take a replica when it was decided, best first. */
  targetPools: z.array(z.string()).min(1).max(1024),
  sizeBytes: count,
  /** How many moves of the volume in a row, this one included, undid the one before too soon; absent for none. */
  regretsInRow: count.optional(),
});
export type MigrationRequested = z.infer<typeof migrationRequestedSchema>;

/** Why a request was not taken up. */
export const refusalReasons = [
  'Expired',
  'AlreadySeen',
  'AlreadyMoving',
  'CoolingDown',
  'BackingOff',
  'PolicyChanged',
  'PolicyDisabled',
  'VolumeChanged',
  'VolumeNotFound',
  'VolumeDegraded',
  'NotPublished',
  'HasSnapshots',
  'NoEligiblePool',
  'NoSlot',
  'Held',
  'Paused',
  'UnsupportedMayastor',
  'ClusterUpgrading',
  'ClockSkew',
  'AffinityGroupRestricted',
  'RedeliveredTooOften',
] as const;
export type RefusalReason = (typeof refusalReasons)[number];

/** Why a move failed. `Sync timeout`, `Target pool not found` and `Target pool offline` are what the guide greps for. */
export const failureReasons = {
  SyncTimeout: 'Sync timeout',
  TargetPoolNotFound: 'Target pool not found',
  TargetPoolOffline: 'Target pool offline',
  NoPlacement: 'No pool could take the new replica',
  WrongPlacement: 'The new replica did not land on a target pool',
  WrongVictim: 'Mayastor removed another replica than the source',
  TooManyRebuilds: 'Mayastor allows no further rebuild now',
  Unsettled: 'The replicas kept changing while the volume moved',
  VolumeDegraded: 'The volume lost its health while it moved',
  Refused: 'Mayastor refused a step of the move',
} as const;
export type FailureReason = keyof typeof failureReasons;
const failureNames = Object.keys(failureReasons) as [FailureReason, ...FailureReason[]];

const of = {
  migrationId: id,
  volumeId: id,
  volumeName: z.string(),
  policyId: id,
  policyName: z.string(),
};
const placed = { replicaId: id, pool: z.string(), node: z.string() };

export const migrationAcceptedSchema = z.object({
  ...of,
  fromTier: placement,
  toTier: tier,
  triggerIops: z.number().min(0).optional(),
  replicasToMove: count,
});
export const migrationRefusedSchema = z.object({ ...of, reason: z.enum(refusalReasons), message: z.string() });
export const migrationReplicaAddedSchema = z.object({ ...of, ...placed, sourceReplicaId: id.optional() });
export const migrationSyncedSchema = z.object({ ...of, ...placed, durationMs: count });
export const migrationReplicaRemovedSchema = z.object({ ...of, ...placed });
const ended = {
  ...of,
  fromTier: placement,
  toTier: tier,
  triggerIops: z.number().min(0).optional(),
  startedAt: timestamp,
  durationMs: count,
};
export const migrationCompletedSchema = z.object(ended);
export const migrationFailedSchema = z.object({
  ...ended,
  reason: z.enum(failureNames),
  message: z.string(),
  retryAt: timestamp.optional(),
});
export const migrationAbortedSchema = z.object({ ...ended, reason: z.string(), message: z.string() });
export const migrationNeedsAttentionSchema = z.object({ ...of, reason: z.string(), message: z.string() });

export type MigrationAccepted = z.infer<typeof migrationAcceptedSchema>;
export type MigrationRefused = z.infer<typeof migrationRefusedSchema>;
export type MigrationReplicaAdded = z.infer<typeof migrationReplicaAddedSchema>;
export type MigrationSynced = z.infer<typeof migrationSyncedSchema>;
export type MigrationReplicaRemoved = z.infer<typeof migrationReplicaRemovedSchema>;
export type MigrationCompleted = z.infer<typeof migrationCompletedSchema>;
export type MigrationFailed = z.infer<typeof migrationFailedSchema>;
export type MigrationAborted = z.infer<typeof migrationAbortedSchema>;
export type MigrationNeedsAttention = z.infer<typeof migrationNeedsAttentionSchema>;
