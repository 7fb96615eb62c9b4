import {
  countAt,
  flagAt,
  isRecord,
  type JsonRecord,
  labelsAt,
  recordAt,
  recordOf,
  requiredCount,
  requiredText,
  textAt,
  textsAt,
  wordReader,
} from './json-fields.ts';
import { type Nexus, parseNexus } from './nexus.ts';
import { specStatus, type SpecStatus } from './spec-status.ts';

export type VolumeStatus = 'Online' | 'Degraded' | 'Faulted' | 'Shutdown' | 'Unknown';
export type ReplicaState = 'Online' | 'Degraded' | 'Faulted' | 'Unknown';
export type ChildStatus = 'Online' | 'Degraded' | 'Faulted' | 'Unknown';

/**
 * A volume as `GET /volumes` shows it. A running operation is never visible here: whether a volume is busy is known by
 * `probeIdle` alone, and child states lag by a cache period (30 s by default).
 */
export interface Volume {
  readonly id: string;
  readonly sizeBytes: number;
  /** The count that Mayastor was last told to keep; `replicas` may hold more or fewer for a while. */
  readonly replicaCount: number;
  readonly specStatus: SpecStatus;
  /** For an unpublished volume `Online` says nothing about its data. */
  readonly status: VolumeStatus;
  /** False also where Mayastor does not say. */
  readonly selfHeal: boolean;
  readonly thin: boolean;
  /** Made thin by a snapshot, though asked for as thick. */
  readonly asThin: boolean;
  readonly encrypted: boolean;
  /** Undefined where Mayastor does not say, which is not zero. */
  readonly snapshotCount: number | undefined;
  /** Restored from a snapshot, so that it may share clusters with it. */
  readonly restored: boolean;
  readonly affinityGroup: string | undefined;
  readonly topology: VolumeTopology;
  /** The node that it is to be published on; undefined when unpublished. */
  readonly publishedOn: string | undefined;
  /** What serves the volume now. Absent while a published volume has lost its target. */
  readonly target: Nexus | undefined;
  /** In the order of their ids, so that two reads compare. */
  readonly replicas: readonly VolumeReplica[];
}

export interface VolumeReplica {
  readonly id: string;
  /** Undefined when the replica's node is gone. */
  readonly node: string | undefined;
  readonly pool: string | undefined;
  readonly state: ReplicaState;
  /** Undefined while the replica is no child of a target. */
  readonly childStatus: ChildStatus | undefined;
  /** 0 to 100; undefined when nothing is copied. */
  readonly rebuildPercent: number | undefined;
  readonly allocatedBytes: number | undefined;
  /** As releases since 2.9 report it. */
  readonly healthy: boolean | undefined;
}

/** Which pools and nodes Mayastor may use for the volume; it cannot be changed afterwards. */
export interface VolumeTopology {
  readonly poolLabels: LabelRequirement;
  readonly nodeLabels: LabelRequirement;
  /** Empty: any node. */
  readonly allowedNodes: readonly string[];
}

export interface LabelRequirement {
  /** An empty value asks for the key alone. */
  readonly inclusion: Readonly<Record<string, string>>;
  readonly exclusion: Readonly<Record<string, string>>;
  readonly affinityKeys: readonly string[];
}

const volumeStatus = wordReader(['Online', 'Degraded', 'Faulted', 'Shutdown']);
const replicaState = wordReader(['Online', 'Degraded', 'Faulted']);
const childStatus = wordReader(['Online', 'Degraded', 'Faulted']);

/** @throws MalformedAnswerError */
export function parseVolume(value: unknown): Volume {
  const volume = recordOf(value, 'a volume');
  const spec = recordOf(volume['spec'], 'the spec of a volume');
  const state = recordAt(volume, 'state');
  const { target } = state;
  return {
    id: requiredText(spec, 'uuid', 'a volume'),
    sizeBytes: requiredCount(spec, 'size', 'a volume'),
    replicaCount: requiredCount(spec, 'num_replicas', 'a volume'),
    specStatus: specStatus(spec['status']),
    status: volumeStatus(state['status']),
    selfHeal: flagAt(recordAt(spec, 'policy'), 'self_heal') ?? false,
    thin: flagAt(spec, 'thin') ?? false,
    asThin: flagAt(spec, 'as_thin') ?? false,
    encrypted: flagAt(spec, 'encrypted') ?? false,
    snapshotCount: countAt(spec, 'num_snapshots'),
    restored: isRecord(spec['content_source']),
    affinityGroup: textAt(recordAt(spec, 'affinity_group'), 'id'),
    topology: parseTopology(recordAt(spec, 'topology')),
    publishedOn: textAt(recordAt(spec, 'target'), 'node'),
    target: target === undefined || target === null ? undefined : parseNexus(target),
    replicas: parseReplicas(recordAt(state, 'replica_topology')),
  };
}

function parseReplicas(byId: JsonRecord): readonly VolumeReplica[] {
  return Object.keys(byId)
    .sort()
    .map((id) => parseReplica(id, recordAt(byId, id)));
}

function parseReplica(id: string, replica: JsonRecord): VolumeReplica {
  const child = replica['child-status'];
  return {
    id,
    node: textAt(replica, 'node'),
    pool: textAt(replica, 'pool'),
    state: replicaState(replica['state']),
    childStatus: child === undefined || child === null ? undefined : childStatus(child),
    rebuildPercent: countAt(replica, 'rebuild-progress'),
    allocatedBytes: countAt(recordAt(replica, 'usage'), 'allocated'),
    healthy: flagAt(replica, 'healthy'),
  };
}

function parseTopology(topology: JsonRecord): VolumeTopology {
  const node = recordAt(topology, 'node_topology');
  return {
    poolLabels: parseRequirement(recordAt(recordAt(topology, 'pool_topology'), 'labelled')),
    nodeLabels: parseRequirement(recordAt(node, 'labelled')),
    allowedNodes: textsAt(recordAt(node, 'explicit'), 'allowed_nodes'),
  };
}

function parseRequirement(labelled: JsonRecord): LabelRequirement {
  return {
    inclusion: labelsAt(labelled, 'inclusion'),
    exclusion: labelsAt(labelled, 'exclusion'),
    affinityKeys: textsAt(labelled, 'affinity_key'),
  };
}
