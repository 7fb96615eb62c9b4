import type { Clock } from '../clock/index.ts';
import type { KubernetesClient } from './client.ts';
import { isStatus } from './errors.ts';
import type { KubernetesObject, Resource } from './objects.ts';

interface LeaseSpec {
  readonly holderIdentity?: string | null;
  readonly leaseDurationSeconds?: number;
  readonly acquireTime?: string;
  readonly renewTime?: string;
  readonly leaseTransitions?: number;
}

interface Lease extends KubernetesObject {
  readonly spec?: LeaseSpec;
}

export interface LeaseRecordOptions {
  readonly namespace: string;
  readonly name: string;
  readonly identity: string;
  readonly leaseDurationMs: number;
  readonly clock: Clock;
}

/** One Lease as one candidate sees and changes it. */
export interface LeaseRecord {
  /** Takes or keeps the lease if it is free, lapsed or ours; false if it is another's. Each call takes `timeoutMs` at most. */
  acquireOrRenew(signal: AbortSignal, timeoutMs: number): Promise<boolean>;
  /** Frees the lease if it is ours as far as we know. */
  release(timeoutMs: number): Promise<void>;
  /** The last known holder. */
  holder(): string | undefined;
  /** Until the lease lapses unless its holder is heard again; 0 if it is free or ours. */
  freeInMs(): number;
}

const leases: Resource = { group: 'coordination.k8s.io', version: 'v1', kind: 'Lease', plural: 'leases' };

export function createLeaseRecord(client: KubernetesClient, options: LeaseRecordOptions): LeaseRecord {
  const { namespace, name, identity, leaseDurationMs, clock } = options;
  let observed: Lease | undefined;
  /** When the observed state was first seen, on our clock: the times that the holder writes come from another one. */
  let observedAtMs = 0;

  const observe = (lease: Lease | undefined): void => {
    const isNew = lease?.metadata.resourceVersion !== observed?.metadata.resourceVersion;
    if (isNew) observedAtMs = clock.monotonicMs();
    observed = lease;
  };
  const holder = (): string | undefined => observed?.spec?.holderIdentity || undefined;
  const freeInMs = (): number => {
    if (holder() === undefined || holder() === identity) return 0;
    const durationMs = (observed?.spec?.leaseDurationSeconds ?? leaseDurationMs / 1_000) * 1_000;
    return Math.max(0, observedAtMs + durationMs - clock.monotonicMs());
  };
  const claim = (): LeaseSpec => {
    const now = microTime(clock.nowMs());
    const transitions = observed?.spec?.leaseTransitions ?? 0;
    const isOurs = holder() === identity;
    return {
      holderIdentity: identity,
      leaseDurationSeconds: leaseDurationMs / 1_000,
      acquireTime: isOurs ? (observed?.spec?.acquireTime ?? now) : now,
      renewTime: now,
      leaseTransitions: isOurs || observed === undefined ? transitions : transitions + 1,
    };
  };
  const write = async (spec: LeaseSpec, signal: AbortSignal): Promise<void> => {
    const { resourceVersion } = observed?.metadata ?? {};
    if (observed === undefined || resourceVersion === undefined) {
      observe(await client.create<Lease>(leases, { name, namespace }, { spec }, signal));
    } else {
      observe(await client.replace<Lease>(leases, { ...observed, spec }, { signal }));
    }
  };

  return {
    acquireOrRenew: async (signal, timeoutMs) => {
      const bounded = (): AbortSignal => AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
      // A leader writes at once, on what it wrote last; only a candidate, or one that was refused, has to look first.
      for (let mustRead = holder() !== identity; ; mustRead = true) {
        if (mustRead) observe(await client.get<Lease>(leases, { name, namespace }, bounded()));
        if (freeInMs() > 0) return false;
        try {
          await write(claim(), bounded());
          return true;
        } catch (error) {
          if (!isStatus(error, 409) && !isStatus(error, 404)) throw error;
          if (mustRead) return false;
        }
      }
    },
    release: async (timeoutMs) => {
      if (holder() !== identity) return;
      const freed = {
        ...observed?.spec,
        holderIdentity: '',
        leaseDurationSeconds: 1,
        renewTime: microTime(clock.nowMs()),
      };
      await write(freed, AbortSignal.timeout(timeoutMs));
    },
    holder,
    freeInMs,
  };
}

/** The API's MicroTime has six digits of a second. */
function microTime(timeMs: number): string {
  return new Date(timeMs).toISOString().replace('Z', '000Z');
}
