/** The kinds that a `RestJsonError` carries, and the status that goes with each. */
const statusOfKind = {
  Deserialize: 400,
  InvalidArgument: 400,
  NotFound: 404,
  Conflict: 409,
  InUse: 409,
  FailedPrecondition: 412,
  NotPublished: 412,
  AlreadyPublished: 412,
  OutOfRange: 416,
  AlreadyExists: 422,
  Internal: 500,
  Aborted: 503,
  Unavailable: 503,
  ResourceExhausted: 507,
  FailedPersist: 507,
} as const;

export type ErrorKind = keyof typeof statusOfKind;

/** Body of every answer that is not a success, as the REST server writes it. */
export interface ErrorBody {
  readonly details: string;
  readonly message: string;
  readonly kind: ErrorKind;
}

/** An answer that refuses or reports a failure. Thrown inside the model, never out of `handle`. */
export class RestFailure extends Error {
  readonly status: number;
  readonly body: ErrorBody;

  constructor(kind: ErrorKind, message: string, details = '') {
    super(message === '' ? details : message);
    this.status = statusOfKind[kind];
    this.body = { details, message, kind };
  }
}

const failed = (kind: ErrorKind, name: string, text: string, details = ''): RestFailure =>
  new RestFailure(kind, `SvcError :: ${name}: ${text}`, details);

/** A call that the core's transport ended: the text is that of its gRPC client. */
const transport = (kind: 'Aborted' | 'Unavailable', code: string, text: string): RestFailure =>
  new RestFailure(kind, `status: ${code}, message: "${text}", details: [], metadata: MetadataMap { headers: {} }`);

export const failures = {
  badPath: (text: string) => new RestFailure('Deserialize', '', `Path deserialize error: ${text}`),
  badQuery: (text: string) => new RestFailure('Deserialize', '', `Query deserialize error: ${text}`),
  badBody: (text: string) => new RestFailure('Deserialize', '', `Json deserialize error: ${text}`),
  volumeNotFound: (id: string) => failed('NotFound', 'VolumeNotFound', `Volume '${id}' not found`),
  poolNotFound: (id: string) => failed('NotFound', 'PoolNotFound', `Pool '${id}' not found`),
  nodeNotFound: (id: string) => failed('NotFound', 'NodeNotFound', `Node '${id}' not found`),
  nodeNotOnline: (id: string) => failed('FailedPrecondition', 'NodeNotOnline', `Node '${id}' is not online`),
  nodeCordoned: (id: string) => failed('FailedPrecondition', 'CordonedNode', `Node '${id}' is cordoned`),
  nexusNotFound: (id: string) => failed('NotFound', 'NexusNotFound', `Nexus '${id}' not found`),
  childNotFound: (nexus: string, child: string) =>
    failed('NotFound', 'ChildNotFound', `Child '${child}' not found in Nexus '${nexus}'`),
  replicaNotFound: (id: string) => failed('NotFound', 'ReplicaNotFound', `Replica '${id}' not found`),
  snapshotNotFound: (id: string) => failed('NotFound', 'VolSnapshotNotFound', `Volume snapshot '${id}' not found`),
  alreadyExists: (resource: string, id: string) =>
    failed('AlreadyExists', 'AlreadyExists', `${resource} Resource id ${id} already exists`, `id: ${id}`),
  conflict: () => failed('Conflict', 'Conflict', 'Conflicts with existing operation - please retry'),
  replicaInUse: (id: string) => failed('InUse', 'InUse', `Replica Resource id ${id} still in use`, `id: ${id}`),
  poolInUse: (id: string) => failed('InUse', 'InUse', `Pool Resource id ${id} still in use`, `id: ${id}`),
  notReady: (id: string) =>
    failed('Unavailable', 'NotReady', `Volume Resource id ${id} needs to be reconciled. Please retry`),
  countAchieved: (id: string, count: number) =>
    failed(
      'FailedPrecondition',
      'ReplicaCountAchieved',
      `Replica count of Volume '${id}' is already '${String(count)}'`,
    ),
  lastReplica: (id: string) =>
    failed('FailedPrecondition', 'LastReplica', `Cannot remove the last replica '' of volume '${id}'`),
  changeCount: () =>
    failed(
      'FailedPrecondition',
      'ReplicaChangeCount',
      'Replica count only allowed to change by a maximum of one at a time',
    ),
  replicaIncrease: (id: string, status: string) =>
    failed(
      'FailedPrecondition',
      'ReplicaIncrease',
      `Unable to increase replica count due to volume '${id}' in state '${status}'`,
    ),
  restrictedCount: (count: number) =>
    failed(
      'FailedPrecondition',
      'RestrictedReplicaCount',
      `Replica Count of ${String(count)} is not attainable for AffinityGroup`,
    ),
  lastHealthyReplica: (id: string, replica: string) =>
    failed(
      'FailedPrecondition',
      'LastHealthyReplica',
      `Cannot remove the last healthy replica '${replica}' of volume '${id}'`,
    ),
  lastHealthyChild: (child: string) =>
    failed('FailedPrecondition', 'LastHealthyChild', `Cannot remove the last healthy child '${child}'`),
  createNumber: (id: string) =>
    failed(
      'FailedPrecondition',
      'ReplicaCreateNumber',
      `Failed to create the desired number of replicas for Volume '${id}'`,
    ),
  noPools: () =>
    failed(
      'ResourceExhausted',
      'NotEnoughResources',
      'Operation failed due to insufficient resources',
      'Not enough suitable pools available, 0/1',
    ),
  noNodes: () =>
    failed(
      'ResourceExhausted',
      'NotEnoughResources',
      'Operation failed due to insufficient resources',
      'Not enough suitable nodes available, 0/1',
    ),
  maxRebuilds: (limit: number) =>
    failed(
      'ResourceExhausted',
      'MaxRebuilds',
      `Unable to start rebuild. Maximum number of rebuilds permitted is ${String(limit)}`,
    ),
  nodeOfReplicaUnknown: () =>
    failed('Internal', 'Internal', 'Internal error: Failed to find the node where a replica lives'),
  engineCall: (text: string) => failed('Internal', 'GrpcRequestError', text),
  alreadyPublished: (id: string, node: string) =>
    failed(
      'AlreadyPublished',
      'VolumeAlreadyPublished',
      `Volume '${id}' is already published on node '${node}' with protocol 'Some(Nvmf)'`,
    ),
  notPublished: (id: string) => failed('NotPublished', 'VolumeNotPublished', `Volume '${id}' not published`),
  noHealthyReplica: (id: string) =>
    failed('FailedPrecondition', 'NoHealthyReplicas', `No healthy replicas are available for Volume '${id}'`),
  targetNotAvailable: () => new RestFailure('FailedPrecondition', 'volume target not available'),
  insufficientHealthy: (id: string) =>
    failed(
      'FailedPrecondition',
      'InsufficientHealthyReplicas',
      `The number of healthy replicas does not match the expected replica count of volume '${id}'`,
    ),
  cordonLabel: (node: string, label: string) =>
    failed('FailedPrecondition', 'CordonLabel', `Node ${node} is already cordoned with label '${label}'`),
  uncordonLabel: (node: string, label: string) =>
    failed('FailedPrecondition', 'UncordonLabel', `Node ${node} does not have a cordon label '${label}'`),
  poolCordonUnchanged: (pool: string) =>
    failed('AlreadyExists', 'AlreadyExists', `Pool Resource id ${pool} already exists`, `id: ${pool}`),
  labelsExist: (resource: string, id: string, key: string, value: string) =>
    failed(
      'FailedPrecondition',
      'LabelsExists',
      `${resource} ${id} is already labelled with labels '{"${key}": "${value}"}'`,
    ),
  labelNotFound: (resource: string, id: string, key: string) =>
    failed('FailedPrecondition', 'LabelNotFound', `${resource} ${id} doesn't have the label key '${key}'`),
  forbiddenUnlabel: (key: string) =>
    failed('InvalidArgument', 'ForbiddenUnlabelKey', `Forbidden Pool, cannot delete internal labels: ${key} `),
  storeTimeout: () =>
    failed(
      'FailedPersist',
      'Store',
      'Storage Error: Timed out during Put operation after 5s',
      'Timed out during Put operation after 5s',
    ),
  storeDirty: (node: string) =>
    failed(
      'FailedPersist',
      'StoreDirty',
      `Storage Error: Node Config for Resource id ${node} not committed to the store`,
    ),
  timeout: () => transport('Aborted', 'Cancelled', 'Timeout expired'),
  coreDied: () => transport('Aborted', 'Unknown', 'transport error'),
  coreDown: () =>
    transport(
      'Unavailable',
      'Unavailable',
      'error trying to connect: tcp connect error: Connection refused (os error 111)',
    ),
} as const;
