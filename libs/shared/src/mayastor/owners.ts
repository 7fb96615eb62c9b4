import type { Volume } from './volume.ts';
import { arrayOf, isRecord, recordAt, recordOf, requiredText, textAt, textsAt } from './json-fields.ts';

/**
 * Who owns a replica, by Mayastor's own store. A count may be lowered only when every replica of the volume is owned by
 * its present target alone; an old target that was moved away keeps owning them until it is cleared.
 */
export interface ReplicaOwners {
  readonly replicaId: string;
  readonly pool: string | undefined;
  readonly volumeId: string | undefined;
  readonly nexusIds: readonly string[];
}

/** True when the volume has a target and that alone owns each of its replicas. */
export function ownedByTargetAlone(volume: Volume, owners: ReadonlyMap<string, ReplicaOwners>): boolean {
  const { target } = volume;
  if (target === undefined) return false;
  return volume.replicas.every((replica) => {
    const of = owners.get(replica.id);
    return of?.volumeId === volume.id && of.nexusIds.length === 1 && of.nexusIds[0] === target.id;
  });
}

/**
 * Reads the owners out of Mayastor's whole store, which holds every volume, so that nothing else of it is looked at.
 *
 * @throws MalformedAnswerError
 */
export function parseOwners(value: unknown, volumeId?: string): ReadonlyMap<string, ReplicaOwners> {
  const replicas = arrayOf(recordOf(value, 'the store')['replicas'], 'the replicas of the store');
  const owners = new Map<string, ReplicaOwners>();
  for (const replica of replicas) {
    if (!isRecord(replica)) continue;
    const of = recordAt(replica, 'owners');
    if (volumeId !== undefined && of['volume'] !== volumeId) continue;
    const replicaId = requiredText(replica, 'uuid', 'a replica of the store');
    owners.set(replicaId, {
      replicaId,
      pool: textAt(replica, 'pool'),
      volumeId: textAt(of, 'volume'),
      nexusIds: textsAt(of, 'nexuses'),
    });
  }
  return owners;
}
