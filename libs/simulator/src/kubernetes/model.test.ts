import { readFileSync } from 'node:fs';
import { createVirtualClock, type VirtualClock } from '@couchestor/shared/clock';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { createKubernetesModel, readDiskPoolCrd, type JsonObject, type KubernetesModel } from './index.ts';
import { stringAt } from './json.ts';
import type { KubernetesModelOptions } from './model.ts';

const crdPath = new URL('../../../../deploy/kustomize/base/crd/storagepolicies.yaml', import.meta.url);
const storagePolicyCrd = parse(readFileSync(crdPath, 'utf8')) as JsonObject;

const policies = '/apis/storage.billyronks.io/v1/storagepolicies';
const policy = (name: string, spec: JsonObject = {}) => ({
  apiVersion: 'storage.billyronks.io/v1',
  kind: 'StoragePolicy',
  metadata: { name },
  spec: {
    nvmePoolSelector: { matchLabels: { tier: 'hot' } },
    sataPoolSelector: { matchLabels: { tier: 'cold' } },
    ...spec,
  },
});
const volume = (name: string, labels: Record<string, string> = {}) => ({
  apiVersion: 'v1',
  kind: 'PersistentVolume',
  metadata: { name, labels },
  spec: { storageClassName: 'mayastor' },
  status: { phase: 'Bound' },
});

function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state / 2_147_483_648;
  };
}

interface World {
  readonly model: KubernetesModel;
  readonly clock: VirtualClock;
}

function createWorld(options: Partial<KubernetesModelOptions> = {}): World {
  const clock = createVirtualClock();
  const crds = [storagePolicyCrd, readDiskPoolCrd()];
  return { model: createKubernetesModel({ clock, random: seeded(1), crds, ...options }), clock };
}

async function send(
  model: KubernetesModel,
  method: string,
  url: string,
  body?: JsonObject,
  contentType = 'application/json',
): Promise<{ code: number; body: JsonObject }> {
  const headers = { 'content-type': contentType, 'user-agent': 'test/1' };
  const response = await model.handle({ method, url, headers, ...(body ? { body: JSON.stringify(body) } : {}) });
  if (response.kind !== 'body') return { code: 0, body: {} };
  const text = typeof response.body === 'string' ? response.body : [...response.body].join('');
  return { code: response.code, body: JSON.parse(text) as JsonObject };
}

interface Frames {
  /** `TYPE name` of each frame, `end` for the end. */
  readonly seen: string[];
  readonly leave: () => void;
}

async function watch(model: KubernetesModel, url: string): Promise<Frames> {
  const response = await model.handle({ method: 'GET', url });
  if (response.kind !== 'watch') throw new Error('the answer is no watch');
  const seen: string[] = [];
  const leave = response.open({
    send: (frame) => {
      const { type, object } = JSON.parse(frame) as {
        type: string;
        object: { code?: number; metadata: { name?: string } };
      };
      seen.push(`${type} ${object.code ?? object.metadata.name ?? ''}`.trim());
    },
    end: () => seen.push('end'),
  });
  return { seen, leave };
}

const volumes = '/api/v1/persistentvolumes';
const merge = 'application/merge-patch+json';

test('the same seed gives the same world', async () => {
  const uids = await Promise.all(
    [1, 2].map(async () => {
      const { model } = createWorld();
      const made = await send(model, 'POST', policies, { ...policy(''), metadata: { generateName: 'p-' } });
      return [model.apply(volume('pvc-1')).metadata.uid, made.body['metadata']];
    }),
  );
  expect(uids[0]).toEqual(uids[1]);
});

describe('the world around', () => {
  test('writes status and spec at once, owns no field, and the same again is no write', () => {
    const { model } = createWorld();
    const created = model.apply(volume('pvc-1'));
    expect(created['status']).toEqual({ phase: 'Bound' });
    expect(created.metadata.managedFields).toBeUndefined();
    expect(model.apply(volume('pvc-1'))).toBe(created);
    expect(model.revision()).toBe(Number(created.metadata.resourceVersion));
    const patched = model.patch(
      { apiVersion: 'v1', kind: 'PersistentVolume', name: 'pvc-1' },
      { status: { phase: 'Released' } },
    );
    expect(patched['status']).toEqual({ phase: 'Released' });
    expect(Number(patched.metadata.resourceVersion)).toBe(Number(created.metadata.resourceVersion) + 1);
  });

  test('makes a namespace that is missing, and removes what it made', () => {
    const { model } = createWorld();
    const reference = { apiVersion: 'openebs.io/v1beta3', kind: 'DiskPool', name: 'pool-1', namespace: 'mayastor' };
    model.apply({
      apiVersion: 'openebs.io/v1beta2',
      kind: 'DiskPool',
      metadata: { name: 'pool-1', namespace: 'mayastor' },
      spec: { node: 'node-1', disks: ['/dev/sdb'] },
    });
    expect(model.get({ apiVersion: 'v1', kind: 'Namespace', name: 'mayastor' })).toBeDefined();
    expect(model.get(reference)?.apiVersion).toBe('openebs.io/v1beta3');
    expect(model.list('openebs.io/v1beta2', 'DiskPool')).toHaveLength(1);
    expect(model.remove(reference)).toBe(true);
    expect(model.remove(reference)).toBe(false);
  });

  test('stores a policy from before a rule, whose status can be written and whose spec must be mended as a whole', async () => {
    const { model } = createWorld();
    const old = policy('old', { highWatermarkIOPS: 100, lowWatermarkIOPS: 500 });
    expect(() => model.apply(old)).toThrow('highWatermarkIOPS must be greater than lowWatermarkIOPS');
    model.apply(old, { validate: false });
    const path = `${policies}/old`;
    expect((await send(model, 'PATCH', `${path}/status`, { status: { phase: 'Error' } }, merge)).code).toBe(200);
    expect((await send(model, 'PATCH', path, { spec: { dryRun: true } }, merge)).code).toBe(422);
    expect((await send(model, 'PATCH', path, { spec: { lowWatermarkIOPS: 50 } }, merge)).code).toBe(200);
  });
});

describe('a definition', () => {
  test('whose default breaks a rule is refused, as a cluster does: defaults inside of it are not filled in then', () => {
    const { model } = createWorld();
    const withRule = (rule: string): JsonObject => ({
      metadata: { name: 'things.example.com' },
      spec: {
        group: 'example.com',
        scope: 'Cluster',
        names: { kind: 'Thing', plural: 'things' },
        versions: [
          {
            name: 'v1',
            served: true,
            storage: true,
            schema: {
              openAPIV3Schema: {
                type: 'object',
                properties: {
                  limits: {
                    type: 'object',
                    default: {},
                    properties: { max: { type: 'integer', default: 1 } },
                    'x-kubernetes-validations': [{ rule, message: 'max must be small' }],
                  },
                },
              },
            },
          },
        ],
      },
    });
    expect(() => model.registerCrd(withRule('self.max < 5'))).toThrow('the default of .limits is refused');
    model.registerCrd(withRule('!has(self.max) || self.max < 5'));
  });

  test('adds a kind at any time', async () => {
    const { model } = createWorld();
    model.registerCrd({
      metadata: { name: 'things.example.com' },
      spec: {
        group: 'example.com',
        scope: 'Cluster',
        names: { kind: 'Thing', plural: 'things' },
        versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
      },
    });
    const thing = { apiVersion: 'example.com/v1', kind: 'Thing', metadata: { name: 'a' } };
    expect((await send(model, 'POST', '/apis/example.com/v1/things', thing)).code).toBe(201);
  });

  test.each([
    ['a construct', { type: 'object', oneOf: [] }, 'oneOf'],
    ['a rule', { type: 'object', 'x-kubernetes-validations': [{ rule: 'self.a >' }] }, ''],
  ])('with %s that the model does not understand is refused at once', (_, openAPIV3Schema, message) => {
    const { model } = createWorld();
    const crd = {
      metadata: { name: 'things.example.com' },
      spec: {
        group: 'example.com',
        scope: 'Cluster',
        names: { kind: 'Thing', plural: 'things' },
        versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema } }],
      },
    };
    expect(() => model.registerCrd(crd)).toThrow(message);
  });
});

describe('a watch', () => {
  test('gets bookmarks at intervals, one before its end, and ends in time', async () => {
    const { model, clock } = createWorld({ bookmarkIntervalMs: 60_000 });
    const { seen } = await watch(
      model,
      `${volumes}?watch=1&allowWatchBookmarks=true&timeoutSeconds=90&resourceVersion=${model.revision()}`,
    );
    await clock.advance(59_999);
    expect(seen).toEqual([]);
    await clock.advance(1);
    expect(seen).toEqual(['BOOKMARK']);
    await clock.advance(28_000);
    expect(seen).toEqual(['BOOKMARK', 'BOOKMARK']);
    await clock.advance(2000);
    expect(seen).toEqual(['BOOKMARK', 'BOOKMARK', 'end']);
    expect(model.watches.openCount()).toBe(0);
    expect(clock.pending()).toBe(0);
  });

  test('without bookmarks gets none', async () => {
    const { model, clock } = createWorld();
    const { seen, leave } = await watch(model, `${volumes}?watch=1&resourceVersion=${model.revision()}`);
    await clock.advance(600_000);
    expect(seen).toEqual([]);
    leave();
    expect(clock.pending()).toBe(0);
  });

  test('from a change that was pushed out of the history gets 410, from a later one the rest', async () => {
    const { model } = createWorld({ historyMax: 5 });
    const start = model.revision();
    for (let index = 0; index < 11; index += 1) model.apply(volume(`pvc-${index}`));
    const late = await watch(model, `${volumes}?watch=1&resourceVersion=${start}`);
    expect(late.seen).toEqual(['ERROR 410', 'end']);
    const inTime = await watch(model, `${volumes}?watch=1&resourceVersion=${model.revision() - 2}`);
    expect(inTime.seen).toEqual(['ADDED pvc-9', 'ADDED pvc-10']);
  });

  test('is told of its cut by an end', async () => {
    const { model } = createWorld();
    const policyWatch = await watch(model, `${policies}?watch=1`);
    const volumeWatch = await watch(model, `${volumes}?watch=1`);
    expect(model.watches.cut('persistentvolumes')).toBe(1);
    expect([policyWatch.seen, volumeWatch.seen]).toEqual([[], ['end']]);
    model.apply(volume('pvc-1'));
    expect(volumeWatch.seen).toEqual(['end']);
  });
});

test('an unfinished list expires five minutes after its last page', async () => {
  const { model, clock } = createWorld();
  for (const name of ['a', 'b', 'c', 'd']) model.apply(volume(name));
  const first = await send(model, 'GET', `${volumes}?limit=1`);
  const token = (page: { body: JsonObject }): string => stringAt(page.body, 'metadata', 'continue') ?? '';
  await clock.advance(299_000);
  const second = await send(model, 'GET', `${volumes}?limit=1&continue=${token(first)}`);
  expect(second.code).toBe(200);
  await clock.advance(299_000);
  expect((await send(model, 'GET', `${volumes}?limit=1&continue=${token(second)}`)).code).toBe(200);
  await clock.advance(301_000);
  expect((await send(model, 'GET', `${volumes}?limit=1&continue=${token(second)}`)).code).toBe(410);
});

test('events are kept for an hour', async () => {
  const { model, clock } = createWorld();
  const event = (name: string) => ({
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name },
    involvedObject: { kind: 'PersistentVolume', name: 'pvc-1' },
  });
  const path = '/api/v1/namespaces/default/events';
  await send(model, 'POST', path, event('first'));
  await clock.advance(3_500_000);
  await send(model, 'POST', path, event('second'));
  expect(model.list('v1', 'Event')).toHaveLength(2);
  await clock.advance(200_000);
  await send(model, 'POST', path, event('third'));
  expect(model.list('v1', 'Event').map(({ metadata }) => metadata.name)).toEqual(['second', 'third']);
});

describe('a fault', () => {
  test('refuses as often as it is told to', async () => {
    const { model } = createWorld();
    model.faults.add({
      match: { verb: 'list', resource: 'persistentvolumes' },
      action: { kind: 'refuse', code: 429, retryAfterSeconds: 3 },
      times: 1,
    });
    expect((await send(model, 'GET', policies)).code).toBe(200);
    const refused = await model.handle({ method: 'GET', url: volumes });
    expect(refused).toMatchObject({ kind: 'body', code: 429, headers: { 'retry-after': '3' } });
    expect((await send(model, 'GET', volumes)).code).toBe(200);
  });

  test('drops a request before, or the answer after the effect', async () => {
    const { model } = createWorld();
    const match = { verb: 'create', resource: 'storagepolicies' } as const;
    model.faults.add({ match, action: { kind: 'drop-request' }, times: 1 });
    model.faults.add({ match, action: { kind: 'drop-answer' }, times: 1 });
    const body = JSON.stringify(policy('a'));
    const names = () => model.list('storage.billyronks.io/v1', 'StoragePolicy').map(({ metadata }) => metadata.name);
    expect(await model.handle({ method: 'POST', url: policies, body })).toEqual({ kind: 'dropped' });
    expect(names()).toEqual([]);
    expect(await model.handle({ method: 'POST', url: policies, body })).toEqual({ kind: 'dropped' });
    expect(names()).toEqual(['a']);
  });

  test('delays by the clock, and is gone when it is taken away', async () => {
    const { model, clock } = createWorld();
    const remove = model.faults.add({
      match: { resource: 'persistentvolumes' },
      action: { kind: 'delay', delayMs: 500 },
    });
    let isAnswered = false;
    const answer = send(model, 'GET', volumes).then(() => (isAnswered = true));
    await clock.advance(499);
    expect(isAnswered).toBe(false);
    await clock.advance(1);
    await answer;
    remove();
    expect((await send(model, 'GET', volumes)).code).toBe(200);
  });
});

test('requests are counted by verb, resource and subresource', async () => {
  const { model } = createWorld();
  await send(model, 'POST', policies, policy('a'));
  await send(model, 'PATCH', `${policies}/a/status`, { status: { phase: 'Active' } }, merge);
  await send(model, 'GET', `${policies}/a`);
  await send(model, 'GET', '/version');
  expect(model.requests.count()).toBe(3);
  expect(model.requests.count({ verb: 'patch', subresource: 'status' })).toBe(1);
  model.requests.reset();
  expect(model.requests.count()).toBe(0);
});

test('OpenAPI v3 names each document and describes the fields of a policy without its rules', async () => {
  const { model } = createWorld();
  const index = await send(model, 'GET', '/openapi/v3');
  expect(index.body).toMatchObject({
    paths: { 'apis/storage.billyronks.io/v1': { serverRelativeURL: '/openapi/v3/apis/storage.billyronks.io/v1' } },
  });
  const document = await send(model, 'GET', '/openapi/v3/apis/storage.billyronks.io/v1');
  expect(document.body).toMatchObject({
    components: {
      schemas: {
        'io.billyronks.storage.v1.StoragePolicy': {
          properties: { spec: { properties: { highWatermarkIOPS: { default: 5000, maximum: 100_000_000 } } } },
          'x-kubernetes-group-version-kind': [{ group: 'storage.billyronks.io', kind: 'StoragePolicy', version: 'v1' }],
        },
      },
    },
  });
  expect(JSON.stringify(document.body)).not.toContain('x-kubernetes-validations');
});
