import assert from 'node:assert/strict';
import { isJsonArray, stringAt, valueAt, type JsonObject } from '../json.ts';
import type { ApiClient } from './api-client.ts';
import {
  applyPatch,
  asTable,
  createNamespace,
  expectCode,
  items,
  namesOf,
  revisionOf,
  type ConformanceCase,
} from './fixtures.ts';

/** MayastorVolumes: a kind of somebody else's group, in a namespace, whose status is no subresource of its own. */

const viewsOf = (namespace: string): string => `/apis/openebs.io/v1alpha1/namespaces/${namespace}/mayastorvolumes`;

async function applyView(
  client: ApiClient,
  namespace: string,
  name: string,
  status: JsonObject,
  labels: JsonObject = { 'app.kubernetes.io/managed-by': 'couchestor' },
): Promise<JsonObject> {
  const body = { apiVersion: 'openebs.io/v1alpha1', kind: 'MayastorVolume', metadata: { name, labels }, status };
  const path = `${viewsOf(namespace)}/${name}?fieldManager=couchestor&force=true`;
  const response = await client.send('PATCH', path, { body, contentType: applyPatch });
  assert.ok(response.status === 200 || response.status === 201, response.text.slice(0, 600));
  return response.body;
}

const status: JsonObject = {
  size: '1Gi',
  sizeBytes: 1_073_741_824,
  tier: 'hot',
  score: 1200,
  state: 'Online',
  replicaCount: 2,
  healthyReplicas: 1,
  rebuildPercent: 35,
  replicas: [{ replicaId: 'r1', pool: 'pool-1', state: 'Online' }],
  decision: { action: 'hold', reason: 'OnWantedTier', tierWanted: 'hot' },
};

export const viewCases: readonly ConformanceCase[] = [
  {
    title: 'an apply with a field that the definition does not know fails as a whole',
    run: async (client, name) => {
      await createNamespace(client, name);
      const body = {
        apiVersion: 'openebs.io/v1alpha1',
        kind: 'MayastorVolume',
        metadata: { name: 'v1' },
        status: { state: 'Online', unheardOf: 'x' },
      };
      const path = `${viewsOf(name)}/v1?fieldManager=couchestor&force=true`;
      const response = await expectCode(client.send('PATCH', path, { body, contentType: applyPatch }), 500);
      assert.equal(
        response.body['message'],
        'failed to create typed patch object (/v1; openebs.io/v1alpha1, Kind=MayastorVolume): .status.unheardOf: field not declared in schema',
      );
      await expectCode(client.send('GET', `${viewsOf(name)}/v1`), 404);
    },
  },
  {
    title: 'the view of a volume is applied as a whole, and the same again is no write',
    run: async (client, name) => {
      await createNamespace(client, name);
      const first = await applyView(client, name, 'v1', status);
      assert.equal(valueAt(first, 'metadata', 'generation'), 1);
      assert.deepEqual(first['status'], status);
      assert.equal(revisionOf(await applyView(client, name, 'v1', status)), revisionOf(first));

      const { rebuildPercent: _filled, ...filled } = status;
      const second = await applyView(client, name, 'v1', { ...filled, healthyReplicas: 2 });
      assert.deepEqual(second['status'], { ...filled, healthyReplicas: 2 });
      // Without a subresource the status counts as content.
      assert.equal(valueAt(second, 'metadata', 'generation'), 2);
      await expectCode(client.send('GET', `${viewsOf(name)}/v1/status`), 404);
    },
  },
  {
    title: 'views are printed in their columns, listed by label and page, and removed one by one',
    run: async (client, name) => {
      await createNamespace(client, name);
      for (const view of ['a', 'b', 'c']) await applyView(client, name, view, status);
      await applyView(client, name, 'theirs', {}, {});
      const table = await expectCode(client.send('GET', viewsOf(name), { accept: asTable }), 200);
      const rows = table.body['rows'];
      assert.ok(isJsonArray(rows));
      const cells = valueAt(rows[0], 'cells');
      assert.ok(isJsonArray(cells));
      assert.deepEqual(cells.slice(0, 8), ['a', '1Gi', 'hot', 1200, 'Online', 2, 1, 35]);

      const query = 'labelSelector=app.kubernetes.io%2Fmanaged-by%3Dcouchestor&limit=2';
      const page = await expectCode(client.send('GET', `${viewsOf(name)}?${query}`), 200);
      assert.deepEqual(namesOf(page.body), ['a', 'b']);
      const token = encodeURIComponent(stringAt(page.body, 'metadata', 'continue') ?? '');
      const rest = await expectCode(client.send('GET', `${viewsOf(name)}?${query}&continue=${token}`), 200);
      assert.deepEqual(namesOf(rest.body), ['c']);

      await expectCode(client.send('DELETE', `${viewsOf(name)}/b`), 200);
      await expectCode(client.send('DELETE', `${viewsOf(name)}/b`), 404);
      const left = await expectCode(client.send('GET', viewsOf(name)), 200);
      assert.equal(items(left.body).length, 3);
    },
  },
];
