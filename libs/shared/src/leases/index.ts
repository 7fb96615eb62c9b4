export { createLeaseCensusTaker, type LeaseCensus, type LeaseCensusTaker } from './census.ts';
export {
  createLeases,
  createMemoryLeases,
  type MemoryLeasesOptions,
  type RedisLeasesOptions,
} from './create-leases.ts';
export { RedisUnavailableError } from './errors.ts';
export type { OwnerCommand } from './lease-server.ts';
export type {
  CallPriority,
  EpochLost,
  EpochState,
  FenceAnswer,
  FenceRequest,
  Held,
  HeldAmount,
  Hold,
  HoldKey,
  HoldsAnswer,
  HoldsRequest,
  LeaseAnswer,
  LeaseGrant,
  Leases,
  RegisteredIntent,
  RenewalAnswer,
} from './leases.ts';
export {
  type CallFate,
  createMemoryLeaseServer,
  type LeaseOperations,
  type MemoryLeaseServer,
  type MemoryLeaseServerOptions,
} from './memory-lease-server.ts';
