import type { PoolObserved } from '@couchestor/shared/messages';
import type { DiskPoolObject, PoolReading } from './objects.ts';
import type { Sightings } from './sightings.ts';
import { upToPercentStep } from './steps.ts';

/**
 * The facts of all pools by the UID of their DiskPool. The DiskPool is what tier selectors look at, so a pool that only
 * Mayastor knows has no fact (a replica on it is on no tier), and a DiskPool that Mayastor does not know is `Absent`.
 * A DiskPool of which neither is proven yet is left out.
 * @param isOurCordon whether a cordon of that pool is, or may still be, ours
 */
export function poolFacts(
  diskPools: Iterable<DiskPoolObject>,
  readings: Sightings<PoolReading>,
  isOurCordon: (pool: string) => boolean,
): Map<string, PoolObserved> {
  const facts = new Map<string, PoolObserved>();
  for (const diskPool of oneForEachName(diskPools)) {
    const { diskPoolId, name, labels } = diskPool;
    const seen = readings.look(name);
    switch (seen.kind) {
      case 'present':
        facts.set(diskPoolId, { diskPoolId, labels, ...shown(seen.value, isOurCordon) });
        break;
      case 'absent':
        facts.set(diskPoolId, { diskPoolId, name, node: diskPool.node, labels, ...nothing });
        break;
      case 'unproven':
        break;
    }
  }
  return facts;
}

const nothing = {
  mayastorLabels: {},
  status: 'Absent',
  capacityBytes: 0,
  usedBytes: 0,
  committedBytes: 0,
  cordoned: false,
} as const;

function shown(
  { name, node, labels, status, capacityBytes, usedBytes, committedBytes, cordoned, encrypted }: PoolReading,
  isOurCordon: (pool: string) => boolean,
): Omit<PoolObserved, 'diskPoolId' | 'labels'> {
  return {
    name,
    node,
    mayastorLabels: labels,
    status,
    capacityBytes,
    usedBytes: upToPercentStep(usedBytes, capacityBytes),
    committedBytes: upToPercentStep(committedBytes, capacityBytes),
    cordoned: cordoned && !isOurCordon(name),
    ...(encrypted === undefined ? {} : { encrypted }),
  };
}

/** Two namespaces may hold DiskPools of one name, but Mayastor has one pool of it: the older DiskPool stands for it. */
function oneForEachName(diskPools: Iterable<DiskPoolObject>): Iterable<DiskPoolObject> {
  const byName = new Map<string, DiskPoolObject>();
  for (const diskPool of diskPools) {
    const other = byName.get(diskPool.name);
    if (
      other === undefined ||
      diskPool.createdAtMs < other.createdAtMs ||
      (diskPool.createdAtMs === other.createdAtMs && diskPool.diskPoolId < other.diskPoolId)
    ) {
      byName.set(diskPool.name, diskPool);
    }
  }
  return byName.values();
}
