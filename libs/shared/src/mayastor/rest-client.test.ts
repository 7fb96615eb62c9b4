import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startNetworkLink } from '@couchestor/servers';
import { Registry } from 'prom-client';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createSystemClock, createVirtualClock } from '../clock/index.ts';
import { MayastorUnavailableError } from './errors.ts';
import type { CallKind, MayastorClient } from './mayastor-client.ts';
import { createMayastorClient, type MayastorClientOptions } from './rest-client.ts';

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

let handler: Handler;
let requests: string[];
let paced: CallKind[];
let sockets: number;
let baseUrl: string;
let close: () => Promise<void>;
let client: MayastorClient;

function answer(status: number, body?: unknown): Handler {
  return (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(body === undefined ? '' : JSON.stringify(body));
  };
}

function createClient(options: Partial<MayastorClientOptions> = {}): MayastorClient {
  const pace = (kind: CallKind): Promise<number> => {
    paced.push(kind);
    return Promise.resolve(Number.POSITIVE_INFINITY);
  };
  return createMayastorClient({ baseUrl, pace, clock: createSystemClock(), ...options });
}

beforeEach(async () => {
  requests = [];
  paced = [];
  sockets = 0;
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      requests.push(`${request.method} ${request.url}${body === '' ? '' : ` ${body}`}`);
      handler(request, response);
    });
  });
  server.on('connection', () => (sockets += 1));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  close = async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  };
  client = createClient();
});

afterEach(async () => {
  await client[Symbol.asyncDispose]();
  await close();
});

const volume = (id: string, count = 2) => ({ spec: { uuid: id, size: 1, num_replicas: count }, state: {} });
const svcError = (kind: string, name: string) => ({ details: '', message: `SvcError :: ${name}: text`, kind });

describe('reads', () => {
  test('all volumes are read page by page, each once, although a deletion shifts the pages', async () => {
    handler = (request, response) => {
      const token = new URL(request.url ?? '', baseUrl).searchParams.get('starting_token');
      const pages: Record<string, unknown> = {
        0: { entries: [volume('a'), volume('b')], next_token: 500 },
        500: { entries: [volume('b'), volume('c')] },
      };
      answer(200, pages[token ?? ''])(request, response);
    };
    expect((await client.listVolumes()).map(({ id }) => id)).toEqual(['a', 'b', 'c']);
    expect(requests).toEqual([
      'GET /v0/volumes?max_entries=500&starting_token=0',
      'GET /v0/volumes?max_entries=500&starting_token=500',
    ]);
    expect(paced).toEqual(['read', 'read']);
  });

  test('connections are kept for the next read', async () => {
    handler = answer(200, volume('v'));
    for (let count = 0; count < 6; count += 1) await client.getVolume('v');
    expect(sockets).toBeLessThanOrEqual(2);
  });

  test('pages that would never end are refused', async () => {
    handler = answer(200, { entries: [volume('a')], next_token: 0 });
    await expect(client.listVolumes()).rejects.toThrow(MayastorUnavailableError);
  });

  test('a volume that does not exist is absent, but a missing route or an outage is not', async () => {
    handler = answer(404, svcError('NotFound', 'VolumeNotFound'));
    expect(await client.getVolume('v')).toBeUndefined();
    for (const status of [404, 500, 503, 204]) {
      handler = answer(status);
      await expect(client.getVolume('v')).rejects.toThrow(MayastorUnavailableError);
    }
    handler = answer(200, { not: 'a volume' });
    await expect(client.getVolume('v')).rejects.toMatchObject({
      code: 'COUCHESTOR_MAYASTOR_UNAVAILABLE',
      operation: 'getVolume',
      status: 200,
      retry: { retry: 'after' },
    });
  });

  test('pools, nodes, targets and owners are read from where they are', async () => {
    handler = answer(200, [{ id: 'x', uuid: 'x', node: 'a' }]);
    expect(await client.listPools()).toMatchObject([{ id: 'x' }]);
    expect(await client.listNodes()).toMatchObject([{ id: 'x' }]);
    expect(await client.listNexuses()).toMatchObject([{ id: 'x' }]);
    handler = answer(200, { replicas: [{ uuid: 'r', pool: 'p', owners: { volume: 'v', nexuses: ['n'] } }] });
    expect((await client.readOwners('v')).get('r')).toEqual({
      replicaId: 'r',
      pool: 'p',
      volumeId: 'v',
      nexusIds: ['n'],
    });
    expect(requests).toEqual(['GET /v0/pools', 'GET /v0/nodes', 'GET /v0/nexuses', 'GET /v0/specs']);
  });

  test('a read whose connection broke is tried once more, and only once', async () => {
    let broken = 1;
    handler = (request, response) => {
      if (broken-- > 0) request.socket.destroy();
      else answer(200, volume('v'))(request, response);
    };
    expect(await client.getVolume('v')).toMatchObject({ id: 'v' });
    expect(paced).toEqual(['read', 'read']);
    broken = 9;
    await expect(client.getVolume('v')).rejects.toThrow(MayastorUnavailableError);
    expect(requests).toHaveLength(4);
  });

  test('a read gives up at its deadline', async () => {
    const clock = createVirtualClock();
    await using slow = createClient({ clock, readTimeoutMs: 700 });
    const asked = Promise.withResolvers<void>();
    handler = () => asked.resolve();
    const read = slow.getVolume('v').catch((error: unknown) => error);
    await asked.promise;
    await clock.advance(699);
    expect(clock.pending()).toBe(1);
    await clock.advance(1);
    expect(await read).toMatchObject({ message: expect.stringContaining('no answer within 700 ms') });
  });

  test('a read that is aborted rejects with the reason', async () => {
    const stop = new AbortController();
    handler = () => stop.abort(new Error('stopping'));
    await expect(client.getVolume('v', { signal: stop.signal })).rejects.toThrow('stopping');
  });
});

describe('changes', () => {
  test('each goes to its path, with what it needs and no more', async () => {
    handler = answer(200, volume('v', 3));
    const child = 'nvmf://10.0.0.1:8420/nqn:r?uuid=r';
    expect(await client.setReplicaCount('v', 3)).toMatchObject({ kind: 'done', result: { replicaCount: 3 } });
    expect(await client.cordonPool('p')).toEqual({ kind: 'done', result: undefined });
    await client.uncordonPool('p');
    await client.cordonNode('n', 'couchestor-1');
    await client.uncordonNode('n', 'couchestor-1');
    await client.removeChild('x', child);
    await client.clearShutdownTargets('v');
    const flags = '{"replicas":true,"snapshots":false,"restores":false,"import":false}';
    expect(requests).toEqual([
      'PUT /v0/volumes/v/replica_count/3',
      `PUT /v0/pools/p/cordon ${flags}`,
      `DELETE /v0/pools/p/cordon ${flags}`,
      'PUT /v0/nodes/n/cordon/couchestor-1',
      'DELETE /v0/nodes/n/cordon/couchestor-1',
      'DELETE /v0/nexuses/x/children/nvmf%3A%2F%2F10.0.0.1%3A8420%2Fnqn%3Ar%3Fuuid%3Dr',
      'DELETE /v0/volumes/v/shutdown_targets',
    ]);
    expect(paced).toEqual(['write', 'write', 'release', 'write', 'release', 'write', 'write']);
  });

  test('a count that was changed is changed, also when the answer cannot be read', async () => {
    handler = answer(200, { surprise: true });
    expect(await client.setReplicaCount('v', 2)).toEqual({ kind: 'done', result: undefined });
  });

  test('a count out of range is a mistake of the caller and never sent', async () => {
    for (const count of [0, 255, 1.5]) await expect(client.setReplicaCount('v', count)).rejects.toThrow(RangeError);
    expect(requests).toEqual([]);
  });

  test('a connection that is refused did nothing; one that breaks may have', async () => {
    handler = (request) => request.socket.destroy();
    expect(await client.setReplicaCount('v', 3)).toMatchObject({ kind: 'unknown', status: undefined });
    expect(requests).toHaveLength(1);
    // Port 1 of the loopback has no listener.
    await using nowhere = createClient({ baseUrl: 'http://127.0.0.1:1' });
    expect(await nowhere.setReplicaCount('v', 3)).toMatchObject({ kind: 'refused', code: 'Unreachable' });
  });

  test('an answer that breaks off in the middle leaves the outcome unknown', async () => {
    handler = (request, response) => {
      response.writeHead(200, { 'content-length': '1000' });
      response.write('{');
      setImmediate(() => request.socket.destroy());
    };
    expect(await client.setReplicaCount('v', 3)).toMatchObject({ kind: 'unknown' });
  });

  test('no answer within the deadline leaves the outcome unknown', async () => {
    const clock = createVirtualClock();
    await using slow = createClient({ clock });
    const asked = Promise.withResolvers<void>();
    handler = () => asked.resolve();
    const change = slow.setReplicaCount('v', 3);
    await asked.promise;
    await clock.advance(5_000);
    expect(await change).toMatchObject({ kind: 'unknown', message: 'no answer within 5000 ms' });
  });

  test('an abort before the first byte did nothing, one after it may have', async () => {
    const before = AbortSignal.abort(new Error('stopping'));
    expect(await client.cordonPool('p', { signal: before })).toMatchObject({ kind: 'refused', code: 'NotStarted' });
    expect(requests).toEqual([]);
    const stop = new AbortController();
    handler = () => stop.abort();
    expect(await client.cordonPool('p', { signal: stop.signal })).toMatchObject({ kind: 'unknown' });
  });

  test('the last word before the first byte is the caller’s', async () => {
    handler = answer(200, volume('v', 3));
    expect(await client.setReplicaCount('v', 3, { mayStart: () => false })).toMatchObject({
      kind: 'refused',
      code: 'NotStarted',
      leftBehind: 'nothing',
    });
    expect(requests).toEqual([]);
    expect(await client.setReplicaCount('v', 3, { mayStart: () => true })).toMatchObject({ kind: 'done' });
  });

  test('it is asked only once a connection is free', async () => {
    await using narrow = createClient({ connectionsMax: 1 });
    let allowed = true;
    const held = Promise.withResolvers<ServerResponse>();
    handler = (_request, response) => held.resolve(response);
    const first = narrow.cordonPool('p');
    const response = await held.promise;
    const second = narrow.cordonPool('q', { mayStart: () => allowed });
    allowed = false;
    response.writeHead(200).end('{}');
    expect(await first).toMatchObject({ kind: 'done' });
    expect(await second).toMatchObject({ kind: 'refused', code: 'NotStarted' });
    expect(requests).toHaveLength(1);
  });

  test('what the pacing rejects is not sent', async () => {
    await using stopped = createClient({ pace: () => Promise.reject(new Error('paused')) });
    await expect(stopped.cordonPool('p')).rejects.toThrow('paused');
    expect(requests).toEqual([]);
  });
});

describe('probes', () => {
  test.each([
    [412, svcError('FailedPrecondition', 'ReplicaChangeCount'), 'idle'],
    [409, svcError('Conflict', 'Conflict'), 'busy'],
    [404, svcError('NotFound', 'VolumeNotFound'), 'absent'],
    [412, svcError('FailedPrecondition', 'ReplicaCountAchieved'), 'unknown'],
    [412, svcError('FailedPrecondition', 'BeingDrained'), 'unknown'],
    [503, svcError('Unavailable', 'NotReady'), 'unknown'],
    [503, undefined, 'unknown'],
    [200, undefined, 'unknown'],
    [404, undefined, 'unknown'],
  ])('a volume whose far count is answered %i %j is %s', async (status, body, verdict) => {
    handler = answer(status, body);
    expect(await client.probeIdle('v')).toBe(verdict);
    expect(requests).toEqual(['PUT /v0/volumes/v/replica_count/255']);
  });

  test('a volume of which there is no answer is not known to be idle', async () => {
    handler = (_request, response) => response.destroy();
    expect(await client.probeIdle('v')).toBe('busy');
    expect(await client.probeIdle('v', { mayStart: () => false })).toBe('busy');
  });

  test('pools can be cordoned where the route knows that the pool does not exist', async () => {
    handler = answer(404, svcError('NotFound', 'PoolNotFound'));
    expect(await client.poolCordonSupported()).toBe(true);
    handler = answer(404);
    expect(await client.poolCordonSupported()).toBe(false);
    handler = answer(503);
    await expect(client.poolCordonSupported()).rejects.toThrow(MayastorUnavailableError);
  });
});

test('a base path, a token and its limits are respected', async () => {
  let authorization: string | undefined;
  handler = (request, response) => {
    authorization = request.headers.authorization;
    answer(200, [])(request, response);
  };
  await using other = createClient({ baseUrl: `${baseUrl}/behind/v0/`, token: 'secret' });
  await other.listPools();
  expect(requests).toEqual(['GET /behind/v0/pools']);
  expect(authorization).toBe('Bearer secret');
});

test('the wait for the budget is no part of how long a request took', async () => {
  const registry = new Registry();
  const clock = createVirtualClock();
  const paceOfAMinute = async (): Promise<number> => {
    await clock.advance(60_000);
    return Number.POSITIVE_INFINITY;
  };
  await using paced = createClient({ registry, clock, pace: paceOfAMinute });
  handler = answer(200, volume('v'));
  await paced.getVolume('v');
  await paced.cordonPool('p');
  const text = await registry.metrics();
  expect(text).toContain('couchestor_mayastor_request_duration_seconds_sum{operation="getVolume"} 0\n');
  expect(text).toContain('couchestor_mayastor_request_duration_seconds_sum{operation="cordonPool"} 0\n');
});

test('requests are counted by operation and outcome, from zero', async () => {
  const registry = new Registry();
  await using counted = createClient({ registry });
  handler = answer(404, svcError('NotFound', 'VolumeNotFound'));
  await counted.getVolume('v');
  handler = answer(500);
  await counted.setReplicaCount('v', 2);
  const text = await registry.metrics();
  expect(text).toContain('couchestor_mayastor_requests_total{operation="getVolume",outcome="absent"} 1');
  expect(text).toContain('couchestor_mayastor_requests_total{operation="setReplicaCount",outcome="unknown"} 1');
  expect(text).toContain('couchestor_mayastor_requests_total{operation="setReplicaCount",outcome="refused"} 0');
  expect(text).toContain('couchestor_mayastor_request_duration_seconds_count{operation="setReplicaCount"} 1');
});

test('a change that was given up is not made when the network lets it through long afterwards', async () => {
  handler = answer(200, {});
  await using link = await startNetworkLink(baseUrl);
  await using far = createClient({ baseUrl: link.url, timeoutMs: 300 });
  await far.setReplicaCount('v', 2);
  link.set({ kind: 'blackHole' });
  expect(await far.setReplicaCount('v', 3)).toMatchObject({ kind: 'unknown' });
  await vi.waitFor(() => expect(link.heldBytes).toBe(0));
  link.set({ kind: 'whole' });
  await far.setReplicaCount('v', 4);
  expect(requests).toEqual(['PUT /v0/volumes/v/replica_count/2', 'PUT /v0/volumes/v/replica_count/4']);
});

test('no call is granted that would wait for a connection', async () => {
  const waiting: ServerResponse[] = [];
  handler = (_request, response) => void waiting.push(response);
  await using narrow = createClient({ connectionsMax: 3 });
  const reads = [1, 2, 3].map((index) => narrow.getVolume(`v${index}`).catch((error: unknown) => error));
  const removal = narrow.uncordonPool('p');
  await vi.waitFor(() => expect(requests).toHaveLength(2));
  expect(paced).toEqual(['release', 'read'].toSorted());
  while (requests.length < 4 || waiting.length > 0) {
    const response = waiting.shift();
    if (response !== undefined) answer(200, volume('v', 1))({} as IncomingMessage, response);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await Promise.all([...reads, removal]);
  expect(paced).toHaveLength(4);
});
