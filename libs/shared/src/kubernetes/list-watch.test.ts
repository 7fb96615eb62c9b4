import assert from 'node:assert/strict';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createVirtualClock, type VirtualClock } from '../clock/index.ts';
import { createKubernetesAccess, type KubernetesAccess } from './access.ts';
import { KubernetesAnswerError, type KubernetesStatusError, KubernetesUnreachableError } from './errors.ts';
import { type ListWatch, type ListWatchOptions, startListWatch } from './list-watch.ts';
import { type FakeApiServer, startFakeApiServer } from './testing/fake-api-server.ts';

const VOLUMES = '/api/v1/persistentvolumes';

let server: FakeApiServer;
let access: KubernetesAccess;
let clock: VirtualClock;
let watching: ListWatch<string> | undefined;
let log: string[];
let errors: unknown[];
let delays: (number | undefined)[];

beforeEach(async () => {
  server = await startFakeApiServer();
  access = createKubernetesAccess({ baseUrl: server.url });
  clock = createVirtualClock();
  log = [];
  errors = [];
  delays = [];
});

afterEach(async () => {
  await watching?.stop();
  watching = undefined;
  await access[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
  assert.deepEqual(server.violations, []);
  assert.equal(clock.pending(), 0, 'timers are left');
});

/** Keeps an object's name and its label `v`. */
function start(options: Partial<ListWatchOptions<string>> = {}): ListWatch<string> {
  watching = startListWatch({
    access,
    path: VOLUMES,
    project: ({ metadata: { name, labels } }) => `${name}=${labels?.['v'] ?? ''}`,
    onUpsert: (next, previous) => log.push(previous === undefined ? `+${next}` : `${previous}>${next}`),
    onDelete: (previous) => log.push(`-${previous}`),
    onSync: (count) => log.push(`synced ${count}`),
    onError: (error, retryInMs) => {
      errors.push(error);
      delays.push(retryInMs);
    },
    clock,
    random: () => 0.5,
    ...options,
  });
  return watching;
}

const put = (name: string, v: string, uid?: string): void => {
  server.put(VOLUMES, { metadata: { name, labels: { v }, ...(uid === undefined ? {} : { uid }) } });
};
const untilWatching = (): Promise<void> => vi.waitFor(() => expect(server.watchers).toBe(1));
const untilLogged = (...lines: string[]): Promise<void> => vi.waitFor(() => expect(log).toEqual(lines));
const untilFailed = (count: number): Promise<void> => vi.waitFor(() => expect(errors).toHaveLength(count));
/** Moves time on until the condition holds: a step at a time, for the network has a time of its own. */
const advanceUntil = (condition: () => void): Promise<void> =>
  vi.waitFor(
    async () => {
      await clock.advance(1_000);
      condition();
    },
    { timeout: 5_000, interval: 10 },
  );

test('a list is read in pages, and followed from where it was taken', async () => {
  for (let index = 0; index < 7; index += 1) put(`pv-${index}`, 'a');
  const volumes = start({ pageSize: 3 });
  await volumes.untilSynced(AbortSignal.timeout(5_000));
  expect(volumes.synced).toBe(true);
  expect([...volumes.objects.values()]).toHaveLength(7);
  expect(server.requestsOf('list').map(({ query }) => query)).toEqual([
    { limit: '3' },
    { limit: '3', continue: '107:3' },
    { limit: '3', continue: '107:6' },
  ]);
  await untilWatching();
  expect(server.requestsOf('watch')[0]?.query).toEqual({
    watch: 'true',
    allowWatchBookmarks: 'true',
    resourceVersion: '107',
    timeoutSeconds: '360',
  });
});

test('additions, changes and deletions are told with what was there before', async () => {
  put('pv-1', 'a');
  const volumes = start();
  await untilWatching();
  put('pv-2', 'a');
  put('pv-1', 'b');
  server.remove(VOLUMES, 'pv-2');
  await untilLogged('+pv-1=a', 'synced 1', '+pv-2=a', 'pv-1=a>pv-1=b', '-pv-2=a');
  expect([...volumes.objects]).toEqual([['/pv-1', 'pv-1=b']]);
});

test('selectors are sent with the list and with the watch', async () => {
  start({ labelSelector: 'tier=hot', fieldSelector: 'metadata.name=pv-1' });
  await untilWatching();
  for (const { query } of server.requests) {
    expect(query).toMatchObject({ labelSelector: 'tier=hot', fieldSelector: 'metadata.name=pv-1' });
  }
});

test('a watch that ends in good order is resumed without a list, from its newest bookmark', async () => {
  put('pv-1', 'a');
  start();
  await untilWatching();
  server.bookmark();
  server.bookmark();
  put('pv-2', 'a');
  await untilLogged('+pv-1=a', 'synced 1', '+pv-2=a');
  await clock.advance(2_000);
  server.endWatches();
  await vi.waitFor(() => expect(server.requestsOf('watch')).toHaveLength(2));
  expect(server.requestsOf('watch')[1]?.query['resourceVersion']).toBe('104');
  expect(server.requestsOf('list')).toHaveLength(1);
  expect(errors).toEqual([]);
});

test('what happened while the connection was broken is told after it, once each', async () => {
  put('pv-1', 'a');
  start();
  await untilWatching();
  server.resetWatches();
  await untilFailed(1);
  expect(errors[0]).toBeInstanceOf(KubernetesUnreachableError);
  put('pv-2', 'a');
  server.remove(VOLUMES, 'pv-1');
  await clock.advance(delays[0] ?? 0);
  await untilLogged('+pv-1=a', 'synced 1', '+pv-2=a', '-pv-1=a');
  expect(server.requestsOf('list')).toHaveLength(1);
});

test.each([
  ['an ERROR event', () => server.compact()],
  ['a status', () => server.failNext('watch', 1, { status: 410, reason: 'Expired' })],
])('a position that has expired, by %s, is followed by a list that tells what was missed', async (_, expire) => {
  put('pv-1', 'a');
  put('pv-2', 'a');
  put('pv-3', 'a', 'first');
  start();
  await untilWatching();
  await clock.advance(2_000);
  server.resetWatches();
  await untilFailed(1);
  server.remove(VOLUMES, 'pv-1');
  put('pv-2', 'b');
  server.remove(VOLUMES, 'pv-3');
  put('pv-3', 'c', 'second');
  expire();
  await advanceUntil(() => expect(server.requestsOf('list')).toHaveLength(2));
  await vi.waitFor(() => expect(log.at(-1)).toBe('synced 2'));
  expect(log.slice(4)).toEqual(['pv-2=a>pv-2=b', '-pv-3=a', '+pv-3=c', '-pv-1=a', 'synced 2']);
  expect(errors.at(-1)).toMatchObject({ status: 410 });
});

test('a token that expires between pages begins the list anew, at last in one piece, and nothing is lost', async () => {
  for (let index = 0; index < 3; index += 1) put(`pv-${index}`, 'a');
  const expireBetweenPages = (): void => {
    if (server.requestsOf('list').length < 5) server.compact();
  };
  const volumes = start({
    pageSize: 1,
    onUpsert: expireBetweenPages,
    project: ({ metadata: { name } }) => {
      expireBetweenPages();
      return name;
    },
    onSync: () => log.push('synced'),
  });
  server.put(VOLUMES, { metadata: { name: 'pv-0', labels: { v: 'again' } } });
  await advanceUntil(() => expect(volumes.synced).toBe(true));
  expect([...volumes.objects.keys()].sort()).toEqual(['/pv-0', '/pv-1', '/pv-2']);
  expect(server.requestsOf('list').at(-1)?.query).toEqual({});
  expect(errors.length).toBeGreaterThanOrEqual(2);
});

test('429 is left alone for as long as it asks, and a list that fails on the way is tried until it succeeds', async () => {
  put('pv-1', 'a');
  server.failNext('list', 1, { status: 429, headers: { 'retry-after': '7' } });
  start();
  await untilFailed(1);
  expect(delays).toEqual([7_875]);
  server.failNext('list', 3, { status: 503 });
  await advanceUntil(() => expect(log).toEqual(['+pv-1=a', 'synced 1']));
  expect(errors.map((error) => (error as KubernetesStatusError).status)).toEqual([429, 503, 503, 503]);
  expect(delays.slice(1)).toEqual([750, 1_500, 3_000]);
});

test('a relist that fails keeps what is known', async () => {
  put('pv-1', 'a');
  const volumes = start();
  await untilWatching();
  server.compact();
  server.failNext('list', 2, { status: 503 });
  server.resetWatches();
  await advanceUntil(() => expect(server.requestsOf('list')).toHaveLength(3));
  expect([...volumes.objects.keys()]).toEqual(['/pv-1']);
  await advanceUntil(() => expect(server.requestsOf('list')).toHaveLength(4));
  await untilLogged('+pv-1=a', 'synced 1', 'synced 1');
});

test('a position that is refused again and again is given up', async () => {
  put('pv-1', 'a');
  server.failNext('watch', 5, { status: 504, reason: 'Timeout' });
  start();
  await advanceUntil(() => expect(server.watchers).toBe(1));
  expect(server.requestsOf('watch')).toHaveLength(6);
  expect(server.requestsOf('list')).toHaveLength(2);
});

test('characters and lines may be cut anywhere', async () => {
  start();
  await untilWatching();
  const object = { metadata: { name: 'pv-ü', uid: 'u', resourceVersion: '200', labels: { v: '温かい🙂' } } };
  const bytes = Buffer.from(`${JSON.stringify({ type: 'ADDED', object })}\n`);
  for (const byte of bytes) {
    server.writeRaw(Uint8Array.of(byte));
    await new Promise(setImmediate);
  }
  await vi.waitFor(() => expect(log).toEqual(['synced 0', '+pv-ü=温かい🙂']));
});

test.each([
  ['is not JSON', '{"type":\n'],
  ['has an unknown type', '{"type":"RENAMED","object":{}}\n'],
  ['is not an object', '7\n'],
  ['never ends', 'x'.repeat(9 * 1024 * 1024)],
])('a line that %s leads to a new list, not to the same line again', async (_, line) => {
  put('pv-1', 'a');
  start();
  await untilWatching();
  server.writeRaw(line);
  await untilFailed(1);
  expect(errors[0]).toBeInstanceOf(KubernetesAnswerError);
  await advanceUntil(() => expect(server.watchers).toBe(1));
  expect(server.requestsOf('list')).toHaveLength(2);
});

test('a silent watch is taken up anew from where it was, without an error', async () => {
  put('pv-1', 'a');
  const volumes = start({ idleMs: 90_000 });
  await untilWatching();
  await clock.advance(89_999);
  expect(server.requestsOf('watch')).toHaveLength(1);
  expect(volumes.newestEventAgeMs()).toBe(89_999);
  server.bookmark();
  await vi.waitFor(() => expect(volumes.newestEventAgeMs()).toBe(0));
  await clock.advance(89_999);
  expect(server.requestsOf('watch')).toHaveLength(1);
  await clock.advance(1);
  await vi.waitFor(() => expect(server.requestsOf('watch')).toHaveLength(2));
  expect(server.requestsOf('watch')[1]?.query['resourceVersion']).toBe('102');
  expect(errors).toEqual([]);
  await vi.waitFor(() => expect(server.watchers).toBe(1));
});

test('a handler or a projection that throws harms no other object', async () => {
  put('pv-1', 'a');
  const volumes = start({
    project: ({ metadata: { name, labels } }) => {
      if (labels?.['v'] === 'bad') throw new Error('cannot be read');
      return name;
    },
    onUpsert: (next) => {
      log.push(next);
      if (next === 'pv-2') throw new Error('cannot be handled');
    },
  });
  await untilWatching();
  put('pv-1', 'bad');
  put('pv-2', 'a');
  put('pv-3', 'a');
  await untilLogged('pv-1', 'synced 1', 'pv-2', 'pv-3');
  expect(errors).toEqual([new Error('cannot be read'), new Error('cannot be handled')]);
  expect(delays).toEqual([undefined, undefined]);
  expect([...volumes.objects.keys()]).toEqual(['/pv-1', '/pv-2', '/pv-3']);
});

test('a server that ends each watch at once is not hammered', async () => {
  start();
  await untilWatching();
  server.endWatches();
  await vi.waitFor(() => expect(clock.pending()).toBe(1));
  expect(server.requestsOf('watch')).toHaveLength(1);
  await clock.advance(375);
  await vi.waitFor(() => expect(server.requestsOf('watch')).toHaveLength(2));
  await untilWatching();
});

test('waiting for the first list ends with the signal, and with the list-watch', async () => {
  server.hang('list', true);
  const volumes = start();
  const reason = new Error('enough');
  await expect(volumes.untilSynced(AbortSignal.abort(reason))).rejects.toBe(reason);
  const waiting = volumes.untilSynced(new AbortController().signal);
  await Promise.all([expect(waiting).rejects.toThrow('was stopped'), volumes.stop()]);
  expect(volumes.synced).toBe(false);
});

test('a stopped list-watch closes its connection and says nothing more', async () => {
  const volumes = start();
  await untilWatching();
  await volumes.stop();
  await vi.waitFor(() => expect(server.watchers).toBe(0));
  put('pv-1', 'a');
  expect(log).toEqual(['synced 0']);
  expect(errors).toEqual([]);
});
