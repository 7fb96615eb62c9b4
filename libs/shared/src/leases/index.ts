export { RedisUnavailableError } from './errors.ts';
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
