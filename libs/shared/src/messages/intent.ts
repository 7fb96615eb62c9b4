import { z } from 'zod';
import { failureReasons, type FailureReason } from './migration.ts';

/**
 * The record of a volume in the bucket couchestor-intents: the move in flight, or what became of the last one. It is
 * written before anything is done to Mayastor, and its revision in the bucket is the last word on who may act.
 */

const id = z.string().min(1).max(253);
const timestamp = z.iso.datetime({ offset: true });
const count = z.int().min(0);
const tier = z.enum(['hot', 'warm', 'cold']);
const placement = z.enum(['hot', 'warm', 'cold', 'mixed', 'none']);
const failure = z.enum(Object.keys(failureReasons) as [FailureReason, ...FailureReason[]]);

const replicaPlaceSchema = z.object({ replicaId: id, pool: z.string(), node: z.string() });
export type ReplicaPlace = z.infer<typeof replicaPlaceSchema>;

const outboxEntrySchema = z.object({ name: z.string(), messageId: id, data: z.unknown() });

/** What every record says of the migration it is about. */
const of = {
  migrationId: id,
  proposalId: id,
  attempt: count,
  volumeId: id,
  volumeName: z.string(),
  policyId: id,
  policyName: z.string(),
  fromTier: placement,
  toTier: tier,
  triggerIops: z.number().min(0).optional(),
  startedAt: timestamp,
  /** Ids that were accepted before, newest last: a redelivered request of one of them does nothing. */
  seenIds: z.array(id).max(16),
  /** Moves of this volume that began within the hour before this one, newest last. */
  startsBefore: z
    .array(z.object({ migrationId: id, startedAt: timestamp }))
    .max(16)
    .optional(),
  /** Moves of this volume that failed one after the other before this one. */
  failuresInRow: count,
  /** As the request said: each doubles the hold that follows the move. */
  regretsInRow: count.optional(),
  /** End of the last completed move, whatever happened since: the cooldown counts from here. */
  lastCompletedAt: timestamp.optional(),
  traceparent: z.string().optional(),
  /** The replicas when the volume was last seen to have as many as it should, by this move or the one before it. */
  replicas: z.array(replicaPlaceSchema).optional(),
  /**
   * Events that this write decided and that are published right after it. Whoever next finds them here publishes them
   * again, under the same ids, so that no event is lost to a crash and none tells of what was not written.
   */
  outbox: z.array(outboxEntrySchema).max(8),
};

/**
 * One replica's way from the source to a target pool. Where it stands is not written here: that is what Mayastor shows,
 * compared with what was there before.
 */
const roundSchema = z.object({
  number: count,
  startedAt: timestamp,
  replicasBefore: z.array(replicaPlaceSchema).min(1),
  sourceReplicaId: id,
  targetPool: z.string(),
  targetNode: z.string(),
  /** The source leaves before the new replica comes: where no node is free, and the policy allows one replica less. */
  order: z.literal('shrinkFirst').optional(),
  /** Listed before the first cordon: a cordon in no intent is never ours. */
  fence: z
    .object({
      kind: z.enum(['pool', 'node']),
      /** Pools or nodes that we cordon for this growth. */
      ours: z.array(z.string()),
      /** Cordoned by somebody else before; left alone. */
      foreign: z.array(z.string()),
    })
    .optional(),
  /** Set before the source's node is cordoned (or its child removed) so that the shrink takes the source. */
  steer: z.object({ kind: z.enum(['nodeCordon', 'childRemoval']), node: z.string(), victimReplicaId: id }).optional(),
  newReplicaId: id.optional(),
  addedAt: timestamp.optional(),
  syncedAt: timestamp.optional(),
  /** Growths and shrinks tried in this round, so that a step that never works comes to an end. */
  growths: count,
  shrinks: count,
  /** Nothing can come any more of the counts that were asked for in this round: another try takes it back. */
  countsOver: z.literal(true).optional(),
});
export type Round = z.infer<typeof roundSchema>;

const activeIntentSchema = z.object({
  state: z.literal('active'),
  ...of,
  policyGeneration: count,
  /** The volume's count when the move began, which is what it must have when it ends. */
  replicaCount: count,
  sizeBytes: count,
  /** Zones that its replicas were spread over when the move began; it ends with no fewer. */
  zones: count.optional(),
  /** For one replica to be synced. */
  syncTimeoutMs: count,
  allowSnapshots: z.boolean(),
  allowReducedRedundancy: z.boolean(),
  maxPoolUsedPercent: count,
  limits: z.object({ policy: count, perPool: count, perNode: count }),
  /** Pools of the wanted tier, best first, as the decision saw them. */
  targetPools: z.array(z.string()).min(1),
  replicasMoved: count,
  roundsStarted: count,
  round: roundSchema.optional(),
  /** Once set, every further step leads back to the count and replicas of before. */
  rollback: z
    .discriminatedUnion('outcome', [
      z.object({ outcome: z.literal('failed'), reason: failure, message: z.string() }),
      z.object({ outcome: z.literal('aborted'), reason: z.string(), message: z.string() }),
    ])
    .optional(),
  /** Set while nothing can be done safely; cleared when the state allows to go on. */
  attention: z.object({ reason: z.string(), message: z.string(), since: timestamp }).optional(),
  /** Fencing token of the ownership lease under which this was written. */
  ownerToken: count,
  owner: id,
});
export type ActiveIntent = z.infer<typeof activeIntentSchema>;

const endedIntentSchema = z.object({
  state: z.literal('ended'),
  ...of,
  outcome: z.enum(['completed', 'failed', 'aborted']),
  reason: z.string().optional(),
  message: z.string().optional(),
  endedAt: timestamp,
  /** The count that the move left, or that it would have left had nobody else changed it. */
  replicaCount: count.optional(),
  /** Until then a volume whose move failed is left alone. */
  retryAt: timestamp.optional(),
});
export type EndedIntent = z.infer<typeof endedIntentSchema>;

export const intentSchema = z.discriminatedUnion('state', [activeIntentSchema, endedIntentSchema]);
export type Intent = z.infer<typeof intentSchema>;

/** The label of a node cordon of ours; it names the move, so that what is left behind can be told from others'. */
export const cordonLabelOf = (migrationId: string): string => `couchestor-${migrationId}`;
export const isOurCordonLabel = (label: string): boolean => label.startsWith('couchestor-');

/** The heartbeat: while it is fresh and not paused, migrators may act. */
export const heartbeatSchema = z.object({
  leader: id,
  sentAt: timestamp,
  paused: z.boolean(),
  reason: z.string().optional(),
});
export type Heartbeat = z.infer<typeof heartbeatSchema>;
