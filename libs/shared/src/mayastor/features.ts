import type { MayastorNode } from './node.ts';
import { lowestVersion, versionAtLeast } from './version.ts';

/** What this cluster can do for a mover. */
export interface ClusterFeatures {
  /** Of its nodes; undefined while one of them has not said. */
  readonly lowestVersion: string | undefined;
  /** Nodes run different versions: an upgrade is under way. */
  readonly mixedVersions: boolean;
  /** A single pool can be closed to new replicas. */
  readonly poolCordon: boolean;
  /** A shrink prefers the replica on a cordoned node. Proven for no release, so the victim is verified all the same. */
  readonly nodeCordonSteers: boolean;
  /** A shrink takes the child that was removed and is being rebuilt: observed on 2.7, where node cordons do not steer. */
  readonly childRemovalSteers: boolean;
}

/** `poolCordonSupported` is what the probe of the route said. */
export function featuresOf(nodes: readonly MayastorNode[], poolCordonSupported: boolean): ClusterFeatures {
  const versions = nodes.map(({ version }) => version);
  const lowest = lowestVersion(versions);
  const since210 = versionAtLeast(lowest, '2.10');
  return {
    lowestVersion: lowest,
    mixedVersions: new Set(versions).size > 1,
    poolCordon: poolCordonSupported && lowest !== undefined,
    nodeCordonSteers: since210,
    childRemovalSteers: versionAtLeast(lowest, '2.7') && !since210,
  };
}
