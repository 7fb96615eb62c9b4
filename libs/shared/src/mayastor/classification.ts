import type { IdleProbe } from './mayastor-client.ts';
import type { Outcome, RefusalCode } from './outcome.ts';
import { CORE_NOT_CONNECTED, parseSvcError } from './svc-error.ts';
import type { HttpAnswer } from './transport.ts';

/** The calls that change Mayastor. */
export const changeOperations = [
  'setReplicaCount',
  'probeIdle',
  'cordonPool',
  'uncordonPool',
  'cordonNode',
  'uncordonNode',
  'removeChild',
  'clearShutdownTargets',
] as const;
export type ChangeOperation = (typeof changeOperations)[number];

/** An answer that is known to mean that nothing was done. */
interface Refusal {
  readonly status: number;
  readonly kind: string;
  /** Names of the error; undefined stands for an error without a name. */
  readonly names: readonly (string | undefined)[];
  /** The calls to which it may be the answer; the same error deep inside another call may come after half of it. */
  readonly of: readonly ChangeOperation[] | 'all';
  readonly code: RefusalCode;
}

const onCount = ['setReplicaCount', 'probeIdle'] as const;
const onVolume = [...onCount, 'clearShutdownTargets'] as const;
const onPool = ['cordonPool', 'uncordonPool'] as const;
const onNode = ['cordonNode', 'uncordonNode'] as const;

const precondition = { status: 412, kind: 'FailedPrecondition' } as const;
const notFound = { status: 404, kind: 'NotFound', code: 'NotFound' } as const;
const exhausted = { status: 507, kind: 'ResourceExhausted', of: onCount } as const;

const refusals: readonly Refusal[] = [
  { status: 400, kind: 'Deserialize', names: [undefined], of: 'all', code: 'InvalidRequest' },
  { ...notFound, names: ['VolumeNotFound'], of: onVolume },
  { ...notFound, names: ['PoolNotFound'], of: onPool },
  { ...notFound, names: ['NodeNotFound'], of: onNode },
  { ...notFound, names: ['NexusNotFound', 'ChildNotFound'], of: ['removeChild'] },
  { status: 409, kind: 'Conflict', names: ['Conflict'], of: 'all', code: 'Conflict' },
  { ...precondition, names: ['ReplicaCountAchieved'], of: onCount, code: 'ReplicaCountAchieved' },
  { ...precondition, names: ['ReplicaChangeCount'], of: onCount, code: 'ReplicaChangeCount' },
  { ...precondition, names: ['ReplicaIncrease'], of: onCount, code: 'ReplicaIncrease' },
  { ...precondition, names: ['LastReplica', 'LastHealthyReplica'], of: onCount, code: 'LastReplica' },
  { ...precondition, names: ['RestrictedReplicaCount'], of: onCount, code: 'RestrictedReplicaCount' },
  { ...precondition, names: ['CordonLabel'], of: ['cordonNode'], code: 'AlreadyCordoned' },
  { ...precondition, names: ['UncordonLabel'], of: ['uncordonNode'], code: 'NotCordoned' },
  { status: 503, kind: 'Unavailable', names: ['NotReady'], of: 'all', code: 'NotReady' },
  { status: 503, kind: 'Unavailable', names: [CORE_NOT_CONNECTED], of: 'all', code: 'Unreachable' },
  { ...exhausted, names: [undefined, 'NotEnoughResources', 'NotEnoughResourcesOfPools'], code: 'NoPool' },
  { ...exhausted, names: ['MaxRebuilds'], code: 'MaxRebuilds' },
];

/**
 * What became of a call, by how it was answered. Done is 200 or 204; refused is what the table knows to have done
 * nothing; all else is unknown, also what looks like a refusal but may come from halfway (409 `InUse` on a shrink, 500).
 */
export function classify(operation: ChangeOperation, answer: HttpAnswer): Outcome {
  switch (answer.kind) {
    case 'notSent':
      return refused(answer.reason, answer.message, undefined);
    case 'lost':
      return { kind: 'unknown', message: answer.message, status: undefined };
    case 'answered':
      return classifyStatus(operation, answer.status, answer.body);
  }
}

function classifyStatus(operation: ChangeOperation, status: number, body: string): Outcome {
  if (status === 200 || status === 204) return { kind: 'done', result: undefined };
  // Only the REST server's router answers 404 without a body.
  if (status === 404 && body === '') return refused('NoSuchRoute', 'no such route', status);

  const error = parseSvcError(body);
  if (status === 401 || status === 403) {
    return refused('Unauthorized', error?.message ?? `answered ${status}`, status);
  }
  if (error === undefined) return { kind: 'unknown', message: `answered ${status}`, status };

  // The pool cordon answers with the same error whether the cordon or its absence is there already.
  if (status === 422 && error.kind === 'AlreadyExists') {
    if (operation === 'cordonPool') return refused('AlreadyCordoned', error.message, status);
    if (operation === 'uncordonPool') return refused('NotCordoned', error.message, status);
  }
  const refusal = refusals.find(
    ({ status: of, kind, names, of: operations }) =>
      of === status &&
      kind === error.kind &&
      names.includes(error.name) &&
      (operations === 'all' || operations.includes(operation)),
  );
  if (refusal === undefined) return { kind: 'unknown', message: error.message, status };
  return refused(refusal.code, error.message, status);
}

function refused(code: RefusalCode, message: string, status: number | undefined): Outcome {
  return { kind: 'refused', code, leftBehind: code === 'MaxRebuilds' ? 'replica' : 'nothing', message, status };
}

/** What the answer to a count that is never granted says of the volume. */
export function probeOf(outcome: Outcome): IdleProbe {
  // What had no answer says nothing, and is asked again: an operation may run all the same.
  if (outcome.kind === 'unknown' && outcome.status === undefined) return 'busy';
  if (outcome.kind !== 'refused') return 'unknown';
  if (outcome.code === 'Unreachable' || outcome.code === 'NotStarted') return 'busy';
  if (outcome.code === 'ReplicaChangeCount') return 'idle';
  if (outcome.code === 'Conflict') return 'busy';
  return outcome.code === 'NotFound' ? 'absent' : 'unknown';
}
