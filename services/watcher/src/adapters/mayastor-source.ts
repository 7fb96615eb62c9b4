import type { LabelRequirement, MayastorClient, MayastorNode, Pool, Volume } from '@couchestor/shared/mayastor';
import type { NodeReading, PoolReading, VolumeAnswer, VolumeReading } from '../core/objects.ts';
import { upToPercentStep } from '../core/steps.ts';
import type { MayastorSource } from '../ports.ts';
import { createSharedText } from './shared-text.ts';

/** Names of nodes and pools, which many volumes share. */
const shared = createSharedText();

/** Volumes handed on at a time: to look at a page of 500 at once would stop everything else for a while. */
const PIECE = 50;

export function createMayastorSource(client: MayastorClient): MayastorSource {
  return {
    volumePages: async function* (signal) {
      for await (const page of client.volumePages({ signal })) {
        for (let first = 0; first < page.length; first += PIECE) yield page.slice(first, first + PIECE).map(readAnswer);
      }
    },
    volume: async (volumeId, signal) => {
      const volume = await client.getVolume(volumeId, { signal });
      return volume === undefined ? undefined : readAnswer(volume);
    },
    pools: async (signal) => new Map((await client.listPools({ signal })).map((pool) => [pool.id, readPool(pool)])),
    nodes: async (signal) => new Map((await client.listNodes({ signal })).map((node) => [node.id, readNode(node)])),
  };
}

export function readAnswer(volume: Volume): VolumeAnswer {
  const rebuilds = volume.replicas.flatMap(({ id, rebuildPercent }) =>
    rebuildPercent === undefined ? [] : [[id, rebuildPercent] as const],
  );
  const reading = readVolume(volume);
  return rebuilds.length === 0 ? { reading } : { reading, rebuilds: Object.fromEntries(rebuilds) };
}

export function readVolume(volume: Volume): VolumeReading {
  const { replicas, sizeBytes, target, topology } = volume;
  const targetNode = target?.node ?? volume.publishedOn;
  const allocations = replicas.flatMap(({ allocatedBytes }) => allocatedBytes ?? []);
  const shownTopology = readTopology(topology);
  return {
    volumeId: volume.id,
    sizeBytes,
    thin: volume.thin || volume.asThin,
    replicaCount: volume.replicaCount,
    specStatus: volume.specStatus,
    status: volume.status,
    selfHeal: volume.selfHeal,
    ...(targetNode === undefined ? {} : { targetNode: shared(targetNode) }),
    rebuilding: (target?.rebuilds ?? 0) > 0 || replicas.some(({ rebuildPercent }) => rebuildPercent !== undefined),
    // Where Mayastor does not say how many there are, one is assumed: what is unknown must not move.
    snapshotCount: volume.snapshotCount ?? 1,
    fromSnapshot: volume.restored,
    ...(volume.affinityGroup === undefined ? {} : { affinityGroup: volume.affinityGroup }),
    encrypted: volume.encrypted,
    ...(allocations.length === 0 ? {} : { allocatedBytes: upToPercentStep(Math.max(...allocations), sizeBytes) }),
    ...(shownTopology === undefined ? {} : { topology: shownTopology }),
    replicas: replicas.map(({ id: replicaId, node, pool, state, childStatus }) => ({
      replicaId,
      ...(node === undefined ? {} : { node: shared(node) }),
      ...(pool === undefined ? {} : { pool: shared(pool) }),
      state,
      ...(childStatus === undefined ? {} : { childState: childStatus }),
    })),
  };
}

function readTopology({ poolLabels, nodeLabels, allowedNodes }: Volume['topology']): VolumeReading['topology'] {
  const topology = {
    ...labelsAs('poolInclusion', poolLabels.inclusion),
    ...labelsAs('nodeInclusion', nodeLabels.inclusion),
    ...labelsAs('nodeExclusion', nodeLabels.exclusion),
    ...(allowedNodes.length === 0 ? {} : { allowedNodes: [...allowedNodes] }),
  };
  return Object.keys(topology).length === 0 ? undefined : topology;
}

function labelsAs<K extends string>(
  key: K,
  labels: LabelRequirement['inclusion'],
): { [P in K]?: Record<string, string> } {
  return Object.keys(labels).length === 0 ? {} : ({ [key]: { ...labels } } as { [P in K]?: Record<string, string> });
}

export function readPool(pool: Pool): PoolReading {
  return {
    name: pool.id,
    node: pool.node ?? '',
    labels: pool.labels,
    status: pool.status,
    capacityBytes: pool.capacityBytes ?? 0,
    usedBytes: pool.usedBytes ?? 0,
    committedBytes: pool.committedBytes ?? 0,
    cordoned: pool.cordoned.replicas || pool.draining,
    encrypted: pool.encrypted,
  };
}

export function readNode({ id, status, version, labels, cordonLabels, drainLabels }: MayastorNode): NodeReading {
  return {
    name: id,
    status,
    version,
    labels,
    cordonLabels: [...new Set([...cordonLabels, ...drainLabels])],
    draining: drainLabels.length > 0,
  };
}
