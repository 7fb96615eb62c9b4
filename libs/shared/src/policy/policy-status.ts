import { z } from 'zod';

/**
 * `status` of a StoragePolicy as Kubernetes stores it; the CustomResourceDefinition is made from it. Every field may be
 * absent: the watcher fills them with its first write.
 */

const count = (description: string) => z.int().min(0).meta({ description, format: 'int64' });
const time = (description: string) => z.iso.datetime({ offset: true }).meta({ description });

export const policyPhases = ['Pending', 'Active', 'Disabled', 'Error'] as const;
export type PolicyPhase = (typeof policyPhases)[number];

export const policyConditionTypes = ['Ready', 'MetricsAvailable', 'PoolsAvailable', 'Overlapping', 'Paused'] as const;
export type PolicyConditionType = (typeof policyConditionTypes)[number];

/** The latest moves that a status keeps. */
export const HISTORY_MAX = 50;

const conditionSchema = z.object({
  type: z.string().min(1).max(316).meta({ description: 'What the condition is about.' }),
  status: z.enum(['True', 'False', 'Unknown']).meta({ description: 'Whether it holds.' }),
  observedGeneration: count('The generation of the policy that the condition was found for.').optional(),
  lastTransitionTime: time('When status last changed.'),
  reason: z
    .string()
    .min(1)
    .max(1024)
    .regex(/^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$/)
    .meta({ description: 'One word for programs.' }),
  message: z.string().max(32768).meta({ description: 'A sentence for people.' }),
});

const historyEntrySchema = z.object({
  migrationId: z.string().min(1).max(128).meta({ description: 'The id of the move, as in logs, Events and messages.' }),
  volumeName: z.string().min(1).max(253).meta({ description: 'The PersistentVolume.' }),
  timestamp: time('When the move ended.'),
  fromTier: z.enum(['hot', 'warm', 'cold', 'mixed']).meta({ description: 'Where the replicas were.' }).optional(),
  toTier: z.enum(['hot', 'warm', 'cold']).meta({ description: 'Where the policy wanted them.' }).optional(),
  triggerIOPS: z.number().min(0).meta({ description: 'The score that the decision saw.' }).optional(),
  duration: z.string().max(32).meta({ description: 'How long the move took, such as 4m10s.' }).optional(),
  success: z.boolean().meta({ description: 'Whether every replica that had to move did.' }).optional(),
  error: z.string().max(4096).meta({ description: 'Why it did not succeed.' }).optional(),
});

export const policyStatusSchema = z
  .object({
    phase: z.enum(policyPhases).meta({
      description:
        'Pending: not looked at yet. Active: at work. Disabled: spec.enabled is false. Error: the policy cannot be followed; the condition Ready says why.',
    }),
    watchedVolumes: count('Volumes that the policy claims.'),
    hotVolumes: count('Volumes whose replicas are all on the hot tier.'),
    warmVolumes: count('Volumes whose replicas are all on the warm tier.'),
    coldVolumes: count('Volumes whose replicas are all on the cold tier.'),
    mixedVolumes: count('Volumes whose replicas are on more than one tier.'),
    activeMigrations: count('Moves in flight.'),
    totalMigrations: count('Moves that were completed since the policy was created.'),
    failedMigrations: count('Moves that failed since the policy was created.'),
    lastReconcileTime: time('When something else in this status last changed.'),
    observedGeneration: count('The metadata.generation of the policy that this status is about.'),
    conditions: z
      .array(conditionSchema)
      .max(16)
      .meta({
        description: `${policyConditionTypes.slice(0, -1).join(', ')} and ${policyConditionTypes.at(-1)}.`,
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['type'],
      }),
    migrationHistory: z
      .array(historyEntrySchema)
      .max(HISTORY_MAX)
      .meta({ description: 'The latest moves that ended, newest first.', 'x-kubernetes-list-type': 'atomic' }),
    appliedEvents: z
      .object({
        streamCreatedAt: time(
          'When the stream of events was created; another time means another stream, counted from its start.',
        ),
        lastSequence: count('The stream sequence of the last event counted.'),
      })
      .partial()
      .meta({
        description: 'How far the migration events are counted in this status; only later ones are folded in.',
        'x-kubernetes-map-type': 'atomic',
      }),
  })
  .partial()
  .meta({
    description:
      'What CoucheStor last observed and did. It is also the checkpoint that counters continue from after a restart.',
  });
