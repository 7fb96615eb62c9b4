export { MayastorUnavailableError } from './errors.ts';
export type { CallKind, CallOptions, ChangeOptions, IdleProbe, MayastorClient } from './mayastor-client.ts';
export type { Nexus, NexusChild, NexusChildState, NexusState } from './nexus.ts';
export type { MayastorNode, NodeStatus } from './node.ts';
export type { Done, Outcome, RefusalCode, Refused, Unknown } from './outcome.ts';
export type { ReplicaOwners } from './owners.ts';
export type { Pool, PoolCordon, PoolStatus } from './pool.ts';
export type { RateLimiter, RateLimiterOptions } from './rate-limiter.ts';
export type {
  ChildStatus,
  LabelRequirement,
  ReplicaState,
  SpecStatus,
  Volume,
  VolumeReplica,
  VolumeStatus,
  VolumeTopology,
} from './volume.ts';
