import type { Bus } from '@couchestor/shared/bus';
import type { ObservedWorld } from '../ports.ts';

const names = ['policy.observed', 'volume.observed', 'pool.observed', 'cluster.observed'] as const;

/** The watcher's facts, kept current until the signal. */
export async function observeWorld(bus: Bus, signal: AbortSignal): Promise<ObservedWorld> {
  const tables = await bus.openFacts(names, { signal });
  return {
    policy: (policyId) => tables.of('policy.observed').get(policyId)?.data,
    volume: (volumeId) => tables.of('volume.observed').get(volumeId)?.data,
    pools: () => [...tables.of('pool.observed').values()].map((fact) => fact.data),
    cluster: () => tables.of('cluster.observed').get('cluster')?.data,
    synced: () => names.every((name) => tables.synced(name)),
  };
}
