import assert from 'node:assert/strict';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createVirtualClock } from '../clock/index.ts';
import { createKubernetesAccess, type KubernetesAccess } from './access.ts';
import { createKubernetesClient, type KubernetesClient } from './client.ts';
import { createEventRecorder, type RecordedEvent } from './event-recorder.ts';
import type { Resource } from './objects.ts';
import { type FakeApiServer, startFakeApiServer } from './testing/fake-api-server.ts';

const policies: Resource = {
  group: 'storage.billyronks.io',
  version: 'v1',
  kind: 'StoragePolicy',
  plural: 'storagepolicies',
};
const POLICIES = '/apis/storage.billyronks.io/v1/storagepolicies';

let server: FakeApiServer;
let access: KubernetesAccess;
let client: KubernetesClient;

beforeEach(async () => {
  server = await startFakeApiServer();
  access = createKubernetesAccess({ baseUrl: server.url });
  client = createKubernetesClient(access);
});

afterEach(async () => {
  await access[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
  assert.deepEqual(server.violations, []);
});

test('what is not there is undefined, and other refusals are errors with status and reason', async () => {
  expect(await client.get(policies, { name: 'none' })).toBeUndefined();
  server.failNext('read', 1, { status: 403, reason: 'Forbidden' });
  await expect(client.get(policies, { name: 'none' })).rejects.toMatchObject({
    name: 'KubernetesStatusError',
    code: 'COUCHESTOR_KUBERNETES_STATUS',
    status: 403,
    reason: 'Forbidden',
    retry: { retry: 'never' },
    message: `GET ${POLICIES}/none was answered with 403 Forbidden: Forbidden, says the fake`,
  });
  server.failNext('read', 1, { status: 429, headers: { 'retry-after': '3' } });
  await expect(client.get(policies, { name: 'none' })).rejects.toMatchObject({
    retryAfterMs: 3_000,
    retry: { retry: 'after', delayMs: 3_000 },
  });
});

test('apply sends the fields of one field manager to the object or to its status', async () => {
  await client.create(policies, { name: 'gold' }, { spec: { enabled: true } });
  await client.apply(policies, { name: 'gold' }, { status: { phase: 'Active' } }, { subresource: 'status' });
  expect(server.requests.at(-1)).toMatchObject({
    method: 'PATCH',
    path: `${POLICIES}/gold/status`,
    query: { fieldManager: 'couchestor', force: 'true' },
    contentType: 'application/apply-patch+yaml',
    body: {
      apiVersion: 'storage.billyronks.io/v1',
      kind: 'StoragePolicy',
      metadata: { name: 'gold' },
      status: { phase: 'Active' },
    },
  });
  expect(await client.get(policies, { name: 'gold' })).toMatchObject({
    spec: { enabled: true },
    status: { phase: 'Active' },
  });
});

test('a merge patch changes what it names, and null removes', async () => {
  server.put(POLICIES, { metadata: { name: 'gold', annotations: { kept: 'yes', dropped: 'yes' } } });
  const patch = { metadata: { annotations: { dropped: null, added: 'yes' } } };
  const patched = await client.mergePatch(policies, { name: 'gold' }, patch);
  expect(patched.metadata.annotations).toEqual({ kept: 'yes', added: 'yes' });
  expect(server.requests.at(-1)?.contentType).toBe('application/merge-patch+json');
});

test('replacing an object that has changed meanwhile is a conflict', async () => {
  const object = await client.create(policies, { name: 'gold' }, {});
  server.put(POLICIES, { metadata: { name: 'gold', labels: { changed: 'yes' } } });
  await expect(client.replace(policies, object)).rejects.toMatchObject({ status: 409, reason: 'Conflict' });
  await expect(client.create(policies, { name: 'gold' }, {})).rejects.toMatchObject({ reason: 'AlreadyExists' });
});

test('removing tells whether there was something to remove', async () => {
  await client.create(policies, { name: 'gold' }, {});
  expect(await client.remove(policies, { name: 'gold' })).toBe(true);
  expect(await client.remove(policies, { name: 'gold' })).toBe(false);
});

test('a list is read in pages and begins anew when its token expires', async () => {
  for (const name of ['a', 'b', 'c']) server.put(POLICIES, { metadata: { name } });
  const names = async (): Promise<string[]> =>
    (await client.list(policies, { pageSize: 2 })).map(({ metadata: { name } }) => name);
  expect(await names()).toEqual(['a', 'b', 'c']);
  server.failNext('list', 2, { status: 410, reason: 'Expired' });
  expect(await names()).toEqual(['a', 'b', 'c']);
  server.failNext('list', 3, { status: 410, reason: 'Expired' });
  await expect(names()).rejects.toMatchObject({ status: 410 });
});

test('names are escaped in paths', async () => {
  expect(await client.get(policies, { name: 'a/../b?c' })).toBeUndefined();
  expect(server.requests.at(-1)?.path).toBe(`${POLICIES}/a%2F..%2Fb%3Fc`);
});

test('an event is written once per occurrence, however often it is told', async () => {
  const recorder = createEventRecorder(client, createVirtualClock(), { component: 'watcher', instance: 'pod-1' });
  const event: RecordedEvent = {
    regarding: { apiVersion: 'v1', kind: 'PersistentVolume', name: 'pvc-1', uid: 'u-1' },
    type: 'Normal',
    reason: 'MigrationCompleted',
    message: 'moved '.repeat(400),
    occurrence: 'migration-1',
  };
  await recorder.record(event);
  await recorder.record(event);
  await recorder.record({ ...event, occurrence: 'migration-2' });
  const events = await client.list(
    { group: '', version: 'v1', kind: 'Event', plural: 'events' },
    { namespace: 'default' },
  );
  expect(events).toHaveLength(2);
  expect(events[0]).toMatchObject({
    metadata: { name: expect.stringMatching(/^pvc-1\.[0-9a-f]{16}$/), namespace: 'default' },
    involvedObject: { kind: 'PersistentVolume', name: 'pvc-1', uid: 'u-1' },
    reason: 'MigrationCompleted',
    source: { component: 'watcher' },
    firstTimestamp: '2026-01-01T00:00:00Z',
    eventTime: '2026-01-01T00:00:00.000000Z',
    message: expect.stringMatching(/^(moved )+move$/),
  });
});
