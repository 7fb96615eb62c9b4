import type { NodeObserved, PoolObserved, VolumeObserved } from '@couchestor/shared/messages';
import type { PolicySpec, Tier } from '@couchestor/shared/policy';
import type { Hold } from './decision.ts';

/** The first version of Mayastor that lets a single-replica volume of an affinity group shrink back from two. */
const AFFINITY_SHRINK_SINCE = [2, 9] as const;

/** Why a volume, whole as it may look, must not be given a replica more and one less. Undefined if nothing speaks against it. */
export function healthHold(
  volume: VolumeObserved,
  nodes: ReadonlyMap<string, NodeObserved>,
  mayastorVersions: readonly string[],
  moves: PolicySpec['moves'],
): Hold | undefined {
  return (
    readinessHold(volume) ??
    snapshotHold(volume, moves) ??
    affinityHold(volume, mayastorVersions) ??
    redundancyHold(volume) ??
    nodeHold(volume, nodes)
  );
}

function readinessHold(volume: VolumeObserved): Hold | undefined {
  const { persistentVolume, specStatus, selfHeal, replicaCount, targetNode } = volume;
  const notReady = (message: string): Hold => ({ reason: 'VolumeNotReady', message });
  if (persistentVolume !== undefined && persistentVolume.phase !== 'Bound') {
    return notReady(`Its PersistentVolume is ${persistentVolume.phase}, not Bound.`);
  }
  if (specStatus !== 'Created') return notReady(`Mayastor shows it as ${specStatus}, not Created.`);
  if (!selfHeal) return notReady('Its self-heal is off, so that Mayastor would not fill a new replica.');
  if (replicaCount < 1) return notReady('It is meant to have no replica.');
  if (targetNode === undefined) {
    return { reason: 'NotPublished', message: 'It has no target, so that a new replica would not be filled.' };
  }
  return undefined;
}

function snapshotHold({ snapshotCount, fromSnapshot }: VolumeObserved, moves: PolicySpec['moves']): Hold | undefined {
  if (moves.allowSnapshots || (snapshotCount === 0 && !fromSnapshot)) return undefined;
  const has = snapshotCount === 0 ? 'It was made from a snapshot' : `It has ${snapshotCount} snapshots`;
  return { reason: 'HasSnapshots', message: `${has}, which a move would leave behind; moves.allowSnapshots is off.` };
}

function affinityHold(
  { affinityGroup, replicaCount }: VolumeObserved,
  mayastorVersions: readonly string[],
): Hold | undefined {
  if (affinityGroup === undefined || replicaCount !== 1) return undefined;
  const old = mayastorVersions.find((version) => !atLeast(version, AFFINITY_SHRINK_SINCE));
  if (old === undefined && mayastorVersions.length > 0) return undefined;
  const message = `It belongs to the affinity group ${affinityGroup}; Mayastor ${old ?? 'of an unknown version'} would not let it shrink again.`;
  return { reason: 'AffinityGroupRestricted', message };
}

function redundancyHold(volume: VolumeObserved): Hold | undefined {
  const degraded = (message: string): Hold => ({ reason: 'VolumeDegraded', message });
  const { status, rebuilding, replicas, replicaCount } = volume;
  if (status === 'Unknown' || status === 'Shutdown') {
    return { reason: 'VolumeNotReady', message: `Its status is ${status}.` };
  }
  if (status !== 'Online') return degraded(`Its status is ${status}.`);
  if (rebuilding) return degraded('A replica of it is being rebuilt.');
  if (replicas.length !== replicaCount) {
    return degraded(`It has ${replicas.length} replicas and is meant to have ${replicaCount}.`);
  }
  const ill = replicas.find(
    ({ state, childState, node, pool }) =>
      state !== 'Online' || childState !== 'Online' || node === undefined || pool === undefined,
  );
  if (ill === undefined) return undefined;
  const seen = ill.childState === undefined ? 'not used by its target' : `${ill.childState} for its target`;
  return degraded(`The replica ${ill.replicaId} on ${ill.pool ?? 'an unknown pool'} is ${ill.state} and ${seen}.`);
}

function nodeHold(volume: VolumeObserved, nodes: ReadonlyMap<string, NodeObserved>): Hold | undefined {
  const involved = new Set([volume.targetNode, ...volume.replicas.map(({ node }) => node)]);
  for (const name of [...involved].filter((name) => name !== undefined).sort()) {
    const node = nodes.get(name);
    if (node === undefined || node.status !== 'Online') {
      return { reason: 'VolumeDegraded', message: `The node ${name} is ${node?.status ?? 'not known'}.` };
    }
    if (node.draining) return { reason: 'VolumeNotReady', message: `The node ${name} is being drained.` };
    // To remove a replica, its node alone among those of the volume must be cordoned. A single replica is the one to go
    // anyway; of several, each is one that stays while another goes.
    const holdsReplica = volume.replicas.some((replica) => replica.node === name);
    if (volume.replicaCount > 1 && holdsReplica && node.cordonLabels.length > 0) {
      return { reason: 'VolumeNotReady', message: `The node ${name}, which holds a replica of it, is cordoned.` };
    }
  }
  return undefined;
}

/**
 * A replica that stays while another goes must lie on no cordoned pool, or Mayastor might remove it instead. One alone
 * that is to leave can go first.
 *
 * @param replicaTiers of its replicas, in their order
 */
export function cordonHold(
  { replicas }: VolumeObserved,
  replicaTiers: readonly (Tier | undefined)[],
  to: Tier,
  pools: ReadonlyMap<string, PoolObserved>,
): Hold | undefined {
  const isClosed = replicas.map(({ pool }) => pool !== undefined && pools.get(pool)?.cordoned === true);
  const staying = isClosed.findIndex((closed, index) => closed && replicaTiers[index] === to);
  const inTheWay = staying >= 0 || isClosed.filter(Boolean).length < 2 ? staying : isClosed.lastIndexOf(true);
  if (inTheWay < 0) return undefined;
  const message = `The pool ${replicas[inTheWay]?.pool}, which holds a replica of it that stays while another goes, is cordoned.`;
  return { reason: 'VolumeNotReady', message };
}

function atLeast(version: string, [major, minor]: readonly [number, number]): boolean {
  const match = /^v?(\d+)\.(\d+)/.exec(version);
  if (match === null) return false;
  const [actualMajor, actualMinor] = [Number(match[1]), Number(match[2])];
  return actualMajor > major || (actualMajor === major && actualMinor >= minor);
}
