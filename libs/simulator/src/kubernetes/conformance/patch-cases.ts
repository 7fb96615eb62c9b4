import assert from 'node:assert/strict';
import { stringAt, valueAt } from '../json.ts';
import {
  configMap,
  create,
  createNamespace,
  expectCode,
  failure,
  jsonPatch,
  mergePatch,
  policies,
  policy,
  revisionOf,
  strategicPatch,
  volume,
  volumes,
  type ConformanceCase,
} from './fixtures.ts';

export const patchCases: readonly ConformanceCase[] = [
  {
    title: 'a merge patch merges, null removes, and a removed field gets its default again',
    run: async (client, name) => {
      await create(client, policies, policy({ name, labels: { a: '1', b: '2' } }, { highWatermarkIOPS: 9000 }));
      const body = {
        metadata: { labels: { a: null, c: '3' } },
        spec: { highWatermarkIOPS: null, limits: { perPool: 4 } },
      };
      const patched = await expectCode(
        client.send('PATCH', `${policies}/${name}`, { body, contentType: mergePatch }),
        200,
      );
      assert.deepEqual(valueAt(patched.body, 'metadata', 'labels'), { b: '2', c: '3' });
      assert.equal(valueAt(patched.body, 'spec', 'highWatermarkIOPS'), 5000);
      assert.equal(valueAt(patched.body, 'spec', 'limits', 'perPool'), 4);
      assert.equal(valueAt(patched.body, 'spec', 'limits', 'perNode'), 1);
      assert.equal(valueAt(patched.body, 'metadata', 'generation'), 2);
    },
  },
  {
    title: 'labels and annotations do not count as a new generation, and a patch without effect is no write',
    run: async (client, name) => {
      const created = await create(client, policies, policy(name));
      const path = `${policies}/${name}`;
      const label = { body: { metadata: { annotations: { a: 'b' } } }, contentType: mergePatch };
      const labelled = await expectCode(client.send('PATCH', path, label), 200);
      assert.equal(valueAt(labelled.body, 'metadata', 'generation'), 1);
      assert.notEqual(revisionOf(labelled.body), revisionOf(created));
      const again = await expectCode(client.send('PATCH', path, label), 200);
      assert.equal(revisionOf(again.body), revisionOf(labelled.body));
    },
  },
  {
    title: 'a patch that names a resourceVersion holds only for that',
    run: async (client, name) => {
      const created = await create(client, policies, policy(name));
      const path = `${policies}/${name}`;
      const at = (resourceVersion: string, maxConcurrentMigrations: number) => ({
        body: { metadata: { resourceVersion }, spec: { maxConcurrentMigrations } },
        contentType: mergePatch,
      });
      await expectCode(client.send('PATCH', path, at(revisionOf(created), 3)), 200);
      const stale = await expectCode(client.send('PATCH', path, at(revisionOf(created), 4)), 409);
      assert.equal(stringAt(stale.body, 'reason'), 'Conflict');
    },
  },
  {
    title: 'a JSON patch applies as a whole or not at all',
    run: async (client, name) => {
      await create(client, policies, policy(name));
      const path = `${policies}/${name}`;
      const send = (body: readonly Record<string, string | number | boolean>[]) =>
        client.send('PATCH', path, { body, contentType: jsonPatch });
      const patched = await expectCode(
        send([
          { op: 'test', path: '/spec/enabled', value: true },
          { op: 'replace', path: '/spec/enabled', value: false },
          { op: 'add', path: '/spec/limits/perPool', value: 5 },
          { op: 'remove', path: '/spec/maxConcurrentMigrations' },
        ]),
        200,
      );
      assert.equal(valueAt(patched.body, 'spec', 'enabled'), false);
      assert.equal(valueAt(patched.body, 'spec', 'limits', 'perPool'), 5);
      assert.equal(valueAt(patched.body, 'spec', 'maxConcurrentMigrations'), 2);
      const refused = [
        await send([{ op: 'test', path: '/spec/enabled', value: true }]),
        await send([{ op: 'remove', path: '/spec/colour' }]),
      ];
      for (const response of refused) {
        assert.equal(response.status, 422);
        assert.equal(
          stringAt(response.body, 'message'),
          'the server rejected our request due to an error in our request',
        );
      }
    },
  },
  {
    title: 'a custom kind takes no strategic merge patch, and no patch of an unnamed form',
    run: async (client, name) => {
      await create(client, policies, policy(name));
      for (const contentType of [strategicPatch, 'application/json']) {
        const response = await expectCode(
          client.send('PATCH', `${policies}/${name}`, { body: { spec: { enabled: false } }, contentType }),
          415,
        );
        assert.deepEqual(
          response.body,
          failure(
            415,
            'UnsupportedMediaType',
            'the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml',
          ),
        );
      }
    },
  },
  {
    title: 'a strategic merge patch merges maps, adds finalizers and replaces other lists',
    run: async (client, name) => {
      await create(client, volumes, volume(name, { labels: { a: '1' }, finalizers: ['example.com/a'] }));
      const body = {
        metadata: { labels: { b: '2' }, annotations: { x: 'y' }, finalizers: ['example.com/b'] },
        spec: { mountOptions: ['noatime'], persistentVolumeReclaimPolicy: 'Retain' },
      };
      const patched = await expectCode(
        client.send('PATCH', `${volumes}/${name}`, { body, contentType: strategicPatch }),
        200,
      );
      assert.deepEqual(valueAt(patched.body, 'metadata', 'labels'), { a: '1', b: '2' });
      assert.deepEqual(valueAt(patched.body, 'metadata', 'annotations'), { x: 'y' });
      const finalizers = valueAt(patched.body, 'metadata', 'finalizers');
      assert.ok(
        Array.isArray(finalizers) && finalizers.includes('example.com/a') && finalizers.includes('example.com/b'),
      );
      assert.deepEqual(valueAt(patched.body, 'spec', 'mountOptions'), ['noatime']);
      assert.equal(valueAt(patched.body, 'spec', 'persistentVolumeReclaimPolicy'), 'Retain');
      assert.equal(valueAt(patched.body, 'spec', 'storageClassName'), 'mayastor');
      const removed = await expectCode(
        client.send('PATCH', `${volumes}/${name}`, {
          body: { metadata: { annotations: { x: null } } },
          contentType: strategicPatch,
        }),
        200,
      );
      assert.equal(valueAt(removed.body, 'metadata', 'annotations', 'x'), undefined);
    },
  },
  {
    title: 'the status of a volume is written through its own endpoint',
    run: async (client, name) => {
      const created = await create(client, volumes, { ...volume(name), status: { phase: 'Bound' } });
      assert.equal(valueAt(created, 'status', 'phase'), 'Pending');
      const request = { body: { status: { phase: 'Available' } }, contentType: mergePatch };
      const plain = await expectCode(client.send('PATCH', `${volumes}/${name}`, request), 200);
      assert.equal(valueAt(plain.body, 'status', 'phase'), 'Pending');
      const status = await expectCode(client.send('PATCH', `${volumes}/${name}/status`, request), 200);
      assert.equal(valueAt(status.body, 'status', 'phase'), 'Available');
    },
  },
  {
    title: 'a patch must be readable and may not rename',
    run: async (client, name) => {
      const path = await createNamespace(client, name);
      await create(client, path, configMap('a'));
      const broken = await expectCode(
        client.send('PATCH', `${path}/a`, { body: '{"data":', contentType: mergePatch }),
        400,
      );
      assert.equal(stringAt(broken.body, 'reason'), 'BadRequest');
      const renamed = await expectCode(
        client.send('PATCH', `${path}/a`, { body: { metadata: { name: 'b' } }, contentType: mergePatch }),
        400,
      );
      assert.equal(
        stringAt(renamed.body, 'message'),
        'the name of the object (b) does not match the name on the URL (a)',
      );
    },
  },
];
