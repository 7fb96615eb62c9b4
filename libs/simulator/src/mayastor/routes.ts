import {
  nexusBody,
  nexusesBody,
  nodeBody,
  poolBody,
  rebuildHistoryBody,
  replicaBody,
  snapshotBody,
  specsBody,
  volumeBody,
  type Json,
} from './bodies.ts';
import type { Nexus, Pool, Replica, StorageNode, Volume } from './entities.ts';
import { failures } from './errors.ts';
import {
  addPool,
  cordonNode,
  cordonPool,
  drainNode,
  nodeOf,
  poolOf,
  removeLabel,
  removePool,
  setLabel,
  uncordonNode,
  uncordonPool,
} from './nodes-and-pools.ts';
import { eraseReplica } from './replicas.ts';
import {
  byteSegment,
  maxSnapshotsBody,
  newPoolBody,
  newVolumeBody,
  paging,
  poolCordonBody,
  publishBody,
  uuidSegment,
} from './request-reading.ts';
import { setReplicaCount } from './scaling.ts';
import { publish, removeNexusChild, unpublish } from './targets.ts';
import { isSeen, viewOf } from './view.ts';
import { withVolume } from './volume-lock.ts';
import { clearShutdownTargets, createSnapshot, createVolume, destroySnapshot, destroyVolume } from './volumes.ts';
import type { Cause, World } from './world.ts';

export interface MayastorRequest {
  readonly method: string;
  /** Path as it is in the request line, with `/v0` and the query, percent-encoded. */
  readonly path: string;
  /** Parsed JSON, if there was a body. */
  readonly body?: unknown;
}

export interface MayastorAnswer {
  readonly status: number;
  /** Null where the server sends no body: 204, and 404 of a route that does not exist. */
  readonly body: Json;
}

/** What a request asks of the core, once the REST server has read it. */
export type Routed =
  | { readonly kind: 'read'; readonly run: () => MayastorAnswer }
  | {
      readonly kind: 'write';
      /** Several engine calls in one: the REST server waits longer. */
      readonly long: boolean;
      readonly run: (cause: Cause) => Promise<MayastorAnswer>;
    };

const ok = (body: Json): MayastorAnswer => ({ status: 200, body });
const noContent: MayastorAnswer = { status: 204, body: null };

interface Call {
  readonly world: World;
  readonly method: string;
  readonly segments: readonly string[];
  readonly query: URLSearchParams;
  readonly rawQuery: string;
  readonly body: unknown;
}

/** The route of a request; undefined where the server has none, which it answers with 404 and no body. */
export function routeOf(world: World, request: MayastorRequest): Routed | undefined {
  const mark = request.path.indexOf('?');
  const rawPath = mark < 0 ? request.path : request.path.slice(0, mark);
  const rawQuery = mark < 0 ? '' : request.path.slice(mark + 1);
  const [empty, version, area, ...raw] = rawPath.split('/');
  if (empty !== '' || version !== 'v0' || area === undefined) return undefined;
  const call = {
    world,
    method: request.method,
    segments: raw.map(decoded),
    query: new URLSearchParams(rawQuery),
    rawQuery,
    body: request.body,
  };
  switch (area) {
    case 'volumes':
      return volumeRoute(call);
    case 'pools':
      return poolRoute(call);
    case 'nodes':
      return nodeRoute(call);
    case 'nexuses':
      return nexusRoute(call);
    case 'replicas':
      return replicaRoute(call);
    case 'specs':
      return call.method === 'GET' && raw.length === 0 ? read(() => ok(specsBody(world))) : undefined;
    default:
      return undefined;
  }
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    // A stray percent sign stands for itself.
    return segment;
  }
}

const read = (run: () => MayastorAnswer): Routed => ({ kind: 'read', run });
const write = (run: (cause: Cause) => Promise<MayastorAnswer>, long = false): Routed => ({ kind: 'write', long, run });

function knownVolume(world: World, id: string): Volume {
  const volume = world.volumes.get(id);
  if (volume === undefined) throw failures.volumeNotFound(id);
  return volume;
}

function volumeRoute(call: Call): Routed | undefined {
  const { world, method, segments, query, body } = call;
  const [first, second, third] = segments;
  if (first === undefined) return method === 'GET' ? listVolumes(world, query) : undefined;
  if (first === 'snapshots') return snapshotRoute(call, segments.slice(1));
  if (second === 'snapshots') return volumeSnapshotRoute(call, uuidSegment(first), segments.slice(2));
  const key = `${method} ${segments.slice(1, 2).join('/')}`;
  if (segments.length === 3 && key === 'PUT replica_count' && third !== undefined) {
    const id = uuidSegment(first);
    const wanted = byteSegment(third);
    return write((cause) =>
      withVolume(world, id, 'SetReplica', async (volume) => {
        await setReplicaCount(world, volume, wanted, cause);
        return ok(volumeBody(world, volume));
      }),
    );
  }
  if (segments.length > 2) return undefined;
  const id = uuidSegment(first);
  switch (key) {
    case 'GET ':
      return read(() => ok(volumeBody(world, knownVolume(world, id))));
    case 'PUT ': {
      const wanted = newVolumeBody(id, body);
      return write(async (cause) => ok(volumeBody(world, await createVolume(world, wanted, cause))), true);
    }
    case 'DELETE ':
      return write(async (cause) => {
        await withVolume(world, id, 'Destroy', (volume) => destroyVolume(world, volume, cause));
        return noContent;
      }, true);
    case 'PUT target': {
      const wanted = publishBody(body);
      return write(
        () =>
          withVolume(world, id, 'Publish', async (volume) => {
            await publish(world, volume, wanted);
            return ok(volumeBody(world, volume));
          }),
        true,
      );
    }
    case 'DELETE target':
      return write(
        () =>
          withVolume(world, id, 'Unpublish', async (volume) => {
            await unpublish(world, volume);
            return ok(volumeBody(world, volume));
          }),
        true,
      );
    case 'GET rebuild-history':
      return read(() => {
        const nexus = knownVolume(world, id).target?.nexus;
        if (nexus === undefined) throw failures.targetNotAvailable();
        return ok(rebuildHistoryBody(world, nexus));
      });
    case 'PUT property': {
      const maxSnapshots = maxSnapshotsBody(body);
      return write(() =>
        withVolume(world, id, 'SetVolumeProperty', (volume) => {
          volume.maxSnapshots = maxSnapshots;
          return Promise.resolve(ok(volumeBody(world, volume)));
        }),
      );
    }
    case 'DELETE shutdown_targets':
      return write(() =>
        withVolume(world, id, 'DestroyShutdownTargets', (volume) => {
          clearShutdownTargets(world, volume);
          return Promise.resolve(noContent);
        }),
      );
    default:
      return undefined;
  }
}

function listVolumes(world: World, query: URLSearchParams): Routed {
  const { maxEntries, startingToken } = paging(query);
  const id = query.get('volume_id');
  return read(() => {
    if (id !== null) {
      const volume = world.volumes.get(id);
      return ok({ entries: volume === undefined ? [] : [volumeBody(world, volume)] });
    }
    const all = maxEntries <= 0;
    const start = all ? 0 : Math.max(0, startingToken);
    const end = all ? world.volumes.size : start + maxEntries;
    const entries = world.volumes.slice(start, end).map((volume) => volumeBody(world, volume));
    return ok(end < world.volumes.size ? { entries, next_token: end } : { entries });
  });
}

function volumeSnapshotRoute(call: Call, id: string, rest: readonly string[]): Routed | undefined {
  const { world, method, query } = call;
  const [first] = rest;
  if (first === undefined) return method === 'GET' ? listSnapshots(world, query, id) : undefined;
  if (rest.length > 1) return undefined;
  const uuid = uuidSegment(first);
  switch (method) {
    case 'PUT':
      return write(() =>
        withVolume(world, id, 'CreateSnapshot', async (volume) => {
          await createSnapshot(world, volume, uuid);
          return knownSnapshot(world, uuid);
        }),
      );
    case 'GET':
      return read(() => knownSnapshot(world, uuid));
    case 'DELETE':
      return write(async () => {
        await destroySnapshot(world, uuid);
        return noContent;
      });
    default:
      return undefined;
  }
}

function snapshotRoute(call: Call, rest: readonly string[]): Routed | undefined {
  const { world, method, query } = call;
  const [first] = rest;
  if (first === undefined) return method === 'GET' ? listSnapshots(world, query, undefined) : undefined;
  if (rest.length > 1) return undefined;
  const uuid = uuidSegment(first);
  if (method === 'GET') return read(() => knownSnapshot(world, uuid));
  if (method !== 'DELETE') return undefined;
  return write(async () => {
    await destroySnapshot(world, uuid);
    return noContent;
  });
}

function knownSnapshot(world: World, uuid: string): MayastorAnswer {
  const snapshot = world.snapshots.get(uuid);
  if (snapshot === undefined) throw failures.snapshotNotFound(uuid);
  return ok(snapshotBody(world, snapshot));
}

function listSnapshots(world: World, query: URLSearchParams, volume: string | undefined): Routed {
  const { maxEntries, startingToken } = paging(query);
  return read(() => {
    const all = [...world.snapshots.values()].filter((entry) => volume === undefined || entry.volume === volume);
    const start = maxEntries <= 0 ? 0 : Math.max(0, startingToken);
    const end = maxEntries <= 0 ? all.length : start + maxEntries;
    const entries = all.slice(start, end).map((snapshot) => snapshotBody(world, snapshot));
    return ok(end < all.length ? { entries, next_token: end } : { entries });
  });
}

function poolRoute(call: Call): Routed | undefined {
  const { world, method, segments, query, body } = call;
  const [id, what, ...rest] = segments;
  if (id === undefined) return method === 'GET' ? listPools(world, query) : undefined;
  switch (`${method} ${what ?? ''}`) {
    case 'GET ':
      return read(() => ok(poolBody(world, poolOf(world, id))));
    case 'PUT cordon':
    case 'DELETE cordon': {
      if (!world.capabilities.poolCordon || rest.length > 0) return undefined;
      const flags = poolCordonBody(body);
      const change = method === 'PUT' ? cordonPool : uncordonPool;
      return write(async () => ok(poolBody(world, await change(world, id, flags))));
    }
    case 'PUT label':
    case 'DELETE label':
      return labelRoute(call, rest, {
        resource: 'Pool',
        find: () => poolOf(world, id),
        show: (pool) => poolBody(world, pool),
      });
    case 'DELETE replicas': {
      const [replica] = rest;
      if (replica === undefined || rest.length > 1) return undefined;
      const uuid = uuidSegment(replica);
      return write((cause) => deleteReplica(world, uuid, cause));
    }
    default:
      return undefined;
  }
}

async function deleteReplica(world: World, uuid: string, cause: Cause): Promise<MayastorAnswer> {
  const replica = world.replicas.get(uuid);
  if (replica === undefined) throw failures.replicaNotFound(uuid);
  if (replica.owner !== undefined || replica.nexusOwners.length > 0) throw failures.replicaInUse(uuid);
  await eraseReplica(world, replica, cause);
  return noContent;
}

function listPools(world: World, query: URLSearchParams): Routed {
  const id = query.get('volume_id');
  return read(() => {
    let pools = [...world.pools.values()];
    if (id !== null) {
      const held = new Set([...knownVolume(world, id).replicas].map((replica) => replica.pool));
      pools = pools.filter((pool) => held.has(pool));
    }
    return ok(pools.map((pool) => poolBody(world, pool)));
  });
}

interface Labelled<T extends Pool | StorageNode> {
  readonly resource: 'Pool' | 'Node';
  readonly find: () => T;
  readonly show: (of: T) => Json;
}

function labelRoute<T extends Pool | StorageNode>(
  call: Call,
  rest: readonly string[],
  labelled: Labelled<T>,
): Routed | undefined {
  const label = joinedLabel(call.world, rest);
  if (label === undefined) return undefined;
  if (call.method === 'DELETE') {
    return write(async () => {
      const of = labelled.find();
      await removeLabel(call.world, labelled.resource, of, label);
      return ok(labelled.show(of));
    });
  }
  const split = label.indexOf('=');
  if (split < 0) return undefined;
  const wanted = {
    key: label.slice(0, split),
    value: label.slice(split + 1),
    overwrite: call.query.get('overwrite') === 'true',
  };
  return write(async () => {
    const of = labelled.find();
    await setLabel(call.world, labelled.resource, of, wanted);
    return ok(labelled.show(of));
  });
}

/** A label with a bare slash is no route before 2.12.1. */
function joinedLabel(world: World, rest: readonly string[]): string | undefined {
  if (rest.length === 0 || (rest.length > 1 && !world.capabilities.slashInLabels)) return undefined;
  return rest.join('/');
}

function nodeRoute(call: Call): Routed | undefined {
  const { world, method, segments, body } = call;
  const [id, what, ...rest] = segments;
  if (id === undefined) {
    return method === 'GET'
      ? read(() => ok([...world.nodes.values()].map((node) => nodeBody(world, node))))
      : undefined;
  }
  switch (`${method} ${what ?? ''}`) {
    case 'GET ':
      return read(() => ok(nodeBody(world, nodeOf(world, id))));
    case 'PUT cordon':
    case 'DELETE cordon':
    case 'PUT drain': {
      const label = joinedLabel(world, rest);
      if (label === undefined) return undefined;
      const change = what === 'drain' ? drainNode : method === 'PUT' ? cordonNode : uncordonNode;
      return write(async () => ok(nodeBody(world, await change(world, id, label))));
    }
    case 'PUT label':
    case 'DELETE label':
      return labelRoute(call, rest, {
        resource: 'Node',
        find: () => nodeOf(world, id),
        show: (node) => nodeBody(world, node),
      });
    case 'GET block_devices':
      return read(() => ok(blockDevices(nodeOf(world, id))));
    case 'GET pools':
      return read(() => ok([...nodeOf(world, id).pools].map((pool) => poolBody(world, pool))));
    case 'PUT pools':
    case 'DELETE pools':
      return nodePoolRoute(world, method, id, rest, body);
    case 'DELETE nexuses':
      return nexusRoute({ ...call, segments: rest });
    default:
      return undefined;
  }
}

const defaultPoolBytes = 107_374_182_400;

function nodePoolRoute(
  world: World,
  method: string,
  node: string,
  rest: readonly string[],
  body: unknown,
): Routed | undefined {
  const [id] = rest;
  if (id === undefined || rest.length > 1) return undefined;
  if (method === 'DELETE') {
    return write(async () => {
      await removePool(world, id);
      return noContent;
    });
  }
  const { disks, labels } = newPoolBody(body);
  const mebibytes = Number(/size_mb=(\d+)/.exec(disks.join(' '))?.[1] ?? Number.NaN);
  const capacityBytes = Number.isNaN(mebibytes) ? defaultPoolBytes : mebibytes * 1024 * 1024;
  return write(() => Promise.resolve(ok(poolBody(world, addPool(world, { id, node, capacityBytes, labels, disks })))));
}

function blockDevices(node: StorageNode): Json {
  return [...node.pools].map((pool, minor) => {
    const nvme = pool.labels.get('tier') === 'nvme' || pool.id.includes('nvme');
    return {
      available: false,
      connection_type: nvme ? 'nvme' : 'ata',
      devlinks: [...pool.disks],
      devmajor: 8,
      devminor: minor,
      devname: nvme ? `/dev/nvme${String(minor)}n1` : `/dev/sd${String.fromCodePoint(97 + minor)}`,
      devpath: `/devices/pci/${pool.id}`,
      devtype: 'disk',
      is_rotational: !nvme,
      model: nvme ? 'NVME-2000' : 'SATA-4000',
      size: Math.floor(pool.capacityBytes / 512),
    };
  });
}

function knownNexus(world: World, uuid: string): Nexus {
  const nexus = world.nexuses.get(uuid);
  if (nexus === undefined || !isSeen(world, nexus)) throw failures.nexusNotFound(uuid);
  return nexus;
}

function nexusRoute(call: Call): Routed | undefined {
  const { world, method, segments, rawQuery } = call;
  const [first, what, ...rest] = segments;
  if (first === undefined) return method === 'GET' ? read(() => ok(nexusesBody(world))) : undefined;
  const uuid = uuidSegment(first);
  if (method === 'GET' && what === undefined) {
    return read(() => {
      const nexus = knownNexus(world, uuid);
      return ok(nexusBody(nexus, viewOf(world, nexus)));
    });
  }
  if (method !== 'DELETE' || what !== 'children' || rest.length === 0) return undefined;
  // A child given without encoding arrives in pieces, its query apart; text without a scheme is taken for an aio device.
  const joined = rest.join('/') + (rawQuery === '' ? '' : `?${rawQuery}`);
  const uri = joined.includes(':') ? joined : `aio://${joined}`;
  return write(async (cause) => {
    const nexus = knownNexus(world, uuid);
    await removeNexusChild(world, nexus, uri, cause);
    world.wake(nexus.volume);
    return noContent;
  });
}

function replicaRoute(call: Call): Routed | undefined {
  const { world, method, segments } = call;
  const [first] = segments;
  if (method !== 'GET' || segments.length > 1) return undefined;
  if (first !== undefined) {
    const uuid = uuidSegment(first);
    return read(() => {
      const replica = world.replicas.get(uuid);
      if (replica === undefined || !isListed(replica)) throw failures.replicaNotFound(uuid);
      return ok(replicaBody(world, replica));
    });
  }
  return read(() => {
    const bodies: Json[] = [];
    for (const pool of world.pools.values()) {
      for (const replica of pool.replicas) if (isListed(replica)) bodies.push(replicaBody(world, replica));
    }
    return ok(bodies);
  });
}

/** What the engines report, whether or not a record names it. */
function isListed(replica: Replica): boolean {
  return replica.exists && replica.pool.node.seenOnline;
}
