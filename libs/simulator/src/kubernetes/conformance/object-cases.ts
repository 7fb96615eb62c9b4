import assert from 'node:assert/strict';
import { stringAt, valueAt } from '../json.ts';
import {
  configMap,
  create,
  createNamespace,
  expectCode,
  failure,
  mergePatch,
  namesOf,
  policies,
  policy,
  poolSelectors,
  refusal,
  revisionOf,
  type ConformanceCase,
} from './fixtures.ts';

const details = (name: string) => ({ name, group: 'storage.billyronks.io', kind: 'storagepolicies' });

export const objectCases: readonly ConformanceCase[] = [
  {
    title: 'a create fills in identity, generation and every default',
    run: async (client, name) => {
      const created = await create(client, policies, policy(name));
      assert.match(stringAt(created, 'metadata', 'uid') ?? '', /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
      assert.match(stringAt(created, 'metadata', 'creationTimestamp') ?? '', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
      assert.match(revisionOf(created), /^\d+$/);
      assert.equal(valueAt(created, 'metadata', 'generation'), 1);
      assert.deepEqual(created['spec'], {
        ...poolSelectors,
        highWatermarkIOPS: 5000,
        lowWatermarkIOPS: 500,
        samplingWindow: '1h',
        cooldownPeriod: '24h',
        storageClassName: 'mayastor',
        maxConcurrentMigrations: 2,
        migrationTimeout: '30m',
        enabled: true,
        dryRun: false,
        limits: {
          perPool: 1,
          perNode: 1,
          maxVolumesInMotionPercent: 10,
          maxMovesPerHour: 20,
          maxConsecutiveFailures: 3,
        },
        metrics: { source: 'Auto', minCoverage: 0.8, maxUnknownPercent: 20 },
        scoring: { method: 'Average' },
        capacity: { maxPoolUsedPercent: 85 },
        approval: { mode: 'Automatic', expiresAfter: '24h' },
        moves: { allowSnapshots: false, allowReducedRedundancy: false },
      });
      const read = await expectCode(client.send('GET', `${policies}/${name}`), 200);
      assert.deepEqual(read.body, created);
    },
  },
  {
    title: 'defaults are filled into items of lists and a null stands for absent',
    run: async (client, name) => {
      const windows = [{ schedule: '0 22 * * *', duration: '6h' }];
      const created = await create(client, policies, policy(name, { windows, enabled: null, warmWatermarkIOPS: null }));
      assert.deepEqual(valueAt(created, 'spec', 'windows'), [{ ...windows[0], timeZone: 'UTC', action: 'Allow' }]);
      assert.equal(valueAt(created, 'spec', 'enabled'), true);
      assert.equal(valueAt(created, 'spec', 'warmWatermarkIOPS'), undefined);
    },
  },
  {
    title: 'generateName makes a name of the prefix and five characters',
    run: async (client, name) => {
      const created = await create(client, policies, policy({ generateName: `${name}-` }));
      assert.match(stringAt(created, 'metadata', 'name') ?? '', new RegExp(`^${name}-[a-z0-9]{5}$`));
    },
  },
  {
    title: 'a second create of a name is refused as AlreadyExists',
    run: async (client, name) => {
      await create(client, policies, policy(name));
      const again = await expectCode(client.send('POST', policies, { body: policy(name) }), 409);
      const message = `storagepolicies.storage.billyronks.io "${name}" already exists`;
      assert.deepEqual(again.body, failure(409, 'AlreadyExists', message, details(name)));
    },
  },
  {
    title: 'a create with a resourceVersion is refused',
    run: async (client, name) => {
      const body = policy({ name, resourceVersion: '5' });
      const response = await expectCode(client.send('POST', policies, { body }), 500);
      assert.equal(stringAt(response.body, 'message'), 'resourceVersion should not be set on objects to be created');
    },
  },
  {
    title: 'what is not there is NotFound under the plural of its kind',
    run: async (client, name) => {
      const custom = await expectCode(client.send('GET', `${policies}/${name}`), 404);
      const message = `storagepolicies.storage.billyronks.io "${name}" not found`;
      assert.deepEqual(custom.body, failure(404, 'NotFound', message, details(name)));
      const builtIn = await expectCode(client.send('GET', `/api/v1/namespaces/default/configmaps/${name}`), 404);
      const builtInDetails = { name, kind: 'configmaps' };
      assert.deepEqual(builtIn.body, failure(404, 'NotFound', `configmaps "${name}" not found`, builtInDetails));
      for (const method of ['PUT', 'PATCH', 'DELETE']) {
        const request = { body: policy(name), contentType: method === 'PATCH' ? mergePatch : 'application/json' };
        await expectCode(client.send(method, `${policies}/${name}`, method === 'DELETE' ? {} : request), 404);
      }
    },
  },
  {
    title: 'a namespaced create needs its namespace to exist and to be the one of the path',
    run: async (client, name) => {
      const missing = await client.send('POST', `/api/v1/namespaces/${name}/configmaps`, { body: configMap('x') });
      const message = `namespaces "${name}" not found`;
      assert.deepEqual(missing.body, failure(404, 'NotFound', message, { name, kind: 'namespaces' }));
      const path = await createNamespace(client, name);
      const other = await expectCode(
        client.send('POST', path, { body: configMap({ name: 'x', namespace: 'default' }) }),
        400,
      );
      assert.equal(
        stringAt(other.body, 'message'),
        'the namespace of the provided object does not match the namespace sent on the request',
      );
    },
  },
  {
    title: 'an object of another version is refused',
    run: async (client, name) => {
      const body = { ...policy(name), apiVersion: 'storage.billyronks.io/v2' };
      const response = await expectCode(client.send('POST', policies, { body }), 400);
      assert.equal(
        stringAt(response.body, 'message'),
        'the API version in the data (storage.billyronks.io/v2) does not match the expected API version (storage.billyronks.io/v1)',
      );
    },
  },
  {
    title: 'unknown fields are dropped with a warning, or refused when asked to be strict',
    run: async (client, name) => {
      const body = policy({ name, colour: 1 }, { colour: 1, limits: { colour: 1 } }, { colour: 2 });
      const strict = await expectCode(client.send('POST', `${policies}?fieldValidation=Strict`, { body }), 400);
      const fields = ['metadata.colour', 'colour', 'spec.colour', 'spec.limits.colour'];
      const message = stringAt(strict.body, 'message') ?? '';
      const start = 'StoragePolicy in version "v1" cannot be handled as a StoragePolicy: strict decoding error: ';
      assert.ok(message.startsWith(start), message);
      assert.deepEqual(
        message.slice(start.length).split(', ').sort(),
        fields.map((field) => `unknown field "${field}"`).sort(),
      );
      const warned = await expectCode(client.send('POST', policies, { body }), 201);
      assert.deepEqual([...warned.warnings].sort(), fields.map((field) => `unknown field "${field}"`).sort());
      assert.equal(valueAt(warned.body, 'spec', 'colour'), undefined);
      assert.equal(warned.body['colour'], undefined);
    },
  },
  {
    title: 'a dry run answers as the write would and stores nothing',
    run: async (client, name) => {
      await expectCode(client.send('POST', `${policies}?dryRun=All`, { body: policy(name) }), 201);
      await expectCode(client.send('GET', `${policies}/${name}`), 404);
      const invalid = policy(name, { highWatermarkIOPS: 1 });
      await expectCode(client.send('POST', `${policies}?dryRun=All`, { body: invalid }), 422);
    },
  },
  {
    title: 'an update must come from the latest version, and one that changes nothing is no write',
    run: async (client, name) => {
      const created = await create(client, policies, policy(name));
      const path = `${policies}/${name}`;
      const blind = await client.send('PUT', path, { body: policy(name) });
      assert.deepEqual(refusal(blind), {
        code: 422,
        reason: 'Invalid',
        causes: ['metadata.resourceVersion FieldValueInvalid: Invalid value: 0: must be specified for an update'],
      });
      const same = await expectCode(client.send('PUT', path, { body: created }), 200);
      assert.equal(revisionOf(same.body), revisionOf(created));
      const body = { ...created, spec: { ...poolSelectors, highWatermarkIOPS: 6000 } };
      const updated = await expectCode(client.send('PUT', path, { body }), 200);
      assert.equal(valueAt(updated.body, 'metadata', 'generation'), 2);
      assert.notEqual(revisionOf(updated.body), revisionOf(created));
      const stale = await expectCode(client.send('PUT', path, { body }), 409);
      const message = `Operation cannot be fulfilled on storagepolicies.storage.billyronks.io "${name}": the object has been modified; please apply your changes to the latest version and try again`;
      assert.deepEqual(stale.body, failure(409, 'Conflict', message, details(name)));
    },
  },
  {
    title: 'an update cannot rename, and cannot set what belongs to the server',
    run: async (client, name) => {
      const created = await create(client, policies, policy(name));
      const path = `${policies}/${name}`;
      const renamed = { ...created, metadata: { name: 'other', resourceVersion: revisionOf(created) } };
      const refused = await expectCode(client.send('PUT', path, { body: renamed }), 400);
      assert.equal(
        stringAt(refused.body, 'message'),
        `the name of the object (other) does not match the name on the URL (${name})`,
      );
      const forged = { metadata: { generation: 77, creationTimestamp: '2001-01-01T00:00:00Z', labels: { a: 'b' } } };
      const request = { body: forged, contentType: mergePatch };
      const patched = await expectCode(client.send('PATCH', path, request), 200);
      assert.equal(valueAt(patched.body, 'metadata', 'generation'), 1);
      assert.equal(
        valueAt(patched.body, 'metadata', 'creationTimestamp'),
        valueAt(created, 'metadata', 'creationTimestamp'),
      );
    },
  },
  {
    title: 'a ConfigMap may be updated without a resourceVersion and holds only text',
    run: async (client, name) => {
      const path = await createNamespace(client, name);
      await create(client, path, configMap('settings', { a: 'b' }));
      const updated = await expectCode(
        client.send('PUT', `${path}/settings`, { body: configMap('settings', { a: 'c' }) }),
        200,
      );
      assert.deepEqual(updated.body['data'], { a: 'c' });
      const detail = 'json: cannot unmarshal bool into Go struct field ConfigMap.data of type string';
      const put = await expectCode(
        client.send('PUT', `${path}/settings`, { body: configMap('settings', { paused: true }) }),
        400,
      );
      const start = 'ConfigMap in version "v1" cannot be handled as a ConfigMap: ';
      assert.equal(stringAt(put.body, 'message'), start + detail);
      const patched = await client.send('PATCH', `${path}/settings`, {
        body: { data: { paused: true } },
        contentType: mergePatch,
      });
      const { code, causes } = refusal(patched);
      const [cause = ''] = causes;
      assert.equal(code, 422);
      assert.ok(cause.startsWith('patch FieldValueInvalid: Invalid value: ') && cause.endsWith(detail), cause);
    },
  },
  {
    title: 'a Lease is created by its first update, and later ones need its version',
    run: async (client, name) => {
      const path = `/apis/coordination.k8s.io/v1/namespaces/default/leases/${name}`;
      const lease = (
        metadata: Record<string, string>,
        holderIdentity: string,
        renewTime = '2026-01-01T00:00:00.500000Z',
      ) => ({
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata: { name, namespace: 'default', ...metadata },
        spec: { holderIdentity, leaseDurationSeconds: 15, renewTime },
      });
      const made = await expectCode(client.send('PUT', path, { body: lease({}, 'a') }), 201);
      assert.equal(stringAt(made.body, 'spec', 'renewTime'), '2026-01-01T00:00:00.500000Z');
      const short = await expectCode(
        client.send('PUT', path, {
          body: lease({ resourceVersion: revisionOf(made.body) }, 'a', '2026-01-01T00:00:00.500Z'),
        }),
        400,
      );
      assert.equal(
        stringAt(short.body, 'message'),
        'Lease in version "v1" cannot be handled as a Lease: parsing time "2026-01-01T00:00:00.500Z" as "2006-01-02T15:04:05.000000Z07:00": cannot parse ".500Z" as ".000000"',
      );
      await expectCode(client.send('PUT', path, { body: lease({}, 'b') }), 422);
      const version = { resourceVersion: revisionOf(made.body) };
      await expectCode(client.send('PUT', path, { body: lease(version, 'b') }), 200);
      await expectCode(client.send('PUT', path, { body: lease(version, 'c') }), 409);
    },
  },
  {
    title: 'spec and status are written through endpoints of their own',
    run: async (client, name) => {
      const created = await create(client, policies, policy(name, {}, { status: { phase: 'Active' } }));
      assert.equal(created['status'], undefined);
      const path = `${policies}/${name}`;
      const both = { spec: { highWatermarkIOPS: 7000 }, status: { phase: 'Active', watchedVolumes: 3 } };
      const request = { body: both, contentType: mergePatch };
      const status = await expectCode(client.send('PATCH', `${path}/status`, request), 200);
      assert.deepEqual(status.body['status'], { phase: 'Active', watchedVolumes: 3 });
      assert.equal(valueAt(status.body, 'spec', 'highWatermarkIOPS'), 5000);
      assert.equal(valueAt(status.body, 'metadata', 'generation'), 1);
      const spec = await expectCode(
        client.send('PATCH', path, { body: { ...both, status: { phase: 'Error' } }, contentType: mergePatch }),
        200,
      );
      assert.equal(valueAt(spec.body, 'spec', 'highWatermarkIOPS'), 7000);
      assert.equal(valueAt(spec.body, 'status', 'phase'), 'Active');
      assert.equal(valueAt(spec.body, 'metadata', 'generation'), 2);
      const read = await expectCode(client.send('GET', `${path}/status`), 200);
      assert.equal(revisionOf(read.body), revisionOf(spec.body));
      await expectCode(client.send('GET', `${path}/scale`), 404);
    },
  },
  {
    title: 'a delete answers with what it deleted, under its preconditions',
    run: async (client, name) => {
      const created = await create(client, policies, policy(name));
      const path = `${policies}/${name}`;
      const other = await client.send('DELETE', path, { body: { preconditions: { uid: 'other' } } });
      assert.equal(other.status, 409);
      assert.match(stringAt(other.body, 'message') ?? '', /the UID in the precondition \(other\) does not match/);
      const deleted = await expectCode(client.send('DELETE', path), 200);
      assert.deepEqual(deleted.body, {
        kind: 'Status',
        apiVersion: 'v1',
        metadata: {},
        status: 'Success',
        details: { ...details(name), uid: stringAt(created, 'metadata', 'uid') },
      });
      await expectCode(client.send('GET', path), 404);
    },
  },
  {
    title: 'finalizers hold a deleted object until the last of them is removed',
    run: async (client, name) => {
      await create(client, policies, policy({ name, finalizers: ['storage.billyronks.io/test'] }));
      const path = `${policies}/${name}`;
      const marked = await expectCode(client.send('DELETE', path), 200);
      assert.ok(stringAt(marked.body, 'metadata', 'deletionTimestamp') !== undefined);
      assert.equal(valueAt(marked.body, 'metadata', 'deletionGracePeriodSeconds'), 0);
      assert.equal(valueAt(marked.body, 'metadata', 'generation'), 2);
      await expectCode(client.send('GET', path), 200);
      const request = { body: { metadata: { finalizers: null } }, contentType: mergePatch };
      await expectCode(client.send('PATCH', path, request), 200);
      await expectCode(client.send('GET', path), 404);
    },
  },
  {
    title: 'a collection is deleted by label',
    run: async (client, name) => {
      const path = await createNamespace(client, name);
      for (const [item, group] of [
        ['a', 'x'],
        ['b', 'y'],
        ['c', 'x'],
      ] as const) {
        await create(client, path, configMap({ name: item, labels: { group } }));
      }
      const deleted = await expectCode(client.send('DELETE', `${path}?labelSelector=group%3Dx`), 200);
      assert.deepEqual(namesOf(deleted.body), ['a', 'c']);
      const left = await client.send('GET', `${path}?labelSelector=group`);
      assert.deepEqual(namesOf(left.body), ['b']);
    },
  },
  {
    title: 'an Event is one object under both of its API groups, in the namespace of what it is about',
    run: async (client, name) => {
      const path = '/api/v1/namespaces/default/events';
      const event = {
        apiVersion: 'v1',
        kind: 'Event',
        metadata: { name },
        involvedObject: { apiVersion: 'v1', kind: 'PersistentVolume', name },
        reason: 'MigrationCompleted',
        message: 'moved to the hot tier',
        type: 'Normal',
        source: { component: 'couchestor' },
        firstTimestamp: '2026-01-01T00:00:00.7Z',
        lastTimestamp: '2026-01-01T00:00:00Z',
        count: 2,
      };
      await create(client, path, event);
      const newer = await expectCode(
        client.send('GET', `/apis/events.k8s.io/v1/namespaces/default/events/${name}`),
        200,
      );
      assert.equal(newer.body['apiVersion'], 'events.k8s.io/v1');
      assert.deepEqual(newer.body['regarding'], event.involvedObject);
      assert.equal(newer.body['note'], event.message);
      assert.equal(newer.body['deprecatedCount'], 2);
      assert.equal(newer.body['deprecatedFirstTimestamp'], '2026-01-01T00:00:00Z');
      assert.deepEqual(newer.body['deprecatedSource'], event.source);
      const about = await client.send('GET', `${path}?fieldSelector=involvedObject.name%3D${name}`);
      assert.deepEqual(namesOf(about.body), [name]);
      const involvedObject = { kind: 'PersistentVolumeClaim', namespace: 'other', name };
      const elsewhere = { ...event, metadata: { name: `${name}-2` }, involvedObject };
      assert.deepEqual(refusal(await client.send('POST', path, { body: elsewhere })), {
        code: 422,
        reason: 'Invalid',
        causes: ['involvedObject.namespace FieldValueInvalid: Invalid value: "other": does not match event.namespace'],
      });
    },
  },
];
