export { type ChangeOperation, classify, probeOf } from './classification.ts';
export { MayastorUnavailableError } from './errors.ts';
export { type ClusterFeatures, featuresOf } from './features.ts';
export type { CallKind, CallOptions, ChangeOptions, IdleProbe, MayastorClient } from './mayastor-client.ts';
export type { Nexus, NexusChild, NexusChildState, NexusState } from './nexus.ts';
export type { MayastorNode, NodeStatus } from './node.ts';
export type { Done, Outcome, RefusalCode, Refused, Unknown } from './outcome.ts';
export { ownedByTargetAlone, type ReplicaOwners } from './owners.ts';
export type { Pool, PoolCordon, PoolStatus } from './pool.ts';
export { CALL_LIFE_MAX_MS, SLOT_TAKEN_MAX_MS } from './call-life.ts';
export type { Pace } from './paced-sender.ts';
export { createRateLimiter, type RateLimiter, type RateLimiterOptions } from './rate-limiter.ts';
export { createMayastorClient, type MayastorClientOptions } from './rest-client.ts';
export type { HttpAnswer, HttpRequest, Transport } from './transport.ts';
export type { SpecStatus } from './spec-status.ts';
export { versionAtLeast } from './version.ts';
export type {
  ChildStatus,
  LabelRequirement,
  ReplicaState,
  Volume,
  VolumeReplica,
  VolumeStatus,
  VolumeTopology,
} from './volume.ts';
