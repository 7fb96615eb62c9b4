import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type ChangeOperation, changeOperations, classify } from './classification.ts';

interface Recorded {
  readonly status: number;
  readonly method: string;
  readonly path: string;
  readonly body: { readonly kind: string; readonly message: string } | null;
}

const recorded = readFileSync(new URL('./fixtures/errors.jsonl', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => JSON.parse(line) as Recorded);

function operationOf({ method, path }: Recorded): ChangeOperation | undefined {
  if (path.includes('/replica_count/')) return 'setReplicaCount';
  if (/^\/v0\/nodes\/[^/]+\/cordon\//.test(path)) return method === 'PUT' ? 'cordonNode' : 'uncordonNode';
  if (/^\/v0\/pools\/[^/]+\/cordon$/.test(path)) return method === 'PUT' ? 'cordonPool' : 'uncordonPool';
  return undefined;
}

/** The name in an error's message, or the beginning of one that has none. */
function titleOf({ body }: Recorded): string {
  if (body === null) return 'empty';
  return /SvcError :: (\w+)/.exec(body.message)?.[1] ?? (/message: "([^":]+)/.exec(body.message)?.[1] || body.kind);
}

const answered = (status: number, body: unknown) =>
  ({ kind: 'answered', status, body: body === null ? '' : JSON.stringify(body) }) as const;

/** Every recorded answer to a call of ours: operation, status, error, and what it must be taken for. */
const expected: readonly (readonly [operation: ChangeOperation, status: number, title: string, verdict: string])[] = [
  ['setReplicaCount', 400, 'Deserialize', 'InvalidRequest'],
  ['setReplicaCount', 404, 'VolumeNotFound', 'NotFound'],
  ['setReplicaCount', 409, 'Conflict', 'Conflict'],
  ['setReplicaCount', 409, 'InUse', 'unknown'],
  ['setReplicaCount', 412, 'ReplicaCountAchieved', 'ReplicaCountAchieved'],
  ['setReplicaCount', 412, 'ReplicaIncrease', 'ReplicaIncrease'],
  ['setReplicaCount', 412, 'ReplicaChangeCount', 'ReplicaChangeCount'],
  ['setReplicaCount', 412, 'LastReplica', 'LastReplica'],
  ['setReplicaCount', 412, 'RestrictedReplicaCount', 'RestrictedReplicaCount'],
  ['setReplicaCount', 500, 'Internal', 'unknown'],
  ['setReplicaCount', 503, 'Timeout expired', 'unknown'],
  ['setReplicaCount', 503, 'NotReady', 'NotReady'],
  ['setReplicaCount', 503, 'error trying to connect', 'Unreachable'],
  ['setReplicaCount', 503, 'transport error', 'unknown'],
  ['setReplicaCount', 507, 'MaxRebuilds', 'MaxRebuilds'],
  ['setReplicaCount', 507, 'NotEnoughResources', 'NoPool'],
  ['cordonNode', 404, 'empty', 'NoSuchRoute'],
  ['cordonNode', 404, 'NodeNotFound', 'NotFound'],
  ['cordonNode', 412, 'CordonLabel', 'AlreadyCordoned'],
  ['cordonNode', 503, 'error trying to connect', 'Unreachable'],
  ['cordonNode', 507, 'Store', 'unknown'],
  ['uncordonNode', 412, 'UncordonLabel', 'NotCordoned'],
  ['uncordonNode', 507, 'StoreDirty', 'unknown'],
  ['cordonPool', 404, 'empty', 'NoSuchRoute'],
];

function verdictOf(operation: ChangeOperation, { status, body }: Recorded): string {
  const outcome = classify(operation, answered(status, body));
  return outcome.kind === 'refused' ? outcome.code : outcome.kind;
}

describe('answers of a real control plane', () => {
  test.each(expected)('%s answered %i %s is %s', (operation, status, title, verdict) => {
    const answers = recorded.filter(
      (answer) => operationOf(answer) === operation && answer.status === status && titleOf(answer) === title,
    );
    expect(answers).not.toEqual([]);
    for (const answer of answers) expect(verdictOf(operation, answer)).toBe(verdict);
  });

  test('every recorded answer to a call of ours is in the table', () => {
    const listed = new Set(expected.map(([operation, status, title]) => `${operation} ${status} ${title}`));
    const missing = recorded.flatMap((answer) => {
      const operation = operationOf(answer);
      const key = `${operation} ${answer.status} ${titleOf(answer)}`;
      return operation === undefined || listed.has(key) ? [] : [key];
    });
    expect(missing).toEqual([]);
  });
});

describe('every call', () => {
  test.each(changeOperations)('%s: success is 200 and 204 only', (operation) => {
    for (const status of [200, 204]) expect(classify(operation, answered(status, null)).kind).toBe('done');
    for (const status of [201, 202, 206, 301, 302, 304]) {
      expect(classify(operation, answered(status, null)).kind).toBe('unknown');
    }
  });

  test.each(changeOperations)('%s: an error that is in no table is unknown', (operation) => {
    const statuses = [400, 404, 406, 408, 409, 412, 416, 422, 500, 501, 502, 503, 504, 507];
    const kinds = ['NotFound', 'FailedPrecondition', 'Conflict', 'Unavailable', 'ResourceExhausted', 'AlreadyExists'];
    for (const status of statuses) {
      for (const kind of kinds) {
        if (status === 422 && kind === 'AlreadyExists' && operation.endsWith('Pool')) continue;
        const body = { details: '', message: 'SvcError :: SomethingNew: later', kind };
        expect(classify(operation, answered(status, body))).toMatchObject({ kind: 'unknown', status });
      }
    }
  });

  test.each(changeOperations)('%s: an error page of something in between is unknown', (operation) => {
    const answer = { kind: 'answered', status: 404, body: '<html>Not Found</html>' } as const;
    expect(classify(operation, answer).kind).toBe('unknown');
    expect(classify(operation, answered(502, null)).kind).toBe('unknown');
  });

  test.each(changeOperations)('%s: what was not sent is refused, what got no answer is unknown', (operation) => {
    expect(classify(operation, { kind: 'notSent', reason: 'Unreachable', message: 'refused' })).toEqual({
      kind: 'refused',
      code: 'Unreachable',
      leftBehind: 'nothing',
      message: 'refused',
      status: undefined,
    });
    expect(classify(operation, { kind: 'lost', reason: 'timeout', message: 'late' })).toEqual({
      kind: 'unknown',
      message: 'late',
      status: undefined,
    });
  });
});

test('too many rebuilds is the one refusal that may leave a replica behind', () => {
  const exhausted = (name: string) =>
    classify(
      'setReplicaCount',
      answered(507, { details: '', message: `SvcError :: ${name}: text`, kind: 'ResourceExhausted' }),
    );
  expect(exhausted('MaxRebuilds')).toMatchObject({ code: 'MaxRebuilds', leftBehind: 'replica' });
  expect(exhausted('NotEnoughResources')).toMatchObject({ code: 'NoPool', leftBehind: 'nothing' });
});

test('a pool that is cordoned already, or not cordoned, is said by the call that was made', () => {
  const answer = answered(422, { details: '', message: 'already so', kind: 'AlreadyExists' });
  expect(classify('cordonPool', answer)).toMatchObject({ kind: 'refused', code: 'AlreadyCordoned' });
  expect(classify('uncordonPool', answer)).toMatchObject({ kind: 'refused', code: 'NotCordoned' });
  expect(classify('setReplicaCount', answer)).toMatchObject({ kind: 'unknown' });
});

test('an error that names another object than the one called may come from halfway', () => {
  const answer = answered(404, { details: '', message: "SvcError :: NodeNotFound: Node 'a'", kind: 'NotFound' });
  expect(classify('uncordonNode', answer)).toMatchObject({ kind: 'refused', code: 'NotFound' });
  expect(classify('setReplicaCount', answer)).toMatchObject({ kind: 'unknown' });
});
