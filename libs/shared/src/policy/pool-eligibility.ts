import { MIB } from '../units/index.ts';
import type { Labels } from './label-selector.ts';

/**
 * Which pools Mayastor would take for a new replica of a volume (its filters, `capacity` as the control plane counts
 * it), and which of them we want. The scorer asks in order to propose, the migrator again just before it acts.
 */

export interface PlacementPool {
  readonly name: string;
  readonly node: string;
  readonly online: boolean;
  readonly cordoned: boolean;
  readonly capacityBytes: number;
  readonly usedBytes: number;
  readonly committedBytes: number;
  /** Labels known to Mayastor, not those of the DiskPool's metadata. */
  readonly mayastorLabels: Labels;
  readonly encrypted?: boolean;
}

export interface PlacementNode {
  readonly name: string;
  readonly online: boolean;
  /** Cordoned by anybody, or draining. */
  readonly cordoned: boolean;
  readonly labels: Labels;
}

export interface PlacementVolume {
  readonly sizeBytes: number;
  readonly thin: boolean;
  /** What its fullest replica has allocated; unknown counts as all of it. */
  readonly allocatedBytes?: number;
  readonly encrypted?: boolean;
  readonly topology?: {
    readonly poolInclusion?: Labels;
    readonly nodeInclusion?: Labels;
    readonly nodeExclusion?: Labels;
    readonly allowedNodes?: readonly string[];
  };
}

export const poolRefusals = [
  'NodeUnknown',
  'NodeOffline',
  'NodeCordoned',
  'NodeOccupied',
  'NodeNotAllowed',
  'NodeTopology',
  'PoolNotOnline',
  'PoolCordoned',
  'PoolTooSmall',
  'PoolTopology',
  'Encryption',
  'NoSpace',
  'OverCommitted',
  'AboveCapacityLimit',
  'FewerZones',
] as const;
export type PoolRefusal = (typeof poolRefusals)[number];

/** Refusals that last: nothing that happens to other volumes, cordons or nodes lifts them. */
const lasting: ReadonlySet<PoolRefusal> = new Set([
  'NodeNotAllowed',
  'NodeTopology',
  'PoolTooSmall',
  'PoolTopology',
  'Encryption',
]);
export const refusalLasts = (refusal: PoolRefusal): boolean => lasting.has(refusal);

/** Refusals that come from the volume's topology, which cannot be changed. */
const topological: ReadonlySet<PoolRefusal> = new Set(['NodeNotAllowed', 'NodeTopology', 'PoolTopology']);
export const refusalIsTopology = (refusal: PoolRefusal): boolean => topological.has(refusal);

const THIN_FREE_MIN_BYTES = 16 * MIB;
/** Mayastor's defaults: a thin pool may be committed 2.5-fold; a new thin replica wants 40 % of the size to spare. */
const POOL_COMMITMENT = 2.5;
const VOLUME_COMMITMENT = 0.4;
/** From 2.12 each replica reserves 8 MiB more than its size. */
const REPLICA_OVERHEAD_BYTES = 8 * MIB;

/** Why Mayastor would not put a new replica of the volume on the pool; undefined if it would. */
export function poolRefusal(
  volume: PlacementVolume,
  pool: PlacementPool,
  node: PlacementNode | undefined,
  occupiedNodes: ReadonlySet<string>,
): PoolRefusal | undefined {
  const topology = volume.topology ?? {};
  if (node === undefined) return 'NodeUnknown';
  if (
    topology.allowedNodes !== undefined &&
    topology.allowedNodes.length > 0 &&
    !topology.allowedNodes.includes(pool.node)
  ) {
    return 'NodeNotAllowed';
  }
  if (!fitsNode(volume, node)) return 'NodeTopology';
  if (!fitsPool(volume, pool)) return 'PoolTopology';
  if (volume.encrypted === true && pool.encrypted !== true) return 'Encryption';
  if (pool.capacityBytes <= volume.sizeBytes && pool.capacityBytes > 0) return 'PoolTooSmall';
  if (!node.online) return 'NodeOffline';
  if (node.cordoned) return 'NodeCordoned';
  if (occupiedNodes.has(pool.node)) return 'NodeOccupied';
  if (!pool.online || pool.capacityBytes === 0) return 'PoolNotOnline';
  if (pool.cordoned) return 'PoolCordoned';
  const freeBytes = pool.capacityBytes - pool.usedBytes;
  const reservedBytes = volume.sizeBytes + REPLICA_OVERHEAD_BYTES;
  if (!volume.thin) return freeBytes > reservedBytes ? undefined : 'NoSpace';
  if (pool.committedBytes + reservedBytes > POOL_COMMITMENT * pool.capacityBytes) return 'OverCommitted';
  return freeBytes > thinNeedBytes(volume) ? undefined : 'NoSpace';
}

/** Bytes that a copy of the volume will take on its pool: all of a thick one, what is allocated of a thin one. */
export function copyBytes(volume: PlacementVolume): number {
  if (!volume.thin) return volume.sizeBytes + REPLICA_OVERHEAD_BYTES;
  return Math.min(volume.sizeBytes, volume.allocatedBytes ?? volume.sizeBytes) + REPLICA_OVERHEAD_BYTES;
}

/** Would the pool, with this copy and what else is on its way there, be fuller than the policy allows? */
export function aboveCapacityLimit(
  pool: PlacementPool,
  addedBytes: number,
  inFlightBytes: number,
  maxPoolUsedPercent: number,
): boolean {
  return pool.usedBytes + inFlightBytes + addedBytes > (pool.capacityBytes * maxPoolUsedPercent) / 100;
}

function thinNeedBytes(volume: PlacementVolume): number {
  if (volume.allocatedBytes === undefined) return Math.max(THIN_FREE_MIN_BYTES, volume.sizeBytes);
  const wanted = Math.min(volume.sizeBytes, volume.allocatedBytes + VOLUME_COMMITMENT * volume.sizeBytes);
  return Math.max(THIN_FREE_MIN_BYTES, wanted);
}

function fitsNode({ topology }: Pick<PlacementVolume, 'topology'>, { labels }: Pick<PlacementNode, 'labels'>): boolean {
  return includes(topology?.nodeInclusion, labels) && !excludes(topology?.nodeExclusion, labels);
}

function fitsPool(
  { topology }: Pick<PlacementVolume, 'topology'>,
  { mayastorLabels }: Pick<PlacementPool, 'mayastorLabels'>,
): boolean {
  return includes(topology?.poolInclusion, mayastorLabels);
}

/**
 * How badly a replica there fits the topology of its volume by now, for labels change: 0 is well. Mayastor removes what
 * fits worst first, whatever is cordoned.
 */
export function topologyMisfit(
  volume: Pick<PlacementVolume, 'topology'>,
  pool: Pick<PlacementPool, 'mayastorLabels'> | undefined,
  node: Pick<PlacementNode, 'labels'> | undefined,
): number {
  const isOnMisfitNode = node !== undefined && !fitsNode(volume, node);
  const isOnMisfitPool = pool !== undefined && !fitsPool(volume, pool);
  return 2 * Number(isOnMisfitNode) + Number(isOnMisfitPool);
}

/** Every key is there, and of the wanted value unless that is empty, which means any. */
function includes(wanted: Labels | undefined, labels: Labels): boolean {
  return Object.entries(wanted ?? {}).every(([key, value]) => key in labels && (value === '' || labels[key] === value));
}

/**
 * Carries a key with the very value that is excluded. A key without a value asks for replicas on nodes that differ in it,
 * which is left to Mayastor: it knows where the others are.
 */
function excludes(unwanted: Labels | undefined, labels: Labels): boolean {
  return Object.entries(unwanted ?? {}).some(([key, value]) => value !== '' && labels[key] === value);
}
