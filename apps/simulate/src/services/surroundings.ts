import type { Clock } from '@couchestor/shared/clock';
import type { MemoryLeaseServer } from '@couchestor/shared/leases';
import type { SimulatedBus } from '../bus/simulated-bus.ts';
import type { SimulatedKubernetes } from '../world/kubernetes.ts';
import type { MayastorRoad } from '../world/mayastor.ts';
import type { Network } from '../world/network.ts';
import type { Arrivals, createHandler } from '../cores/mayastor-calls.ts';
import type { Ways } from '../cores/ways.ts';
import type { MayastorModel } from '@couchestor/simulator/mayastor';
import type { SimulatedProcess } from '../world/process.ts';
import type { Profile } from '../world/profile.ts';
import type { SimulatedPrometheus } from '../world/prometheus.ts';

/** Everything that a service reaches from inside its process. */
export interface Surroundings {
  readonly clock: Clock;
  readonly profile: Profile;
  readonly network: Network;
  readonly bus: SimulatedBus;
  readonly kubernetes: SimulatedKubernetes;
  readonly prometheus: SimulatedPrometheus;
  readonly mayastor: MayastorRoad;
  readonly leaseServer: MemoryLeaseServer;
  /** For services that are cores and little else. */
  readonly core: {
    readonly waysOf: (process: SimulatedProcess) => Ways;
    readonly model: MayastorModel;
    readonly handle: ReturnType<typeof createHandler>;
    readonly arrivals: Arrivals;
    /** Told when the fence is given back. */
    readonly fenceWaiters: Set<() => void>;
  };
  /** Told what a migrator has heard of the pause. */
  readonly onHeard: (process: SimulatedProcess, paused: boolean) => void;
}

/** Runs one service in one process until the signal, then ends it in good order. Rejects only for a defect. */
export type Service = (process: SimulatedProcess, surroundings: Surroundings, signal: AbortSignal) => Promise<void>;

export const CALL_TIMEOUT_MS = 5_000;
export const LATE_EFFECT_MS = 30_000;
