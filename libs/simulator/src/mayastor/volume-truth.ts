import type { Volume } from './entities.ts';

/** The truth about a volume, for whoever checks what a controller did to it. */
export interface VolumeTruth {
  readonly uuid: string;
  readonly replicaCount: number;
  readonly busy: boolean;
  /** What holds it. */
  readonly operation: string | undefined;
  readonly target: { readonly node: string; readonly nexus: string; readonly exists: boolean } | undefined;
  readonly replicas: readonly {
    readonly uuid: string;
    readonly pool: string;
    readonly node: string;
    readonly synced: boolean;
    readonly rebuilding: boolean;
    readonly inNexus: boolean;
    readonly nexusOwners: readonly string[];
  }[];
}

export function truthOf(volume: Volume | undefined): VolumeTruth | undefined {
  if (volume === undefined) return undefined;
  const { target } = volume;
  return {
    uuid: volume.uuid,
    replicaCount: volume.replicaCount,
    busy: volume.operation !== undefined,
    operation: volume.operation?.name,
    target:
      target === undefined
        ? undefined
        : { node: target.node.id, nexus: target.nexus.uuid, exists: target.nexus.exists },
    replicas: [...volume.replicas].map((replica) => ({
      uuid: replica.uuid,
      pool: replica.pool.id,
      node: replica.pool.node.id,
      synced: replica.synced,
      rebuilding: replica.rebuild !== undefined,
      inNexus: target?.nexus.children.some((child) => child.replica === replica) === true,
      nexusOwners: [...replica.nexusOwners],
    })),
  };
}
