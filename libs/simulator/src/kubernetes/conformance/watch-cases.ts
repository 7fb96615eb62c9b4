import assert from 'node:assert/strict';
import { isJsonArray, stringAt, valueAt } from '../json.ts';
import type { WatchFrame, WatchStream } from './api-client.ts';
import {
  asTable,
  configMap,
  create,
  createNamespace,
  expectCode,
  mergePatch,
  policies,
  policy,
  refusal,
  revisionOf,
  type ConformanceCase,
} from './fixtures.ts';

async function take(stream: WatchStream, count: number): Promise<WatchFrame[]> {
  const frames: WatchFrame[] = [];
  while (frames.length < count) {
    const frame = await stream.next();
    assert.ok(frame !== undefined, 'the watch ended early');
    frames.push(frame);
  }
  return frames;
}

function brief({ type, object }: WatchFrame): string {
  return `${type} ${stringAt(object, 'metadata', 'name') ?? ''}`;
}

export const watchCases: readonly ConformanceCase[] = [
  {
    title: 'a watch from a list tells each later change once, in order, and nothing for a write without change',
    run: async (client, name) => {
      const path = await createNamespace(client, name);
      const list = await client.send('GET', path);
      const stream = await client.watch(`${path}?watch=1&resourceVersion=${revisionOf(list.body)}&labelSelector=own`);
      const created = await create(client, path, configMap({ name: 'a', labels: { own: '' } }, { x: '1' }));
      const patch = { body: { data: { x: '2' } }, contentType: mergePatch };
      const patched = await expectCode(client.send('PATCH', `${path}/a`, patch), 200);
      const same = await expectCode(client.send('PATCH', `${path}/a`, patch), 200);
      assert.equal(revisionOf(same.body), revisionOf(patched.body));
      await create(client, path, configMap({ name: 'b', labels: { own: '' } }));
      await expectCode(client.send('DELETE', `${path}/a`), 200);
      const frames = await take(stream, 4);
      stream.close();
      assert.deepEqual(frames.map(brief), ['ADDED a', 'MODIFIED a', 'ADDED b', 'DELETED a']);
      assert.deepEqual(frames[0]?.object, created);
      assert.deepEqual(frames[1]?.object, patched.body);
      const revisions = frames.map(({ object }) => Number(revisionOf(object)));
      assert.deepEqual(
        [...revisions].sort((a, b) => a - b),
        revisions,
      );
      assert.equal(new Set(revisions).size, 4);
      assert.deepEqual(valueAt(frames[3]?.object, 'data'), { x: '2' });
    },
  },
  {
    title: 'a watch without a resourceVersion begins with everything there is',
    run: async (client, name) => {
      const path = await createNamespace(client, name);
      await create(client, path, configMap({ name: 'b', labels: { own: '' } }));
      await create(client, path, configMap({ name: 'a', labels: { own: '' } }));
      for (const query of ['', '&resourceVersion=0']) {
        const stream = await client.watch(`${path}?watch=true&labelSelector=own${query}`);
        const frames = await take(stream, 2);
        stream.close();
        assert.deepEqual(frames.map(brief).sort(), ['ADDED a', 'ADDED b']);
      }
    },
  },
  {
    title: 'a watch resumes from the resourceVersion of the last event',
    run: async (client, name) => {
      const path = await createNamespace(client, name);
      const first = await create(client, path, configMap({ name: 'a', labels: { own: '' } }));
      await create(client, path, configMap({ name: 'b', labels: { own: '' } }));
      await create(client, path, configMap({ name: 'c', labels: { own: '' } }));
      const stream = await client.watch(`${path}?watch=1&resourceVersion=${revisionOf(first)}&labelSelector=own`);
      const frames = await take(stream, 2);
      stream.close();
      assert.deepEqual(frames.map(brief), ['ADDED b', 'ADDED c']);
    },
  },
  {
    title: 'an object that begins or stops to match a selector appears and goes',
    run: async (client, name) => {
      const path = await createNamespace(client, name);
      const list = await client.send('GET', path);
      const query = `watch=1&resourceVersion=${revisionOf(list.body)}&labelSelector=tier%3Dhot`;
      const stream = await client.watch(`${path}?${query}`);
      await create(client, path, configMap({ name: 'a', labels: { tier: 'cold' } }));
      for (const tier of ['hot', 'hot', 'cold', 'warm', 'hot']) {
        const body = { metadata: { labels: { tier } }, data: { tier } };
        await expectCode(client.send('PATCH', `${path}/a`, { body, contentType: mergePatch }), 200);
      }
      await expectCode(
        client.send('PATCH', `${path}/a`, { body: { data: { more: 'x' } }, contentType: mergePatch }),
        200,
      );
      await expectCode(client.send('DELETE', `${path}/a`), 200);
      const frames = await take(stream, 5);
      stream.close();
      assert.deepEqual(
        frames.map(({ type }) => type),
        ['ADDED', 'DELETED', 'ADDED', 'MODIFIED', 'DELETED'],
      );
    },
  },
  {
    title: 'a watch from a forgotten resourceVersion gets one ERROR event with 410 and ends',
    run: async (client) => {
      const stream = await client.watch(`${policies}?watch=1&resourceVersion=1`);
      const [frame] = await take(stream, 1);
      assert.equal(frame?.type, 'ERROR');
      assert.equal(valueAt(frame?.object, 'code'), 410);
      assert.equal(stringAt(frame?.object, 'reason'), 'Expired');
      assert.match(stringAt(frame?.object, 'message') ?? '', /^too old resource version: 1 \(\d+\)$/);
      assert.equal(await stream.next(), undefined);
    },
  },
  {
    title: 'a bookmark tells how far a watch has come, past changes that it does not show',
    run: async (client, name) => {
      const list = await client.send('GET', policies);
      const query = `watch=1&allowWatchBookmarks=true&resourceVersion=${revisionOf(list.body)}&labelSelector=none`;
      // The real server sends one shortly before the end, and looks for watches that are due about once a second.
      const streams = await Promise.all(
        [5, 6].map((timeoutSeconds) => client.watch(`${policies}?${query}&timeoutSeconds=${timeoutSeconds}`)),
      );
      const created = await create(client, policies, policy(name));
      const passed = Number(revisionOf(created));
      const reach = async (stream: WatchStream): Promise<WatchFrame> => {
        const [frame] = await take(stream, 1);
        assert.equal(frame?.type, 'BOOKMARK');
        return Number(revisionOf(frame.object)) < passed ? reach(stream) : frame;
      };
      const frame = await Promise.any(streams.map(reach));
      for (const stream of streams) stream.close();
      assert.deepEqual(frame.object, {
        kind: 'StoragePolicy',
        apiVersion: 'storage.billyronks.io/v1',
        metadata: { resourceVersion: revisionOf(frame.object) },
      });
    },
  },
  {
    title: 'one object is watched by its name',
    run: async (client, name) => {
      await create(client, policies, policy(name));
      await create(client, policies, policy(`${name}-2`));
      const stream = await client.watch(`${policies}?watch=1&fieldSelector=metadata.name%3D${name}`);
      await expectCode(client.send('DELETE', `${policies}/${name}-2`), 200);
      await expectCode(client.send('DELETE', `${policies}/${name}`), 200);
      const frames = await take(stream, 2);
      stream.close();
      assert.deepEqual(frames.map(brief), [`ADDED ${name}`, `DELETED ${name}`]);
    },
  },
  {
    title: 'initial events need a match of the resourceVersion',
    run: async (client) => {
      const response = await client.send('GET', `${policies}?watch=1&sendInitialEvents=true&timeoutSeconds=1`);
      assert.deepEqual(refusal(response), {
        code: 422,
        reason: 'Invalid',
        causes: [
          'resourceVersionMatch FieldValueForbidden: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan',
        ],
      });
    },
  },
  {
    title: 'a watch as a table names its columns once',
    run: async (client, name) => {
      const path = await createNamespace(client, name);
      await create(client, path, configMap({ name: 'a', labels: { own: '' } }, { x: '1', y: '2' }));
      await create(client, path, configMap({ name: 'b', labels: { own: '' } }));
      const stream = await client.watch(`${path}?watch=1&labelSelector=own`, { accept: asTable });
      const frames = await take(stream, 2);
      stream.close();
      assert.equal(frames[0]?.object['kind'], 'Table');
      assert.ok(isJsonArray(frames[0]?.object['columnDefinitions']));
      assert.equal(frames[1]?.object['columnDefinitions'], null);
      const rows = frames.map(({ object }) => valueAt(object, 'rows')).flatMap((row) => (isJsonArray(row) ? row : []));
      assert.deepEqual(
        rows.map((row) => valueAt(row, 'cells')).map((cells) => (isJsonArray(cells) ? cells.slice(0, 2) : [])),
        [
          ['a', 2],
          ['b', 0],
        ],
      );
    },
  },
];
