import type { Registry } from 'prom-client';
import type { Clock } from '../clock/index.ts';
import { messageOf } from '../service/errors.ts';
import { createCallSlots } from './call-slots.ts';
import { type ChangeOperation, classify, probeOf } from './classification.ts';
import { MalformedAnswerError, MayastorUnavailableError } from './errors.ts';
import { arrayOf, countAt, recordOf } from './json-fields.ts';
import type { CallKind, CallOptions, ChangeOptions, MayastorClient } from './mayastor-client.ts';
import { createMayastorMetrics, type ReadOperation } from './metrics.ts';
import { parseNexus } from './nexus.ts';
import { parseNode } from './node.ts';
import type { Outcome } from './outcome.ts';
import { createPacedSender, type Pace, type TimedAnswer } from './paced-sender.ts';
import { parseOwners } from './owners.ts';
import { parsePool } from './pool.ts';
import { parseSvcError } from './svc-error.ts';
import { createTransport, type HttpAnswer, type HttpRequest, type Transport } from './transport.ts';
import { parseVolume, type Volume } from './volume.ts';

export interface MayastorClientOptions {
  /** Of the REST service, such as `http://mayastor-api-rest.mayastor:8081`, with or without `/v0`. */
  readonly baseUrl: string;
  /** Of one change, from the first wait for a connection to the end of its answer. 5 s by default. */
  readonly timeoutMs?: number;
  /** Of one read; a page of 500 volumes or the whole store takes longer than a change. 15 s by default. */
  readonly readTimeoutMs?: number;
  /** Sent as a bearer token. */
  readonly token?: string;
  /** Certificates to trust, PEM; needed for the self-made one of the HTTPS port. */
  readonly ca?: string;
  /** 1 to 64; 8 by default. */
  readonly connectionsMax?: number;
  readonly pace: Pace;
  readonly clock: Clock;
  readonly registry?: Registry;
  /** Told of each call in the moment before its first byte goes out. */
  readonly onSend?: (call: Pick<HttpRequest, 'method' | 'path'>) => void;
  /** How requests travel, in place of HTTP: for a control plane in the same process. */
  readonly transport?: Transport;
}

const PAGE_ENTRIES = 500;
/** One step is all that is ever allowed, so this count is never granted. */
const IMPOSSIBLE_COUNT = 255;
/** Pools are named by Kubernetes objects, whose names have no capitals. */
const IMPOSSIBLE_POOL = 'COUCHESTOR-PROBE';
const READ_BYTES_MAX = 256 * 1024 * 1024;
const CHANGE_BYTES_MAX = 4 * 1024 * 1024;

const CONNECT_TIMEOUT_MS = 3_000;

/** Mayastor's REST API over HTTP. */
export function createMayastorClient(options: MayastorClientOptions): MayastorClient {
  const { clock, pace, onSend } = options;
  const timeoutMs = options.timeoutMs ?? 5_000;
  const readTimeoutMs = options.readTimeoutMs ?? 15_000;
  const connectionsMax = options.connectionsMax ?? 8;
  const slots = createCallSlots(connectionsMax);
  const metrics = options.registry === undefined ? undefined : createMayastorMetrics(options.registry);
  const transport =
    options.transport ??
    createTransport({
      baseUrl: options.baseUrl,
      ...(options.token === undefined ? {} : { token: options.token }),
      ...(options.ca === undefined ? {} : { ca: options.ca }),
      connectionsMax,
      connectTimeoutMs: Math.min(timeoutMs, CONNECT_TIMEOUT_MS),
      clock,
    });

  const sendPaced = createPacedSender({
    pace,
    transport,
    clock,
    onSend: ({ method, path }) => onSend?.({ method, path }),
  });
  /** One call, when its turn has come. Its connection is free by then, or the grant would run out waiting for it. */
  const send = async (kind: CallKind, request: HttpRequest): Promise<TimedAnswer> => {
    const end = await slots.take(kind, request.signal);
    try {
      return await sendPaced(kind, request);
    } finally {
      end();
    }
  };

  /** A read whose connection broke is tried once more: the server closes idle ones, and restarts under load. */
  const get = async (path: string, signal: AbortSignal | undefined): Promise<TimedAnswer> => {
    const request: HttpRequest = {
      method: 'GET',
      path,
      timeoutMs: readTimeoutMs,
      bodyBytesMax: READ_BYTES_MAX,
      signal,
    };
    const first = await send('read', request);
    return first.answer.kind === 'lost' && first.answer.reason === 'broken' ? send('read', request) : first;
  };

  /** Undefined when Mayastor says that what was asked for does not exist. */
  const read = async <T>(
    operation: ReadOperation,
    path: string,
    parse: (value: unknown) => T,
    { signal }: CallOptions,
  ): Promise<T | undefined> => {
    const { answer, tookMs } = await get(path, signal);
    try {
      const value = valueOf(operation, answer);
      const result = value === undefined ? undefined : parse(value);
      metrics?.read(operation, value === undefined ? 'absent' : 'done', tookMs);
      return result;
    } catch (error) {
      metrics?.read(operation, 'unavailable', tookMs);
      if (signal?.aborted === true) throw signal.reason;
      if (error instanceof MayastorUnavailableError) throw error;
      throw new MayastorUnavailableError(operation, messageOf(error), { status: 200, cause: error });
    }
  };

  const readExisting = async <T>(
    operation: ReadOperation,
    path: string,
    parse: (value: unknown) => T,
    call: CallOptions,
  ): Promise<T> => {
    const result = await read(operation, path, parse, call);
    if (result === undefined) throw new MayastorUnavailableError(operation, 'answered 404', { status: 404 });
    return result;
  };

  /** The answer is handed to `resultOf` only when it was a success. */
  const change = async <T>(
    operation: ChangeOperation,
    kind: CallKind,
    request: Pick<HttpRequest, 'method' | 'path' | 'body'>,
    { signal, mayStart }: ChangeOptions,
    resultOf: (body: string) => T,
  ): Promise<Outcome<T>> => {
    const call = { ...request, timeoutMs, bodyBytesMax: CHANGE_BYTES_MAX, signal, mayStart };
    const { answer, tookMs } = await send(kind, call);
    const outcome = classify(operation, answer);
    metrics?.change(operation, outcome.kind, tookMs);
    if (outcome.kind !== 'done') return outcome;
    return { kind: 'done', result: resultOf(answer.kind === 'answered' ? answer.body : '') };
  };

  const putCount = (volumeId: string, count: number): Pick<HttpRequest, 'method' | 'path'> => ({
    method: 'PUT',
    path: `/volumes/${encodeURIComponent(volumeId)}/replica_count/${count}`,
  });

  async function* volumePages(call: CallOptions = {}): AsyncGenerator<readonly Volume[]> {
    const seen = new Set<string>();
    for (let token: number | undefined = 0; token !== undefined;) {
      const path: string = `/volumes?max_entries=${PAGE_ENTRIES}&starting_token=${token}`;
      const start: number = token;
      const page: VolumePage = await readExisting('listVolumes', path, (value) => parsePage(value, start), call);
      const unseen = page.volumes.filter(({ id }) => !seen.has(id));
      for (const { id } of unseen) seen.add(id);
      yield unseen;
      token = page.nextToken;
    }
  }

  return {
    volumePages,
    listVolumes: async (call) => {
      const volumes: Volume[] = [];
      for await (const page of volumePages(call)) volumes.push(...page);
      return volumes;
    },
    getVolume: (volumeId, call = {}) =>
      read('getVolume', `/volumes/${encodeURIComponent(volumeId)}`, parseVolume, call),
    listPools: (call = {}) =>
      readExisting('listPools', '/pools', (value) => arrayOf(value, 'the pools').map(parsePool), call),
    listNodes: (call = {}) =>
      readExisting('listNodes', '/nodes', (value) => arrayOf(value, 'the nodes').map(parseNode), call),
    listNexuses: (call = {}) =>
      readExisting('listNexuses', '/nexuses', (value) => arrayOf(value, 'the targets').map(parseNexus), call),
    readOwners: (volumeId, call = {}) =>
      readExisting('readOwners', '/specs', (value) => parseOwners(value, volumeId), call),

    poolCordonSupported: async ({ signal, mayStart } = {}) => {
      const operation = 'poolCordonSupported';
      const { method, path, body } = cordonRequest('PUT', IMPOSSIBLE_POOL);
      const call = { method, path, body, timeoutMs, bodyBytesMax: CHANGE_BYTES_MAX, signal, mayStart };
      const { answer, tookMs } = await send('read', call);
      const supported = routeExists(answer);
      const outcome = supported === undefined ? 'unavailable' : 'done';
      metrics?.read(operation, outcome, tookMs);
      if (supported !== undefined) return supported;
      if (signal?.aborted === true) throw signal.reason;
      if (answer.kind !== 'answered') throw new MayastorUnavailableError(operation, answer.message);
      throw new MayastorUnavailableError(operation, `answered ${answer.status}`, { status: answer.status });
    },

    probeIdle: async (volumeId, call = {}) =>
      probeOf(await change('probeIdle', 'read', putCount(volumeId, IMPOSSIBLE_COUNT), call, nothing)),
    setReplicaCount: async (volumeId, count, call = {}) => {
      if (!Number.isInteger(count) || count < 1 || count >= IMPOSSIBLE_COUNT) {
        throw new RangeError(`a replica count is 1 to ${IMPOSSIBLE_COUNT - 1}, not ${count}`);
      }
      return change('setReplicaCount', 'write', putCount(volumeId, count), call, volumeIn);
    },
    cordonPool: (poolId, call = {}) => change('cordonPool', 'write', cordonRequest('PUT', poolId), call, nothing),
    uncordonPool: (poolId, call = {}) =>
      change('uncordonPool', 'release', cordonRequest('DELETE', poolId), call, nothing),
    cordonNode: (nodeId, label, call = {}) =>
      change('cordonNode', 'write', { method: 'PUT', path: nodeCordonPath(nodeId, label) }, call, nothing),
    uncordonNode: (nodeId, label, call = {}) =>
      change('uncordonNode', 'release', { method: 'DELETE', path: nodeCordonPath(nodeId, label) }, call, nothing),
    removeChild: (nexusId, childUri, call = {}) => {
      const path = `/nexuses/${encodeURIComponent(nexusId)}/children/${encodeURIComponent(childUri)}`;
      return change('removeChild', 'write', { method: 'DELETE', path }, call, nothing);
    },
    clearShutdownTargets: (volumeId, call = {}) => {
      const path = `/volumes/${encodeURIComponent(volumeId)}/shutdown_targets`;
      return change('clearShutdownTargets', 'write', { method: 'DELETE', path }, call, nothing);
    },
    [Symbol.asyncDispose]: () => transport[Symbol.asyncDispose](),
  };
}

/** `import` must never be set: a node that restarts would not get its pool back. */
const replicasOnly = { replicas: true, snapshots: false, restores: false, import: false } as const;

function cordonRequest(method: 'PUT' | 'DELETE', poolId: string) {
  return { method, path: `/pools/${encodeURIComponent(poolId)}/cordon`, body: JSON.stringify(replicasOnly) };
}

const nodeCordonPath = (nodeId: string, label: string): string =>
  `/nodes/${encodeURIComponent(nodeId)}/cordon/${encodeURIComponent(label)}`;

const nothing = (): undefined => undefined;

/** A missing route is answered without a body, a missing object with one. */
function routeExists(answer: HttpAnswer): boolean | undefined {
  if (answer.kind !== 'answered' || answer.status !== 404) return undefined;
  if (answer.body === '') return false;
  return parseSvcError(answer.body)?.kind === 'NotFound' ? true : undefined;
}

/** The count was changed all the same if the volume that came back cannot be read. */
function volumeIn(body: string): Volume | undefined {
  try {
    return parseVolume(JSON.parse(body));
  } catch {
    return undefined;
  }
}

/** Undefined when Mayastor says that it does not exist. @throws MayastorUnavailableError */
function valueOf(operation: ReadOperation, answer: HttpAnswer): unknown {
  if (answer.kind !== 'answered') throw new MayastorUnavailableError(operation, answer.message);
  const { status, body } = answer;
  if (status === 200) {
    const value: unknown = answer.value ?? JSON.parse(body);
    if (value === undefined || value === null) throw new MalformedAnswerError('it is empty');
    return value;
  }
  const error = parseSvcError(body);
  // Without a body it is the route that is missing, which says nothing of the object.
  if (status === 404 && error?.kind === 'NotFound') return undefined;
  throw new MayastorUnavailableError(operation, error?.message ?? `answered ${status}`, { status });
}

interface VolumePage {
  readonly volumes: readonly Volume[];
  readonly nextToken: number | undefined;
}

/** @throws MalformedAnswerError also when the next page would not lie behind this one, which would never end. */
function parsePage(value: unknown, token: number): VolumePage {
  const page = recordOf(value, 'a page of volumes');
  const volumes = arrayOf(page['entries'], 'the entries of a page').map(parseVolume);
  const nextToken = countAt(page, 'next_token');
  if (nextToken !== undefined && nextToken <= token) throw new MalformedAnswerError('the next page is no later one');
  return { volumes, nextToken };
}
