import type { Json } from './json.ts';
import type { Pool, StorageNode } from './entities.ts';
import { removeLabel, setLabel } from './nodes-and-pools.ts';
import { ok, write, type Call, type Routed } from './route.ts';
import type { World } from './world.ts';

interface Labelled<T extends Pool | StorageNode> {
  readonly resource: 'Pool' | 'Node';
  readonly find: () => T;
  readonly show: (of: T) => Json;
}

export function labelRoute<T extends Pool | StorageNode>(
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
export function joinedLabel(world: World, rest: readonly string[]): string | undefined {
  if (rest.length === 0 || (rest.length > 1 && !world.capabilities.slashInLabels)) return undefined;
  return rest.join('/');
}
