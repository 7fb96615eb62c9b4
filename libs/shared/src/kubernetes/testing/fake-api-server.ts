import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { KubernetesObject } from '../objects.ts';

interface RecordedRequest {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly contentType: string | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly body: unknown;
}

interface InjectedAnswer {
  readonly status: number;
  readonly reason?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

type RequestKind = 'list' | 'watch' | 'write' | 'read';

type StoredObject = KubernetesObject & Readonly<Record<string, unknown>>;

interface Change {
  readonly version: number;
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly path: string;
  readonly object: StoredObject;
}

interface Watcher {
  readonly path: string;
  readonly response: ServerResponse;
}

/** An API server in memory: one resource version for all, pages, watches that replay, optimistic locking. */
export interface FakeApiServer extends AsyncDisposable {
  readonly url: string;
  readonly requests: readonly RecordedRequest[];
  /** Requests that no API server would take; a test ends by expecting none. */
  readonly violations: readonly string[];
  /** Open watches. */
  readonly watchers: number;
  requestsOf(kind: RequestKind): readonly RecordedRequest[];
  object(path: string): StoredObject | undefined;
  /** Creates or changes an object, as somebody else would. */
  put(collection: string, object: StoredObject): void;
  remove(collection: string, name: string): void;
  /** Forgets how it came to where it is: positions and tokens from before are expired. */
  compact(): void;
  /** Answers the next `times` requests of a kind with a failure; an infinite number until it is called with 0. */
  failNext(kind: RequestKind, times: number, answer: InjectedAnswer): void;
  /** Lets requests of a kind wait without an answer until it is called with false. */
  hang(kind: RequestKind, on: boolean): void;
  bookmark(): void;
  /** Writes bytes to all watches as they are. */
  writeRaw(bytes: string | Uint8Array): void;
  endWatches(): void;
  resetWatches(): void;
}

const QUERIES: Readonly<Record<RequestKind, readonly string[]>> = {
  list: ['limit', 'continue', 'labelSelector', 'fieldSelector'],
  watch: ['watch', 'allowWatchBookmarks', 'resourceVersion', 'timeoutSeconds', 'labelSelector', 'fieldSelector'],
  write: ['fieldManager', 'force'],
  read: [],
};

const COLLECTION = /^\/(api\/v1|apis\/[^/]+\/v1)(\/namespaces\/[^/]+)?\/[a-z]+$/;

export async function startFakeApiServer(): Promise<FakeApiServer> {
  const objects = new Map<string, StoredObject>();
  const requests: (RecordedRequest & { readonly kind: RequestKind })[] = [];
  const violations: string[] = [];
  const watchers = new Set<Watcher>();
  const failures = new Map<RequestKind, { times: number; answer: InjectedAnswer }>();
  const hanging = new Set<RequestKind>();
  let changes: Change[] = [];
  let version = 100;
  let compactedVersion = 0;

  const record = (type: Change['type'], path: string, object: StoredObject): StoredObject => {
    version += 1;
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } };
    const key = `${path}/${object.metadata.name}`;
    if (type === 'DELETED') objects.delete(key);
    else objects.set(key, stored);
    const change = { version, type, path, object: stored };
    changes.push(change);
    for (const watcher of watchers) if (watcher.path === path) watcher.response.write(lineOf(change));
    return stored;
  };
  const put = (path: string, object: StoredObject): StoredObject => {
    const known = objects.get(`${path}/${object.metadata.name}`);
    const uid = object.metadata.uid ?? known?.metadata.uid ?? `uid-${object.metadata.name}`;
    const metadata = { ...object.metadata, uid };
    return record(known === undefined ? 'ADDED' : 'MODIFIED', path, { ...object, metadata });
  };

  const list = (path: string, query: Readonly<Record<string, string>>, response: ServerResponse): void => {
    const [tokenVersion = version, start = 0] = (query['continue'] ?? '').split(':').filter(Boolean).map(Number);
    if (tokenVersion < compactedVersion) return refuse(response, 410, 'Expired');
    const all = [...objects].filter(([key]) => key.slice(0, key.lastIndexOf('/')) === path).map(([, each]) => each);
    const end = query['limit'] === undefined ? all.length : start + Number(query['limit']);
    const metadata = {
      resourceVersion: String(tokenVersion),
      ...(end < all.length ? { continue: `${tokenVersion}:${end}` } : {}),
    };
    send(response, 200, { kind: 'List', metadata, items: all.slice(start, end) });
  };
  const watch = (path: string, query: Readonly<Record<string, string>>, response: ServerResponse): void => {
    const since = Number(query['resourceVersion']);
    response.writeHead(200, { 'content-type': 'application/json' });
    if (since < compactedVersion) {
      response.end(`${JSON.stringify({ type: 'ERROR', object: { code: 410, reason: 'Expired' } })}\n`);
      return;
    }
    response.flushHeaders();
    for (const change of changes) if (change.path === path && change.version > since) response.write(lineOf(change));
    const watcher = { path, response };
    watchers.add(watcher);
    response.once('close', () => watchers.delete(watcher));
  };
  const writeObject = (request: RecordedRequest, response: ServerResponse): void => {
    const { method, contentType, body } = request;
    const sent = body as StoredObject;
    const path = method === 'POST' ? `${request.path}/${sent.metadata.name}` : request.path.replace(/\/status$/, '');
    const collection = path.slice(0, path.lastIndexOf('/'));
    const known = objects.get(path);
    switch (method) {
      case 'POST':
        if (known !== undefined) return refuse(response, 409, 'AlreadyExists');
        return send(response, 201, put(collection, sent));
      case 'PUT':
        if (known === undefined) return refuse(response, 404, 'NotFound');
        if (sent.metadata.resourceVersion !== known.metadata.resourceVersion) return refuse(response, 409, 'Conflict');
        return send(response, 200, put(collection, sent));
      case 'PATCH': {
        const isApply = contentType === 'application/apply-patch+yaml';
        if (!isApply && contentType !== 'application/merge-patch+json')
          return refuse(response, 415, 'UnsupportedMediaType');
        if (isApply && request.query['fieldManager'] === undefined) return refuse(response, 400, 'BadRequest');
        if (known === undefined && !isApply) return refuse(response, 404, 'NotFound');
        return send(response, 200, put(collection, mergePatched(known ?? {}, sent) as StoredObject));
      }
      default:
        if (known === undefined) return refuse(response, 404, 'NotFound');
        return send(response, 200, record('DELETED', collection, known));
    }
  };

  const handle = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { pathname: path, searchParams } = new URL(incoming.url ?? '/', 'http://fake');
    const query = Object.fromEntries(searchParams);
    const { method = '', headers } = incoming;
    const kind = kindOf(method, path, query);
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString('utf8');
    const body: unknown = text === '' ? undefined : JSON.parse(text);
    const request = { kind, method, path, query, contentType: headers['content-type'], headers, body };
    requests.push(request);
    const unknown = Object.keys(query).filter((name) => !QUERIES[kind].includes(name));
    if (unknown.length > 0) violations.push(`${method} ${path} has ${unknown.join(', ')}`);
    if (kind === 'watch' && !(Number(query['resourceVersion']) > 0)) violations.push('a watch without a position');
    if (hanging.has(kind)) return;
    const failure = failures.get(kind);
    if (failure !== undefined && failure.times > 0) {
      failure.times -= 1;
      return refuse(response, failure.answer.status, failure.answer.reason ?? 'Injected', failure.answer.headers);
    }
    switch (kind) {
      case 'list':
        return list(path, query, response);
      case 'watch':
        return watch(path, query, response);
      case 'write':
        return writeObject(request, response);
      case 'read': {
        const object = objects.get(path);
        return object === undefined ? refuse(response, 404, 'NotFound') : send(response, 200, object);
      }
    }
  };

  const server = createServer((incoming, response) => {
    handle(incoming, response).catch((error: unknown) => {
      violations.push(String(error));
      response.destroy();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    violations,
    get watchers() {
      return watchers.size;
    },
    requestsOf: (kind) => requests.filter((request) => request.kind === kind),
    object: (path) => objects.get(path),
    put,
    remove: (path, name) => {
      const known = objects.get(`${path}/${name}`);
      if (known !== undefined) record('DELETED', path, known);
    },
    compact: () => {
      version += 1;
      compactedVersion = version;
      changes = [];
    },
    failNext: (kind, times, answer) => failures.set(kind, { times, answer }),
    hang: (kind, on) => {
      if (on) hanging.add(kind);
      else hanging.delete(kind);
    },
    bookmark: () => {
      version += 1;
      const object = { metadata: { resourceVersion: String(version) } };
      for (const { response } of watchers) response.write(`${JSON.stringify({ type: 'BOOKMARK', object })}\n`);
    },
    writeRaw: (bytes) => {
      for (const { response } of watchers) response.write(bytes);
    },
    endWatches: () => {
      for (const { response } of watchers) response.end();
    },
    resetWatches: () => {
      for (const { response } of watchers) response.destroy();
    },
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
      if (server.listening) await once(server, 'close');
    },
  };
}

function kindOf(method: string, path: string, query: Readonly<Record<string, string>>): RequestKind {
  if (method !== 'GET') return 'write';
  if (!COLLECTION.test(path)) return 'read';
  return query['watch'] === undefined ? 'list' : 'watch';
}

function lineOf({ type, object }: Change): string {
  return `${JSON.stringify({ type, object })}\n`;
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

function refuse(
  response: ServerResponse,
  code: number,
  reason: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  send(response, code, { kind: 'Status', code, reason, message: `${reason}, says the fake` });
}

function mergePatched(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const merged: Record<string, unknown> = { ...(target as Record<string, unknown> | undefined) };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete merged[key];
    else merged[key] = mergePatched(merged[key], value);
  }
  return merged;
}
