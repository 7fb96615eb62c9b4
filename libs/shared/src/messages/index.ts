export {
  catalog,
  messageNames,
  type MessageData,
  type MessageName,
  type MigrationEventName,
  type StateName,
} from './catalog.ts';
export { DEAD_LETTER_BYTES_MAX, deadLetterSchema, type StoredDeadLetter } from './dead-letter.ts';
export {
  decodeMessage,
  encodeMessage,
  encodeTombstone,
  eventType,
  isTombstone,
  MalformedMessageError,
  MESSAGE_BYTES_MAX,
  tombstoneType,
  type Message,
  type MessageHead,
  type Tombstone,
} from './envelope.ts';
export {
  decisionReasons,
  unknownReasons,
  type ClusterObserved,
  type DecisionMade,
  type DecisionReason,
  type MoverObserved,
  type NodeObserved,
  type ObservedPersistentVolume,
  type ObservedReplica,
  type PolicyEvaluated,
  type PolicyObserved,
  type PoolObserved,
  type Score,
  type UnknownReason,
  type VolumeObserved,
} from './facts.ts';
export { migrationIdOf, nodeToken, proposalIdOf, uuidV5, type Proposal } from './ids.ts';
export {
  cordonLabelOf,
  heartbeatSchema,
  intentSchema,
  isOurCordonLabel,
  type ActiveIntent,
  type EndedIntent,
  type Heartbeat,
  type Intent,
  type ReplicaPlace,
  type Round,
} from './intent.ts';
export {
  failureReasons,
  refusalReasons,
  type FailureReason,
  type MigrationAborted,
  type MigrationAccepted,
  type MigrationCompleted,
  type MigrationFailed,
  type MigrationNeedsAttention,
  type MigrationRefused,
  type MigrationReplicaAdded,
  type MigrationReplicaRemoved,
  type MigrationRequested,
  type MigrationSynced,
  type RefusalReason,
} from './migration.ts';
export { buckets, PERMIT_KEY, streams, type StreamDefinition } from './streams.ts';
export {
  deadLetterSubject,
  idOfSubject,
  subjectFilterOf,
  subjectOf,
  subjectToken,
  type SubjectToken,
} from './subjects.ts';
export { childSpan, formatTraceparent, parseTraceparent, startTrace, type RandomHex, type Trace } from './trace.ts';
