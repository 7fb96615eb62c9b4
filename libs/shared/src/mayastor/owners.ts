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
