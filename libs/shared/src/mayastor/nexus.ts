import { countAt, isRecord, recordOf, requiredText, wordReader } from './json-fields.ts';

export type NexusState = 'Online' | 'Degraded' | 'Faulted' | 'ShuttingDown' | 'Shutdown' | 'Unknown';
export type NexusChildState = 'Online' | 'Degraded' | 'Faulted' | 'Unknown';

/** The target of a published volume: where its I/O goes in, and the replicas that it is written to. */
export interface Nexus {
  readonly id: string;
  readonly node: string;
  readonly state: NexusState;
  /** Rebuilds that run now. */
  readonly rebuilds: number;
  readonly children: readonly NexusChild[];
}

export interface NexusChild {
  /** Byte for byte what `removeChild` must be given. */
  readonly uri: string;
  /** Read out of the URI; undefined for a child that is no replica of Mayastor's. */
  readonly replicaId: string | undefined;
  readonly state: NexusChildState;
  /** 0 to 100; undefined when nothing is copied. */
  readonly rebuildPercent: number | undefined;
}

const nexusState = wordReader(['Online', 'Degraded', 'Faulted', 'ShuttingDown', 'Shutdown']);
const childState = wordReader(['Online', 'Degraded', 'Faulted']);
const replicaInUri = /[?&]uuid=([0-9a-f-]{36})(?:&|$)/i;

/** @throws MalformedAnswerError */
export function parseNexus(value: unknown): Nexus {
  const nexus = recordOf(value, 'a target');
  const children = nexus['children'];
  return {
    id: requiredText(nexus, 'uuid', 'a target'),
    node: requiredText(nexus, 'node', 'a target'),
    state: nexusState(nexus['state']),
    rebuilds: countAt(nexus, 'rebuilds') ?? 0,
    children: Array.isArray(children) ? children.filter(isRecord).map(parseChild) : [],
  };
}

function parseChild(child: Readonly<Record<string, unknown>>): NexusChild {
  const uri = requiredText(child, 'uri', 'a child');
  return {
    uri,
    replicaId: replicaInUri.exec(uri)?.[1],
    state: childState(child['state']),
    rebuildPercent: countAt(child, 'rebuildProgress'),
  };
}
