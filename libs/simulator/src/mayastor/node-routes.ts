import { nodeBody, poolBody } from './bodies.ts';
import type { Json } from './json.ts';
import type { StorageNode } from './entities.ts';
import { joinedLabel, labelRoute } from './label-routes.ts';
import { nexusRoute } from './nexus-routes.ts';
import { addPool, cordonNode, drainNode, nodeOf, removePool, uncordonNode } from './nodes-and-pools.ts';
import { newPoolBody } from './request-reading.ts';
import { noContent, ok, read, write, type Call, type Routed } from './route.ts';
import type { World } from './world.ts';

export function nodeRoute(call: Call): Routed | undefined {
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
