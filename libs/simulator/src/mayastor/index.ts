export type { ErrorBody, ErrorKind } from './errors.ts';
export type { CallFault, CallHook, CallSeen, EngineDelayHook, Faults } from './faults.ts';
export type {
  Ledger,
  MutatingCall,
  RebuildMaxima,
  RedundancyChange,
  RedundancyViolation,
  VolumeRedundancy,
} from './ledger.ts';
export type { Load, LoadProfile, LoadShape } from './load.ts';
export { createMayastorModel, type MayastorModel } from './model.ts';
export type { NewNode, NewPool } from './nodes-and-pools.ts';
export type { Choose, MayastorModelOptions, MayastorTimers, MayastorVersion, OpenChoice } from './options.ts';
export type { MayastorAnswer, MayastorRequest } from './route.ts';
export { defaultMetricsPort, defaultRestPort, serveMayastor, serveMetrics, type Listening } from './serve.ts';
export type { Shown } from './shown.ts';
export { serveTruth } from './serve-truth.ts';
export type { VolumeTruth } from './volume-truth.ts';
export type { VolumeToCreate } from './world-building.ts';
export type { Cause } from './cause.ts';
