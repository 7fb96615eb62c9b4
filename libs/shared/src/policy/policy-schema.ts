import { z } from 'zod';
import { DAY_MS, SECOND_MS } from '../units/index.ts';
import { celDuration, celIsDuration, durationField, readDuration } from './duration-field.ts';
import { labelSelectorSchema, selectorIsEmpty } from './label-selector.ts';
import { specRules } from './policy-rules.ts';
import { textMax, withRules } from './spec-rule.ts';
import { windowSchema } from './window-schema.ts';

/**
 * `spec` of a StoragePolicy as Kubernetes stores it: every field with its meaning, bounds, default and rules. The
 * CustomResourceDefinition is made from it, so the API server and CoucheStor refuse the same with the same sentences.
 */

const IOPS_MAX = 100_000_000;

function integer(min: number, max: number, description: string) {
  return z.int().min(min).max(max).meta({ description, format: 'int32' });
}

function poolSelector(name: string, tier: string, description: string) {
  return withRules(labelSelectorSchema, {
    cel: '(has(self.matchLabels) && size(self.matchLabels) > 0) || (has(self.matchExpressions) && size(self.matchExpressions) > 0)',
    holds: (self) => !selectorIsEmpty(self),
    sentence: `${name} must not be empty, which would select every pool: name at least one label of the ${tier} DiskPools in matchLabels or matchExpressions`,
  }).meta({ description });
}

const limitsSchema = z.object({
  perPool: integer(1, 20, 'Moves at once that read from or write to one pool.').default(1),
  perNode: integer(1, 20, 'Moves at once that read from or write to one node.').default(1),
  maxVolumesInMotionPercent: integer(
    1,
    100,
    "The share of the policy's volumes that may move at once; always at least one volume.",
  ).default(10),
  maxMovesPerHour: integer(1, 1000, 'Moves of the policy that may start in any hour.').default(20),
  maxConsecutiveFailures: integer(
    1,
    100,
    'After this many failed moves in a row nothing new starts for an hour, then one at a time until one completes.',
  ).default(3),
});

const metricsSchema = withRules(
  z.object({
    source: z
      .enum(['Auto', 'MayastorCounters', 'Gauge', 'PromQL'])
      .meta({
        description:
          "Auto finds out what Prometheus has. MayastorCounters: Mayastor's own cumulative counters. Gauge: a ready-made gauge of IOPS for each volume. PromQL: your own query.",
      })
      .default('Auto'),
    query: textMax(4096)
      .min(1)
      .meta({
        description:
          'With source PromQL, and needed there: an instant query that gives the IOPS of every volume in one answer, one series for each volume.',
      })
      .optional(),
    volumeLabel: withRules(textMax(128), {
      cel: 'self.matches("^[a-zA-Z_][a-zA-Z0-9_]*$")',
      holds: (self) => /^[a-zA-Z_][a-zA-Z0-9_]*$/.test(self),
      sentence:
        'volumeLabel[ is "{}" and] must be the name of a label in Prometheus: write letters, digits and _, no digit in front',
    })
      .meta({
        description:
          'The label of the series that names the volume, by PersistentVolume name or by Mayastor volume id.',
      })
      .optional(),
    minCoverage: z
      .number()
      .min(0)
      .max(1)
      .meta({
        description:
          'The share of the sampling window, 0 to 1, that a volume must have samples for; with less its score is unknown and it stays.',
      })
      .default(0.8),
    maxUnknownPercent: integer(
      1,
      100,
      "If more than this share of the policy's published volumes has an unknown score, nothing of the policy starts.",
    ).default(20),
  }),
  {
    // The default {} is held to the rules before it is filled in.
    cel: '!has(self.source) || self.source != "PromQL" || has(self.query)',
    holds: ({ source, query }) => source !== 'PromQL' || query !== undefined,
    member: 'query',
    missing: true,
    sentence:
      'query must be set with source PromQL: add a query that gives one series for each volume, or choose another source',
  },
);

const scoringSchema = withRules(
  z.object({
    method: z
      .enum(['Average', 'P95', 'TwoSpeed'])
      .meta({
        description:
          'Average: the mean over the window. P95: what the volume exceeds 5 percent of the time. TwoSpeed: promote by promoteMemory, demote by demoteMemory.',
      })
      .default('Average'),
    promoteMemory: durationField(
      'promoteMemory',
      SECOND_MS,
      30 * DAY_MS,
      'With TwoSpeed: the memory of the average that promotes, 1s to 30d; short, so that heat is met soon.',
    ).optional(),
    demoteMemory: durationField(
      'demoteMemory',
      SECOND_MS,
      30 * DAY_MS,
      'With TwoSpeed: the memory of the average that demotes, 1s to 30d; long, so that a quiet night demotes nothing.',
    ).optional(),
    hotSharePercent: integer(
      1,
      99,
      "The share of the policy's volumes that the hot tier has places for. If set, the volumes with the highest scores above lowWatermarkIOPS get them: the watermarks follow the fleet, and highWatermarkIOPS is not asked. Not with a warm tier.",
    ).optional(),
  }),
  {
    cel: [
      '!has(self.promoteMemory) || !has(self.demoteMemory)',
      `!(${celIsDuration('self.promoteMemory')} && ${celIsDuration('self.demoteMemory')})`,
      `${celDuration('self.promoteMemory')} <= ${celDuration('self.demoteMemory')}`,
    ].join(' || '),
    holds: ({ promoteMemory = '', demoteMemory = '' }) =>
      (readDuration(promoteMemory) ?? 0) <= (readDuration(demoteMemory) ?? Infinity),
    member: 'promoteMemory',
    sentence:
      'promoteMemory[ is {promoteMemory} and] must not be longer than demoteMemory[ ({demoteMemory})]: shorten promoteMemory or lengthen demoteMemory',
  },
);

const approvalSchema = z.object({
  mode: z
    .enum(['Automatic', 'Manual'])
    .meta({
      description:
        'Automatic: moves start by themselves. Manual: each move is proposed and waits until a person approves its id.',
    })
    .default('Automatic'),
  expiresAfter: durationField(
    'expiresAfter',
    SECOND_MS,
    365 * DAY_MS,
    'With Manual: how long a proposal can be approved, 1s to 365d.',
  ).default('24h'),
});

export const policySpecSchema = withRules(
  z.object({
    highWatermarkIOPS: integer(
      1,
      IOPS_MAX,
      'A volume at or above this many I/O operations a second, over the sampling window, belongs on the hot tier. Greater than lowWatermarkIOPS.',
    ).default(5000),
    lowWatermarkIOPS: integer(
      0,
      IOPS_MAX,
      'A volume at or below this many I/O operations a second, over the sampling window, belongs on the cold tier. Between the watermarks a volume stays where it is.',
    ).default(500),
    warmWatermarkIOPS: integer(
      0,
      IOPS_MAX,
      'With warmPoolSelector: a volume at or above this and below highWatermarkIOPS belongs on the warm tier. Strictly between lowWatermarkIOPS and highWatermarkIOPS.',
    ).optional(),
    samplingWindow: durationField(
      'samplingWindow',
      SECOND_MS,
      30 * DAY_MS,
      'How far back I/O counts, 1s to 30d. A longer window reacts later and is fooled less by a burst or a nightly backup.',
    ).default('1h'),
    cooldownPeriod: durationField(
      'cooldownPeriod',
      0,
      365 * DAY_MS,
      'The least time between the end of one completed move of a volume and the start of its next, 0s to 365d.',
    ).default('24h'),
    storageClassName: withRules(textMax(253), {
      cel: 'self.matches("^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")',
      holds: (self) => /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(self),
      sentence:
        'storageClassName[ is "{}" and] must be the name of a StorageClass: choose one that kubectl get storageclasses lists',
    })
      .meta({ description: 'The policy claims the PersistentVolumes of this StorageClass.' })
      .default('mayastor'),
    volumeSelector: labelSelectorSchema
      .meta({
        description:
          'Narrows the claim to PersistentVolumes with these labels. Unset or empty: every volume of the StorageClass.',
      })
      .optional(),
    nvmePoolSelector: poolSelector(
      'nvmePoolSelector',
      'hot',
      'The hot tier: DiskPools whose metadata.labels match. Only Kubernetes labels of the DiskPool count, not its topology. hotPoolSelector is another name for this field; set exactly one of the two.',
    ).optional(),
    hotPoolSelector: poolSelector(
      'hotPoolSelector',
      'hot',
      'Another name for nvmePoolSelector; set exactly one of the two.',
    ).optional(),
    warmPoolSelector: poolSelector(
      'warmPoolSelector',
      'warm',
      'The middle tier: DiskPools whose metadata.labels match. Used with warmWatermarkIOPS; unset: there are two tiers.',
    ).optional(),
    sataPoolSelector: poolSelector(
      'sataPoolSelector',
      'cold',
      'The cold tier: DiskPools whose metadata.labels match. Only Kubernetes labels of the DiskPool count, not its topology. coldPoolSelector is another name for this field; set exactly one of the two.',
    ).optional(),
    coldPoolSelector: poolSelector(
      'coldPoolSelector',
      'cold',
      'Another name for sataPoolSelector; set exactly one of the two.',
    ).optional(),
    maxConcurrentMigrations: integer(1, 100, 'How many moves of this policy may be in flight at once.').default(2),
    migrationTimeout: durationField(
      'migrationTimeout',
      SECOND_MS,
      7 * DAY_MS,
      'How long one new replica may take to be synced, 1s to 7d. Past it the move rolls back and counts as failed.',
    ).default('30m'),
    enabled: z.boolean().meta({ description: 'False: nothing new starts, and what runs finishes.' }).default(true),
    dryRun: z.boolean().meta({ description: 'True: decide and log what would move, and never act.' }).default(false),
    windows: z
      .array(windowSchema)
      .max(20, { abort: true })
      .meta({
        description:
          'When moves may start. Without windows: always. Any Allow window: only inside one. Deny wins over Allow. A move starts only if its estimated end lies inside as well.',
        'x-kubernetes-list-type': 'atomic',
      })
      .optional(),
    limits: limitsSchema
      .meta({
        description: 'Brakes on this policy. The fleet-wide maxima are settings of the migrator and hold as well.',
      })
      .prefault({}),
    metrics: metricsSchema
      .meta({ description: 'Which series hold the IOPS. Missing data is never taken for zero.' })
      .prefault({}),
    scoring: scoringSchema.meta({ description: 'How the samples of the window become one score.' }).prefault({}),
    capacity: z
      .object({
        maxPoolUsedPercent: integer(
          10,
          100,
          'Never fill a target pool beyond this share of its capacity, moves in flight counted.',
        ).default(85),
      })
      .meta({ description: 'How full target pools may become.' })
      .prefault({}),
    approval: approvalSchema.meta({ description: 'Whether a person must agree to each move.' }).prefault({}),
    moves: z
      .object({
        allowSnapshots: z
          .boolean()
          .meta({
            description:
              'True: also move volumes that have snapshots. The snapshots stay behind on the replicas that leave.',
          })
          .default(false),
        allowReducedRedundancy: z
          .boolean()
          .meta({
            description:
              'True: where every node that could take one more replica holds one already, remove one first and add its successor on the same node. Never below two healthy replicas.',
          })
          .default(false),
      })
      .meta({ description: 'Kinds of move that are off unless you opt in.' })
      .prefault({}),
  }),
  ...specRules,
).meta({ description: 'Which volumes, which tiers, when a volume moves, and what holds it back.' });

/** A spec with every default filled in. */
export type StoredSpec = z.output<typeof policySpecSchema>;
