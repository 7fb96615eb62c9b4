import type { z } from 'zod';
import {
  clusterObservedSchema,
  decisionMadeSchema,
  moverObservedSchema,
  nodeObservedSchema,
  policyEvaluatedSchema,
  policyObservedSchema,
  poolObservedSchema,
  volumeObservedSchema,
} from './facts.ts';
import {
  migrationAbortedSchema,
  migrationAcceptedSchema,
  migrationCompletedSchema,
  migrationFailedSchema,
  migrationNeedsAttentionSchema,
  migrationRefusedSchema,
  migrationReplicaAddedSchema,
  migrationReplicaRemovedSchema,
  migrationRequestedSchema,
  migrationSyncedSchema,
} from './migration.ts';

type Producer = 'watcher' | 'scorer' | 'migrator';

type Stream = 'COUCHESTOR_STATE' | 'COUCHESTOR_EVENTS' | 'COUCHESTOR_COMMANDS';

interface Entry<S extends z.ZodType, T extends Stream> {
  readonly schema: S;
  readonly stream: T;
  readonly producer: Producer;
  /** What the last token of the subject is. */
  readonly id: string;
  readonly summary: string;
}

function entry<S extends z.ZodType, const T extends Stream>(
  schema: S,
  stream: T,
  producer: Producer,
  id: string,
  summary: string,
): Entry<S, T> {
  return { schema, stream, producer, id, summary };
}

const STATE = 'COUCHESTOR_STATE' as const;
const EVENTS = 'COUCHESTOR_EVENTS' as const;

/** Every message there is. A name is the part of the subject between `couchestor.v1.` and the id. */
export const catalog = {
  'policy.observed': entry(
    policyObservedSchema,
    STATE,
    'watcher',
    'policy UID',
    'A StoragePolicy as Kubernetes holds it.',
  ),
  'policy.evaluated': entry(policyEvaluatedSchema, STATE, 'scorer', 'policy UID', 'What the scorer makes of a policy.'),
  'volume.observed': entry(
    volumeObservedSchema,
    STATE,
    'watcher',
    'volume UUID',
    'A volume with its PersistentVolume.',
  ),
  'decision.made': entry(
    decisionMadeSchema,
    STATE,
    'scorer',
    'volume UUID',
    'Where a volume belongs, and why it moves or stays.',
  ),
  'pool.observed': entry(poolObservedSchema, STATE, 'watcher', 'DiskPool UID', 'A pool, its labels and its space.'),
  'node.observed': entry(nodeObservedSchema, STATE, 'watcher', 'hash of the node name', 'A node of Mayastor.'),
  'cluster.observed': entry(clusterObservedSchema, STATE, 'watcher', 'cluster', 'Versions, and whether all is paused.'),
  'mover.observed': entry(
    moverObservedSchema,
    STATE,
    'migrator',
    'migrator instance',
    'What a migrator can do and holds.',
  ),
  'migration.accepted': entry(migrationAcceptedSchema, EVENTS, 'migrator', 'migration id', 'A move has begun.'),
  'migration.refused': entry(migrationRefusedSchema, EVENTS, 'migrator', 'migration id', 'A request was not taken up.'),
  'migration.replica-added': entry(
    migrationReplicaAddedSchema,
    EVENTS,
    'migrator',
    'migration id',
    'A new replica exists on a target pool and is being filled.',
  ),
  'migration.synced': entry(
    migrationSyncedSchema,
    EVENTS,
    'migrator',
    'migration id',
    'The new replica holds all data.',
  ),
  'migration.replica-removed': entry(
    migrationReplicaRemovedSchema,
    EVENTS,
    'migrator',
    'migration id',
    'The source replica is gone.',
  ),
  'migration.completed': entry(
    migrationCompletedSchema,
    EVENTS,
    'migrator',
    'migration id',
    'The volume is on its tier.',
  ),
  'migration.failed': entry(
    migrationFailedSchema,
    EVENTS,
    'migrator',
    'migration id',
    'The move ended without reaching its tier; nothing is left behind.',
  ),
  'migration.aborted': entry(
    migrationAbortedSchema,
    EVENTS,
    'migrator',
    'migration id',
    'The move was rolled back, or its volume is gone.',
  ),
  'migration.needs-attention': entry(
    migrationNeedsAttentionSchema,
    EVENTS,
    'migrator',
    'migration id',
    'The move rests in a state that a person should look at.',
  ),
  'migration.requested': entry(
    migrationRequestedSchema,
    'COUCHESTOR_COMMANDS',
    'scorer',
    'volume UUID',
    'Please move this volume.',
  ),
} as const;

export type MessageName = keyof typeof catalog;
export type MessageData<N extends MessageName> = z.output<(typeof catalog)[N]['schema']>;
export type StateName = {
  [N in MessageName]: (typeof catalog)[N]['stream'] extends 'COUCHESTOR_STATE' ? N : never;
}[MessageName];
export type MigrationEventName = {
  [N in MessageName]: (typeof catalog)[N]['stream'] extends 'COUCHESTOR_EVENTS' ? N : never;
}[MessageName];

export const messageNames = Object.keys(catalog) as readonly MessageName[];
