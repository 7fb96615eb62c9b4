import type { ChildView, Nexus, NexusView } from './entities.ts';
import { nqnPrefix, type Json, type JsonObject } from './json.ts';
import { isSeen, viewOf } from './view.ts';
import { now, type World } from './world.ts';

export function nexusBody(nexus: Nexus, view: NexusView): JsonObject {
  return {
    children: view.children.map(childBody),
    deviceUri: `nvmf://${nexus.node.address}:8420/${nqnPrefix}${nexus.volume.uuid}`,
    node: nexus.node.id,
    rebuilds: view.rebuilds,
    protocol: 'nvmf',
    size: nexus.sizeBytes,
    state: view.state,
    uuid: nexus.uuid,
  };
}

function childBody(child: ChildView): JsonObject {
  return {
    ...(child.progress === undefined ? {} : { rebuildProgress: child.progress }),
    state: child.state,
    uri: child.uri,
  };
}

export function nexusesBody(world: World): Json[] {
  const bodies: Json[] = [];
  for (const nexus of world.nexuses.values())
    if (isSeen(world, nexus)) bodies.push(nexusBody(nexus, viewOf(world, nexus)));
  return bodies;
}

const blockBytes = 512;

export function rebuildHistoryBody(world: World, nexus: Nexus): JsonObject {
  const wallMs = world.clock.nowMs() - now(world);
  const time = (ms: number): string => new Date(wallMs + ms).toISOString().replace('Z', '000000Z');
  return {
    targetUuid: nexus.uuid,
    records: nexus.history.map((record) => ({
      childUri: record.childUri,
      srcUri: record.sourceUri,
      rebuildJobState: record.outcome,
      blocksTotal: Math.floor(record.bytesTotal / blockBytes),
      blocksRecovered: Math.floor(record.bytesRecovered / blockBytes),
      blocksTransferred: Math.floor(Math.min(record.bytesRecovered, nexus.volume.allocatedBytes) / blockBytes),
      blocksRemaining: Math.floor((record.bytesTotal - record.bytesRecovered) / blockBytes),
      blockSize: blockBytes,
      isPartial: record.partial,
      startTime: time(record.startedAtMs),
      endTime: time(record.endedAtMs),
    })),
  };
}
