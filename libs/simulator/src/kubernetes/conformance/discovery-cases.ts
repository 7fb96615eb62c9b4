import assert from 'node:assert/strict';
import { isJsonArray, isJsonObject, stringAt, type JsonObject } from '../json.ts';
import {
  asTable,
  create,
  createNamespace,
  configMap,
  expectCode,
  failure,
  mergePatch,
  policies,
  policy,
  volume,
  volumes,
  type ConformanceCase,
} from './fixtures.ts';

function entries(body: JsonObject, list: string): JsonObject[] {
  const found = body[list];
  return isJsonArray(found) ? found.filter(isJsonObject) : [];
}

/** What clients read of a resource in discovery. */
function described(resource: JsonObject | undefined): JsonObject {
  const { name, singularName, namespaced, kind, shortNames, verbs } = resource ?? {};
  return { name, singularName, namespaced, kind, shortNames, verbs: isJsonArray(verbs) ? [...verbs].sort() : [] };
}

const allVerbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];

/** The columns as `Name`, or `Name (wide)`. */
function columns(table: JsonObject): string {
  return entries(table, 'columnDefinitions')
    .map((column) => `${stringAt(column, 'name') ?? ''}${column['priority'] === 1 ? ' (wide)' : ''}`)
    .join(', ');
}

export const discoveryCases: readonly ConformanceCase[] = [
  {
    title: 'discovery names groups, versions, resources, verbs and short names',
    run: async (client) => {
      const core = await expectCode(client.send('GET', '/api'), 200);
      assert.deepEqual(core.body['versions'], ['v1']);
      const groups = entries((await expectCode(client.send('GET', '/apis'), 200)).body, 'groups');
      const group = groups.find(({ name }) => name === 'storage.billyronks.io');
      assert.deepEqual(group?.['preferredVersion'], { groupVersion: 'storage.billyronks.io/v1', version: 'v1' });
      for (const name of ['coordination.k8s.io', 'events.k8s.io', 'apiextensions.k8s.io', 'openebs.io']) {
        assert.ok(
          groups.some((candidate) => candidate['name'] === name),
          name,
        );
      }
      const served = await expectCode(client.send('GET', '/apis/storage.billyronks.io/v1'), 200);
      assert.equal(served.body['groupVersion'], 'storage.billyronks.io/v1');
      const resources = entries(served.body, 'resources');
      assert.deepEqual(described(resources.find(({ name }) => name === 'storagepolicies')), {
        name: 'storagepolicies',
        singularName: 'storagepolicy',
        namespaced: false,
        kind: 'StoragePolicy',
        shortNames: ['sp', 'spolicy'],
        verbs: allVerbs,
      });
      assert.deepEqual(described(resources.find(({ name }) => name === 'storagepolicies/status')), {
        name: 'storagepolicies/status',
        singularName: '',
        namespaced: false,
        kind: 'StoragePolicy',
        shortNames: undefined,
        verbs: ['get', 'patch', 'update'],
      });
      const coreResources = entries((await client.send('GET', '/api/v1')).body, 'resources');
      assert.deepEqual(described(coreResources.find(({ name }) => name === 'persistentvolumes')), {
        name: 'persistentvolumes',
        singularName: 'persistentvolume',
        namespaced: false,
        kind: 'PersistentVolume',
        shortNames: ['pv'],
        verbs: allVerbs,
      });
      const pools = await expectCode(client.send('GET', '/apis/openebs.io'), 200);
      assert.deepEqual(pools.body['preferredVersion'], { groupVersion: 'openebs.io/v1beta3', version: 'v1beta3' });
    },
  },
  {
    title: 'what is not served is a plain 404',
    run: async (client) => {
      for (const path of ['/apis/nothing.example.com/v1', '/api/v2', '/nothing']) {
        await expectCode(client.send('GET', path), 404);
      }
    },
  },
  {
    title: 'the server says that it is well, and its version',
    run: async (client) => {
      for (const path of ['/healthz', '/livez', '/readyz']) {
        assert.equal((await expectCode(client.send('GET', path), 200)).text, 'ok');
      }
      const version = await expectCode(client.send('GET', '/version'), 200);
      assert.match(stringAt(version.body, 'gitVersion') ?? '', /^v1\.\d+/);
    },
  },
  {
    title: 'policies are printed in the columns of their definition',
    run: async (client, name) => {
      await create(client, policies, policy(name, { dryRun: true }));
      const status = { phase: 'Active', watchedVolumes: 50, totalMigrations: 120, hotVolumes: 20 };
      await client.send('PATCH', `${policies}/${name}/status`, { body: { status }, contentType: mergePatch });
      const table = await expectCode(
        client.send('GET', `${policies}?fieldSelector=metadata.name%3D${name}`, { accept: asTable }),
        200,
      );
      assert.equal(table.body['kind'], 'Table');
      assert.equal(
        columns(table.body),
        'Name, High IOPS, Low IOPS, Phase, Watched, Migrations, Hot (wide), Warm (wide), Cold (wide), Active (wide), Failed (wide), Dry-Run (wide), StorageClass (wide), Age',
      );
      assert.deepEqual(
        entries(table.body, 'columnDefinitions').map(({ type }) => type),
        [['string', 'integer', 'integer', 'string'], Array(7).fill('integer'), ['boolean', 'string', 'date']].flat(),
      );
      const [row] = entries(table.body, 'rows');
      const cells = row?.['cells'];
      assert.ok(isJsonArray(cells));
      const expected = [name, 5000, 500, 'Active', 50, 120, 20, null, null, null, null, true, 'mayastor'];
      assert.deepEqual(cells.slice(0, -1), expected);
      assert.match(JSON.stringify(cells.at(-1)), /^"\d+s"$/);
      assert.equal(stringAt(row, 'object', 'kind'), 'PartialObjectMetadata');
      assert.equal(stringAt(row, 'object', 'metadata', 'name'), name);
    },
  },
  {
    title: 'volumes, claims, config maps, leases, namespaces and events are printed in their columns',
    run: async (client, name) => {
      const path = await createNamespace(client, name);
      await create(client, path, configMap('settings', { a: '1', b: '2' }));
      await create(client, volumes, volume(name));
      const print = async (list: string): Promise<JsonObject> =>
        (await expectCode(client.send('GET', list, { accept: asTable }), 200)).body;
      const own = `fieldSelector=metadata.name%3D${name}`;
      const printed = await print(`${volumes}?${own}`);
      assert.equal(
        columns(printed),
        'Name, Capacity, Access Modes, Reclaim Policy, Status, Claim, StorageClass, VolumeAttributesClass, Reason, Age, VolumeMode (wide)',
      );
      const cells = entries(printed, 'rows')[0]?.['cells'];
      assert.ok(isJsonArray(cells));
      const expected = [
        name,
        '1Gi',
        'RWO',
        'Delete',
        'Pending',
        'default/data',
        'mayastor',
        '<unset>',
        '',
        'Filesystem',
      ];
      assert.deepEqual(cells.toSpliced(9, 1), expected);
      const configMaps = await print(`${path}?fieldSelector=metadata.name%3Dsettings`);
      const configMapCells = entries(configMaps, 'rows')[0]?.['cells'];
      assert.ok(isJsonArray(configMapCells));
      assert.deepEqual(configMapCells.slice(0, 2), ['settings', 2]);
      assert.equal(columns(configMaps), 'Name, Data, Age');
      const lists = {
        '/api/v1/persistentvolumeclaims':
          'Name, Status, Volume, Capacity, Access Modes, StorageClass, VolumeAttributesClass, Age, VolumeMode (wide)',
        '/apis/coordination.k8s.io/v1/leases': 'Name, Holder, Age',
        '/api/v1/namespaces': 'Name, Status, Age',
        '/api/v1/events':
          'Last Seen, Type, Reason, Object, Subobject (wide), Source (wide), Message, First Seen (wide), Count (wide), Name (wide)',
      };
      for (const [list, expectedColumns] of Object.entries(lists)) {
        assert.equal(columns(await print(list)), expectedColumns);
      }
    },
  },
  {
    title: 'a DiskPool is one object under both of its versions',
    run: async (client, name) => {
      await createNamespace(client, name);
      const path = (version: string) => `/apis/openebs.io/${version}/namespaces/${name}/diskpools`;
      const pool = {
        apiVersion: 'openebs.io/v1beta2',
        kind: 'DiskPool',
        metadata: { name: 'pool-1', labels: { tier: 'hot' } },
        spec: { node: 'node-1', disks: ['aio:///dev/sdb'] },
      };
      await create(client, path('v1beta2'), pool);
      const newer = await expectCode(client.send('GET', `${path('v1beta3')}/pool-1`), 200);
      assert.equal(newer.body['apiVersion'], 'openebs.io/v1beta3');
      assert.deepEqual(newer.body['spec'], pool.spec);
      const body = { status: { cr_state: 'Created', pool_status: 'Online', capacity: 100, used: 40, available: 60 } };
      const request = { body, contentType: mergePatch };
      await expectCode(client.send('PATCH', `${path('v1beta2')}/pool-1/status`, request), 200);
      const table = await expectCode(client.send('GET', path('v1beta2'), { accept: asTable }), 200);
      const expected = ['pool-1', 'node-1', 'Created', 'Online', 100, 40, 60];
      assert.deepEqual(entries(table.body, 'rows')[0]?.['cells'], expected);
    },
  },
  {
    title: 'a wrong token is Unauthorized, and none may do nothing',
    run: async (client) => {
      const wrong = await expectCode(client.send('GET', policies, { token: 'wrong' }), 401);
      assert.deepEqual(wrong.body, failure(401, 'Unauthorized', 'Unauthorized'));
      const anonymous = await expectCode(client.send('GET', policies, { token: null }), 403);
      assert.equal(stringAt(anonymous.body, 'reason'), 'Forbidden');
      assert.match(stringAt(anonymous.body, 'message') ?? '', /User "system:anonymous" cannot list/);
      await expectCode(client.send('POST', policies, { token: null, body: policy('x') }), 403);
    },
  },
];
