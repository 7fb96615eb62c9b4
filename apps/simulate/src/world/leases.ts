import {
  createMemoryLeases,
  RedisUnavailableError,
  type LeaseOperations,
  type Leases,
  type MemoryLeaseServer,
} from '@couchestor/shared/leases';
import type { Network } from './network.ts';
import type { SimulatedProcess } from './process.ts';

export const LEASE_TTL_MS = 15_000;
const COMMAND_TIMEOUT_MS = 1_000;

/** Redis as one process reaches it: each script runs at the server as a whole, and its answer may never come. */
export function leasesOf(
  process: SimulatedProcess,
  network: Network,
  server: MemoryLeaseServer,
  settings: { readonly ttlMs: number; readonly callsPerSecond: number },
): Leases {
  /** The server does what it is asked in the moment in which it is asked; its promise only carries the reply. */
  const remote =
    <N extends Operation>(name: N) =>
    async (...args: Parameters<MemoryLeaseServer[N]>): Promise<Awaited<ReturnType<MemoryLeaseServer[N]>>> => {
      const operation = server[name] as (...given: typeof args) => ReturnType<MemoryLeaseServer[N]>;
      const reply = await network.askOnce(process, `redis ${name}`, () => ({ done: operation(...args) }), {
        timeoutMs: COMMAND_TIMEOUT_MS,
        timedOut: () => new RedisUnavailableError(name, 'no answer in time'),
      });
      return await reply.done;
    };
  return createMemoryLeases({
    clock: process.clock,
    ...settings,
    server: {
      acquireLease: remote('acquireLease'),
      renewLease: remote('renewLease'),
      releaseLease: remote('releaseLease'),
      hold: remote('hold'),
      releaseHolds: remote('releaseHolds'),
      register: remote('register'),
      epoch: remote('epoch'),
      acquireFence: remote('acquireFence'),
      renewFence: remote('renewFence'),
      releaseFence: remote('releaseFence'),
      takeCall: remote('takeCall'),
      ping: remote('ping'),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    },
  });
}

type Operation = keyof LeaseOperations;
