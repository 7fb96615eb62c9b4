import assert from 'node:assert/strict';
import { isJsonArray, stringAt, valueAt } from '../json.ts';
import type { ApiClient, ApiResponse } from './api-client.ts';
import {
  configMap,
  create,
  createNamespace,
  expectCode,
  failure,
  items,
  namesOf,
  policies,
  policy,
  type ConformanceCase,
} from './fixtures.ts';

/** ConfigMaps `a` to `g` in a namespace of their own; every one has the label `place`. */
async function createSeven(client: ApiClient, name: string): Promise<string> {
  const path = await createNamespace(client, name);
  for (const [index, item] of ['c', 'a', 'g', 'e', 'b', 'f', 'd'].entries()) {
    const labels = { place: String(index), parity: index % 2 === 0 ? 'even' : 'odd' };
    await create(client, path, configMap({ name: item, labels }));
  }
  return path;
}

const own = 'labelSelector=place';

function token(response: ApiResponse): string {
  return encodeURIComponent(stringAt(response.body, 'metadata', 'continue') ?? '');
}

export const listCases: readonly ConformanceCase[] = [
  {
    title: 'a list comes in pages, in the order of names, all at one resourceVersion',
    run: async (client, name) => {
      const path = await createSeven(client, name);
      const first = await expectCode(client.send('GET', `${path}?limit=3`), 200);
      assert.equal(first.body['kind'], 'ConfigMapList');
      assert.deepEqual(namesOf(first.body), ['a', 'b', 'c']);
      assert.ok(valueAt(first.body, 'metadata', 'remainingItemCount') !== undefined);
      await create(client, path, configMap({ name: 'bb', labels: { place: 'x' } }));
      await create(client, path, configMap({ name: 'dd', labels: { place: 'x' } }));
      const second = await expectCode(client.send('GET', `${path}?limit=3&continue=${token(first)}`), 200);
      assert.deepEqual(namesOf(second.body), ['d', 'e', 'f']);
      const third = await expectCode(client.send('GET', `${path}?limit=3&continue=${token(second)}`), 200);
      assert.deepEqual(
        namesOf(third.body).filter((item) => item.length === 1),
        ['g'],
      );
      assert.equal(stringAt(third.body, 'metadata', 'continue'), undefined);
      const revisions = [first, second, third].map(({ body }) => stringAt(body, 'metadata', 'resourceVersion'));
      assert.equal(new Set(revisions).size, 1);
    },
  },
  {
    title: 'with a selector pages are full of matches and the rest is not counted',
    run: async (client, name) => {
      const path = await createSeven(client, name);
      const first = await client.send('GET', `${path}?${own},parity%3Deven&limit=3`);
      assert.deepEqual(namesOf(first.body), ['b', 'c', 'd']);
      assert.equal(valueAt(first.body, 'metadata', 'remainingItemCount'), undefined);
      const second = await client.send('GET', `${path}?${own},parity%3Deven&limit=3&continue=${token(first)}`);
      assert.deepEqual(namesOf(second.body), ['g']);
    },
  },
  {
    title: 'revision 0 is answered from a cache, which does not page',
    run: async (client, name) => {
      const path = await createSeven(client, name);
      const response = await client.send('GET', `${path}?${own}&limit=2&resourceVersion=0`);
      assert.equal(namesOf(response.body).length, 7);
    },
  },
  {
    title: 'an unfinished list expires with 410 and a token that goes on with what is there now',
    run: async (client, name) => {
      const path = await createSeven(client, name);
      const first = await client.send('GET', `${path}?limit=3`);
      await create(client, path, configMap({ name: 'dd', labels: { place: 'x' } }));
      await client.expireHistory();
      const expired = await expectCode(client.send('GET', `${path}?limit=3&continue=${token(first)}`), 410);
      assert.equal(stringAt(expired.body, 'reason'), 'Expired');
      assert.match(stringAt(expired.body, 'message') ?? '', /^The provided continue parameter is too old/);
      const rest = await expectCode(client.send('GET', `${path}?limit=10&continue=${token(expired)}`), 200);
      assert.deepEqual(
        namesOf(rest.body).filter((item) => item.length <= 2),
        ['d', 'dd', 'e', 'f', 'g'],
      );
    },
  },
  {
    title: 'labels are selected by equality and by sets',
    run: async (client, name) => {
      const path = await createSeven(client, name);
      const select = async (selector: string): Promise<string[]> => {
        const response = await client.send('GET', `${path}?labelSelector=${encodeURIComponent(selector)}`);
        return namesOf((await expectCode(Promise.resolve(response), 200)).body).filter((item) => item.length === 1);
      };
      assert.deepEqual(await select('place=0'), ['c']);
      assert.deepEqual(await select('place==0'), ['c']);
      assert.deepEqual(await select('place,parity!=even'), ['a', 'e', 'f']);
      assert.deepEqual(await select('place in (0, 2,6)'), ['c', 'd', 'g']);
      assert.deepEqual(await select('place,place notin (0,2,6)'), ['a', 'b', 'e', 'f']);
      assert.deepEqual(await select('parity=odd,place in (1,2)'), ['a']);
      assert.deepEqual(await select('place,!parity'), []);
      assert.deepEqual(await select('place=none'), []);
      const all = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
      assert.deepEqual(await select('place,tier notin (hot)'), all);
      assert.deepEqual(await select('place,tier!=hot'), all);
      assert.deepEqual(await select('place,tier in (hot)'), []);
    },
  },
  {
    title: 'names are selected by field, and other fields are refused by name',
    run: async (client, name) => {
      const path = await createSeven(client, name);
      const one = await client.send('GET', `${path}?fieldSelector=metadata.name%3Db`);
      assert.deepEqual(namesOf(one.body), ['b']);
      const everywhere = await client.send(
        'GET',
        `/api/v1/configmaps?fieldSelector=metadata.namespace%3D${name},metadata.name!%3Db&${own}`,
      );
      assert.equal(namesOf(everywhere.body).length, 6);
      await create(client, policies, policy(name));
      const policyByName = await client.send('GET', `${policies}?fieldSelector=metadata.name%3D${name}`);
      assert.deepEqual(namesOf(policyByName.body), [name]);
      const custom = await client.send('GET', `${policies}?fieldSelector=spec.enabled%3Dtrue`);
      assert.deepEqual(custom.body, failure(400, 'BadRequest', 'field label not supported: spec.enabled'));
      const builtIn = await client.send('GET', `${path}?fieldSelector=spec.enabled%3Dtrue`);
      assert.equal(builtIn.status, 400);
      assert.match(stringAt(builtIn.body, 'message') ?? '', /^"spec.enabled" is not a known field selector/);
    },
  },
  {
    title: 'what a list cannot be asked is a BadRequest',
    run: async (client) => {
      const messages: readonly (readonly [query: string, message: RegExp])[] = [
        ['limit=x', /^strconv.ParseInt: parsing "x": invalid syntax$/],
        ['continue=abc', /^invalid continue token: continue key is not valid/],
        ['labelSelector=a%20in%20(', /^unable to parse requirement: found '', expected: ',', '\)' or identifier$/],
        ['resourceVersion=abc', /^invalid resource version: resourceVersion: Invalid value: "abc"/],
      ];
      for (const [query, message] of messages) {
        const response = await expectCode(client.send('GET', `${policies}?${query}`), 400);
        assert.equal(stringAt(response.body, 'reason'), 'BadRequest');
        assert.match(stringAt(response.body, 'message') ?? '', message);
      }
    },
  },
  {
    title: 'a resourceVersion that the server has not reached is a Timeout',
    run: async (client) => {
      const response = await expectCode(client.send('GET', `${policies}?resourceVersion=999999999`), 504);
      assert.equal(stringAt(response.body, 'reason'), 'Timeout');
      assert.match(
        stringAt(response.body, 'message') ?? '',
        /^Timeout: Too large resource version: 999999999, current: \d+$/,
      );
      const causes = valueAt(response.body, 'details', 'causes');
      assert.ok(isJsonArray(causes));
      assert.equal(stringAt(causes[0], 'reason'), 'ResourceVersionTooLarge');
    },
  },
  {
    title: 'a list of metadata alone leaves out the rest',
    run: async (client, name) => {
      const path = await createSeven(client, name);
      const response = await client.send('GET', `${path}?${own}&limit=1`, {
        accept: 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1',
      });
      assert.equal(response.body['kind'], 'PartialObjectMetadataList');
      const [item] = items(response.body);
      assert.equal(stringAt(item, 'metadata', 'name'), 'a');
      assert.equal(item?.['data'], undefined);
    },
  },
];
