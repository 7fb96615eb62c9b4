import assert from 'node:assert/strict';
import { stringAt, valueAt, type JsonObject } from '../json.ts';
import type { ApiClient, ApiResponse } from './api-client.ts';
import {
  applyPatch,
  configMap,
  create,
  createNamespace,
  expectCode,
  managers,
  mergePatch,
  policies,
  policy,
  poolSelectors,
  refusal,
  revisionOf,
  volume,
  volumes,
  type ConformanceCase,
} from './fixtures.ts';

const identity = { apiVersion: 'storage.billyronks.io/v1', kind: 'StoragePolicy' };

function apply(
  client: ApiClient,
  path: string,
  manager: string,
  body: JsonObject,
  force = false,
): Promise<ApiResponse> {
  const query = `fieldManager=${manager}${force ? '&force=true' : ''}`;
  return client.send('PATCH', `${path}?${query}`, { body, contentType: applyPatch });
}

const condition = (type: string, status = 'True'): JsonObject => ({
  type,
  status,
  reason: 'Tested',
  message: '',
  lastTransitionTime: '2026-01-01T00:00:00Z',
});

const statusOf = (status: JsonObject): JsonObject => ({ ...identity, status });

export const applyCases: readonly ConformanceCase[] = [
  {
    title: 'apply creates what is not there and owns what it names, not the defaults',
    run: async (client, name) => {
      const path = `${policies}/${name}`;
      const body = {
        ...identity,
        metadata: { name, labels: { a: 'b' } },
        spec: { ...poolSelectors, highWatermarkIOPS: 9000 },
      };
      const created = await expectCode(apply(client, path, 'team', body), 201);
      assert.equal(valueAt(created.body, 'spec', 'lowWatermarkIOPS'), 500);
      assert.deepEqual(managers(created.body), [
        {
          manager: 'team',
          operation: 'Apply',
          apiVersion: 'storage.billyronks.io/v1',
          fieldsType: 'FieldsV1',
          fieldsV1: {
            'f:metadata': { 'f:labels': { 'f:a': {} } },
            'f:spec': { 'f:highWatermarkIOPS': {}, 'f:nvmePoolSelector': {}, 'f:sataPoolSelector': {} },
          },
        },
      ]);
      const again = await expectCode(apply(client, path, 'team', body), 200);
      assert.equal(revisionOf(again.body), revisionOf(created.body));
    },
  },
  {
    title: 'a field that is applied no longer is removed, unless somebody else owns it',
    run: async (client, name) => {
      const path = `${policies}/${name}`;
      const withLabels = (labels: JsonObject, spec: JsonObject = {}): JsonObject => ({
        ...identity,
        metadata: { name, labels },
        spec: { ...poolSelectors, ...spec },
      });
      await expectCode(
        apply(client, path, 'team', withLabels({ a: '1', b: '2', c: '3' }, { maxConcurrentMigrations: 7 })),
        201,
      );
      await expectCode(apply(client, path, 'other', { ...identity, metadata: { name, labels: { b: '2' } } }), 200);
      const applied = await expectCode(apply(client, path, 'team', withLabels({ a: '1' })), 200);
      assert.deepEqual(valueAt(applied.body, 'metadata', 'labels'), { a: '1', b: '2' });
      assert.equal(valueAt(applied.body, 'spec', 'maxConcurrentMigrations'), 2);
      const bare = await expectCode(
        apply(client, path, 'team', { ...identity, metadata: { name }, spec: poolSelectors }),
        200,
      );
      assert.deepEqual(valueAt(bare.body, 'metadata', 'labels'), { b: '2' });
      const gone = await expectCode(apply(client, path, 'other', { ...identity, metadata: { name } }), 200);
      assert.equal(valueAt(gone.body, 'metadata', 'labels'), undefined);
    },
  },
  {
    title: "another manager's value is a conflict, and force takes it over",
    run: async (client, name) => {
      const path = `${policies}/${name}`;
      await create(client, `${policies}?fieldManager=editor`, policy(name));
      const body = { ...identity, spec: { highWatermarkIOPS: 9000, enabled: true } };
      const refused = await expectCode(apply(client, path, 'team', body), 409);
      assert.equal(
        stringAt(refused.body, 'message'),
        'Apply failed with 1 conflict: conflict with "editor" using storage.billyronks.io/v1: .spec.highWatermarkIOPS',
      );
      assert.deepEqual(refusal(refused), {
        code: 409,
        reason: 'Conflict',
        causes: ['.spec.highWatermarkIOPS FieldManagerConflict: conflict with "editor" using storage.billyronks.io/v1'],
      });
      const forced = await expectCode(apply(client, path, 'team', body, true), 200);
      assert.equal(valueAt(forced.body, 'spec', 'highWatermarkIOPS'), 9000);
      const [team, editor] = managers(forced.body);
      assert.deepEqual(team?.['fieldsV1'], { 'f:spec': { 'f:enabled': {}, 'f:highWatermarkIOPS': {} } });
      assert.equal(valueAt(editor, 'fieldsV1', 'f:spec', 'f:highWatermarkIOPS'), undefined);
      assert.deepEqual(valueAt(editor, 'fieldsV1', 'f:spec', 'f:enabled'), {});
    },
  },
  {
    title: 'a plain write takes over what it changes',
    run: async (client, name) => {
      const path = `${policies}/${name}`;
      await expectCode(
        apply(client, path, 'team', { ...identity, metadata: { name }, spec: { ...poolSelectors, dryRun: true } }),
        201,
      );
      const patch = { body: { spec: { dryRun: false } }, contentType: mergePatch };
      const patched = await expectCode(client.send('PATCH', `${path}?fieldManager=editor`, patch), 200);
      assert.deepEqual(
        managers(patched.body).map((entry) => [entry['manager'], entry['fieldsV1']]),
        [
          ['team', { 'f:spec': { 'f:nvmePoolSelector': {}, 'f:sataPoolSelector': {} } }],
          ['editor', { 'f:spec': { 'f:dryRun': {} } }],
        ],
      );
    },
  },
  {
    title: 'the status is applied by its own endpoint, list items by their keys, and the same again is no write',
    run: async (client, name) => {
      await create(client, policies, policy(name));
      const path = `${policies}/${name}/status`;
      const first = {
        phase: 'Active',
        watchedVolumes: 3,
        conditions: [condition('Ready'), condition('Paused', 'False')],
      };
      const applied = await expectCode(apply(client, path, 'watcher', statusOf(first)), 200);
      assert.deepEqual(applied.body['status'], first);
      assert.equal(valueAt(applied.body, 'metadata', 'generation'), 1);
      const entry = managers(applied.body).find(({ manager }) => manager === 'watcher');
      const fields = {
        '.': {},
        'f:lastTransitionTime': {},
        'f:message': {},
        'f:reason': {},
        'f:status': {},
        'f:type': {},
      };
      assert.deepEqual(entry, {
        manager: 'watcher',
        operation: 'Apply',
        apiVersion: 'storage.billyronks.io/v1',
        subresource: 'status',
        fieldsType: 'FieldsV1',
        fieldsV1: {
          'f:status': {
            'f:conditions': { 'k:{"type":"Paused"}': fields, 'k:{"type":"Ready"}': fields },
            'f:phase': {},
            'f:watchedVolumes': {},
          },
        },
      });
      const again = await expectCode(apply(client, path, 'watcher', statusOf(first)), 200);
      assert.equal(revisionOf(again.body), revisionOf(applied.body));
      const other = await expectCode(
        apply(client, path, 'scorer', statusOf({ conditions: [condition('MetricsAvailable')] })),
        200,
      );
      assert.deepEqual(valueAt(other.body, 'status', 'conditions'), [
        condition('Ready'),
        condition('Paused', 'False'),
        condition('MetricsAvailable'),
      ]);
      const fewer = await expectCode(
        apply(client, path, 'watcher', statusOf({ phase: 'Active', conditions: [condition('Ready')] })),
        200,
      );
      assert.deepEqual(fewer.body['status'], {
        phase: 'Active',
        conditions: [condition('Ready'), condition('MetricsAvailable')],
      });
    },
  },
  {
    title: 'an atomic list or map is applied as a whole',
    run: async (client, name) => {
      const path = `${policies}/${name}`;
      const history = [{ migrationId: 'm1', volumeName: 'pvc-1', timestamp: '2026-01-01T00:00:00Z', success: true }];
      await create(client, policies, policy(name));
      const status = { migrationHistory: history, appliedEvents: { lastSequence: 3 } };
      const applied = await expectCode(apply(client, `${path}/status`, 'watcher', statusOf(status)), 200);
      const entry = managers(applied.body).find(({ manager }) => manager === 'watcher');
      assert.deepEqual(entry?.['fieldsV1'], { 'f:status': { 'f:appliedEvents': {}, 'f:migrationHistory': {} } });
      const streamCreatedAt = '2026-01-01T00:00:00Z';
      const replaced = await expectCode(
        apply(
          client,
          `${path}/status`,
          'watcher',
          statusOf({ migrationHistory: [], appliedEvents: { streamCreatedAt } }),
        ),
        200,
      );
      assert.deepEqual(replaced.body['status'], { migrationHistory: [], appliedEvents: { streamCreatedAt } });
    },
  },
  {
    title: 'annotations that are applied to a volume leave those of others alone',
    run: async (client, name) => {
      await create(client, volumes, volume(name, { annotations: { 'storage.billyronks.io/hold': 'true' } }));
      const annotate = (annotations: JsonObject): Promise<ApiResponse> =>
        apply(client, `${volumes}/${name}`, 'couchestor', {
          apiVersion: 'v1',
          kind: 'PersistentVolume',
          metadata: { annotations },
        });
      const own = { 'storage.billyronks.io/current-tier': 'hot', 'storage.billyronks.io/last-migration': 'x' };
      const annotated = await expectCode(annotate(own), 200);
      assert.deepEqual(valueAt(annotated.body, 'metadata', 'annotations'), {
        'storage.billyronks.io/hold': 'true',
        ...own,
      });
      const again = await expectCode(annotate(own), 200);
      assert.equal(revisionOf(again.body), revisionOf(annotated.body));
      const fewer = await expectCode(annotate({ 'storage.billyronks.io/current-tier': 'cold' }), 200);
      assert.deepEqual(valueAt(fewer.body, 'metadata', 'annotations'), {
        'storage.billyronks.io/hold': 'true',
        'storage.billyronks.io/current-tier': 'cold',
      });
      const taken = await expectCode(annotate({ 'storage.billyronks.io/hold': 'false' }), 409);
      assert.equal(stringAt(taken.body, 'reason'), 'Conflict');
    },
  },
  {
    title: 'apply needs a manager, the right kind, and an object that holds against the rules',
    run: async (client, name) => {
      const path = `${policies}/${name}`;
      const body = { ...identity, spec: poolSelectors };
      const anonymous = await client.send('PATCH', path, { body, contentType: applyPatch });
      assert.deepEqual(refusal(anonymous), {
        code: 422,
        reason: 'Invalid',
        causes: ['fieldManager FieldValueRequired: Required value: is required for apply patch'],
      });
      const untyped = await expectCode(apply(client, path, 'team', { spec: poolSelectors }), 400);
      assert.equal(stringAt(untyped.body, 'message'), 'invalid object type: /, Kind=');
      const wrong = await expectCode(
        apply(client, path, 'team', {
          ...identity,
          metadata: { name },
          spec: { ...poolSelectors, highWatermarkIOPS: 1 },
        }),
        422,
      );
      assert.equal(stringAt(wrong.body, 'reason'), 'Invalid');
      const nameless = await expectCode(apply(client, path, 'team', body), 400);
      assert.equal(
        stringAt(nameless.body, 'message'),
        `the name of the object (${name} based on URL) was undeterminable: name must be provided`,
      );
      await expectCode(apply(client, `${path}/status`, 'team', statusOf({ phase: 'Active' })), 404);
    },
  },
  {
    title: 'apply takes YAML',
    run: async (client, name) => {
      const path = await createNamespace(client, name);
      await create(client, path, configMap('a', { x: '1' }));
      const body = 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  z: "2"\n';
      const applied = await expectCode(
        client.send('PATCH', `${path}/a?fieldManager=team`, { body, contentType: applyPatch }),
        200,
      );
      assert.deepEqual(applied.body['data'], { x: '1', z: '2' });
    },
  },
];
