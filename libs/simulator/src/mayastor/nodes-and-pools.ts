import { persist } from './engine-calls.ts';
import { createLoadMeter } from './load-meter.ts';
import type { Pool, PoolCordon, StorageNode } from './entities.ts';
import { failures } from './errors.ts';
import { moveTargetsWhile } from './target-moves.ts';
import type { World } from './world.ts';

export interface NewNode {
  readonly id: string;
  /** Address of its engine; made from the number of nodes unless told. */
  readonly address?: string;
  readonly grpcEndpoint?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

export interface NewPool {
  readonly id: string;
  readonly node: string;
  readonly capacityBytes: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly disks?: readonly string[];
}

const createdByLabel = 'openebs.io/created-by';

export function addNode(world: World, wanted: NewNode): StorageNode {
  const address =
    wanted.address ?? `10.20.${String(Math.floor(world.nodes.size / 250))}.${String((world.nodes.size % 250) + 1)}`;
  const node: StorageNode = {
    id: wanted.id,
    address,
    grpcEndpoint: wanted.grpcEndpoint ?? `${address}:10124`,
    labels: new Map(Object.entries(wanted.labels ?? {})),
    pools: new Set(),
    nexuses: new Set(),
    cordonLabels: [],
    drainLabels: [],
    up: true,
    hung: false,
    seenOnline: true,
    storeDirty: false,
    engineStarts: 1,
  };
  world.nodes.set(node.id, node);
  return node;
}

export function nodeOf(world: World, id: string): StorageNode {
  const node = world.nodes.get(id);
  if (node === undefined) throw failures.nodeNotFound(id);
  return node;
}

export function poolOf(world: World, id: string): Pool {
  const pool = world.pools.get(id);
  if (pool === undefined) throw failures.poolNotFound(id);
  return pool;
}

export function addPool(world: World, wanted: NewPool): Pool {
  if (world.pools.has(wanted.id)) throw failures.alreadyExists('Pool', wanted.id);
  const node = nodeOf(world, wanted.node);
  const pool: Pool = {
    id: wanted.id,
    uuid: world.newId('pool', { pool: wanted.id }),
    node,
    disks: wanted.disks ?? [`/dev/disk/by-id/${wanted.id}`],
    capacityBytes: wanted.capacityBytes,
    labels: new Map(Object.entries(wanted.labels ?? {})),
    replicas: new Set(),
    cordon: { replicas: false, snapshots: false, restores: false, import: false },
    faulted: false,
    snapshotBytes: 0,
    committedBytes: 0,
    chargedBytes: 0,
    meter: createLoadMeter(),
  };
  world.pools.set(pool.id, pool);
  node.pools.add(pool);
  return pool;
}

export async function removePool(world: World, id: string): Promise<void> {
  const pool = poolOf(world, id);
  if (pool.replicas.size > 0) throw failures.poolInUse(id);
  await persist(world);
  world.pools.delete(id);
  pool.node.pools.delete(pool);
}

/** `PUT /nodes/{id}/cordon/{label}` */
export async function cordonNode(world: World, id: string, label: string): Promise<StorageNode> {
  const node = nodeOf(world, id);
  refuseDirty(node);
  if (node.cordonLabels.includes(label) || node.drainLabels.includes(label)) throw failures.cordonLabel(id, label);
  await persistNode(world, node);
  node.cordonLabels.push(label);
  world.ledger.cordoned(`node/${id}/${label}`);
  return node;
}

/** `DELETE /nodes/{id}/cordon/{label}`: takes off a drain of that name as well. */
export async function uncordonNode(world: World, id: string, label: string): Promise<StorageNode> {
  const node = nodeOf(world, id);
  refuseDirty(node);
  if (!node.cordonLabels.includes(label) && !node.drainLabels.includes(label)) throw failures.uncordonLabel(id, label);
  await persistNode(world, node);
  node.cordonLabels = node.cordonLabels.filter((other) => other !== label);
  node.drainLabels = node.drainLabels.filter((other) => other !== label);
  world.ledger.uncordoned(`node/${id}/${label}`);
  return node;
}

/** `PUT /nodes/{id}/drain/{label}`: targets move away, replicas stay. */
export async function drainNode(world: World, id: string, label: string): Promise<StorageNode> {
  const node = nodeOf(world, id);
  refuseDirty(node);
  if (node.drainLabels.includes(label)) throw failures.cordonLabel(id, label);
  await persistNode(world, node);
  node.drainLabels.push(label);
  world.ledger.cordoned(`node/${id}/${label}`);
  moveTargetsWhile(world, node, world.timers.drainMs, () => node.drainLabels.length > 0);
  return node;
}

function refuseDirty(node: StorageNode): void {
  if (node.storeDirty) throw failures.storeDirty(node.id);
}

async function persistNode(world: World, node: StorageNode): Promise<void> {
  try {
    // A little less than what the caller is given, so that the caller hears of it.
    await persist(world, world.timers.storeTimeoutMs - 1);
  } catch (error) {
    node.storeDirty = true;
    throw error;
  }
}

/** `PUT /pools/{id}/cordon` sets the flags sent as true; false leaves a flag alone. */
export async function cordonPool(world: World, id: string, flags: Partial<PoolCordon>): Promise<Pool> {
  return changePoolCordon(world, id, flags, true);
}

/** `DELETE /pools/{id}/cordon` clears the flags sent as true. */
export async function uncordonPool(world: World, id: string, flags: Partial<PoolCordon>): Promise<Pool> {
  return changePoolCordon(world, id, flags, false);
}

const cordonFlags = ['replicas', 'snapshots', 'restores', 'import'] as const;

async function changePoolCordon(world: World, id: string, flags: Partial<PoolCordon>, value: boolean): Promise<Pool> {
  const pool = poolOf(world, id);
  const changed = cordonFlags.filter((flag) => flags[flag] === true && pool.cordon[flag] !== value);
  if (changed.length === 0) throw failures.poolCordonUnchanged(id);
  await persist(world, world.timers.storeTimeoutMs - 1);
  for (const flag of changed) {
    pool.cordon[flag] = value;
    if (value) world.ledger.cordoned(`pool/${id}/${flag}`);
    else world.ledger.uncordoned(`pool/${id}/${flag}`);
  }
  return pool;
}

export async function setLabel(
  world: World,
  resource: 'Pool' | 'Node',
  of: Pool | StorageNode,
  label: { readonly key: string; readonly value: string; readonly overwrite: boolean },
): Promise<void> {
  const present = of.labels.get(label.key);
  if (present !== undefined && present !== label.value && !label.overwrite) {
    throw failures.labelsExist(resource, of.id, label.key, present);
  }
  await persist(world);
  of.labels = new Map(of.labels).set(label.key, label.value);
}

export async function removeLabel(
  world: World,
  resource: 'Pool' | 'Node',
  of: Pool | StorageNode,
  key: string,
): Promise<void> {
  if (resource === 'Pool' && key === createdByLabel) throw failures.forbiddenUnlabel(key);
  if (!of.labels.has(key)) throw failures.labelNotFound(resource, of.id, key);
  await persist(world);
  of.labels = new Map([...of.labels].filter(([other]) => other !== key));
}
