import type { Readable } from 'node:stream';
import { Agent, type Dispatcher, ProxyAgent, request as send } from 'undici';
import { messageOf } from '../service/errors.ts';
import { readBounded, readJson } from './answer.ts';
import { KubernetesAnswerError, KubernetesStatusError, KubernetesUnreachableError, type StatusBody } from './errors.ts';
import { parseRetryAfterMs } from './retry-after.ts';

export interface KubernetesRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Below the base URL, such as `/api/v1/persistentvolumes`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** `application/json` by default. */
  readonly contentType?: string;
  readonly signal?: AbortSignal;
  /** For the whole answer of `request`, and for the beginning of the answer of `stream`; 30 s by default. */
  readonly timeoutMs?: number;
}

/** An authenticated way to one API server. Tokens and certificates are renewed as they change. */
export interface KubernetesAccess extends AsyncDisposable {
  readonly baseUrl: string;
  /**
   * The parsed body of a success.
   *
   * @throws KubernetesStatusError, KubernetesUnreachableError, KubernetesAnswerError, or the reason of `signal`
   */
  request<T>(request: KubernetesRequest): Promise<T>;
  /** The body of a success as it comes, without an end in time: the caller watches over it and destroys it. */
  stream(request: KubernetesRequest): Promise<Readable>;
}

export interface Credentials {
  readonly headers: Readonly<Record<string, string>>;
  /** As in `tls.connect`: ca, cert, key, servername, rejectUnauthorized. */
  readonly tls: Readonly<Record<string, unknown>>;
  readonly proxyUrl?: string;
}

export interface KubernetesAccessOptions {
  readonly baseUrl: string;
  /** Asked again every few seconds, and at once after a 401. None by default. */
  readonly readCredentials?: () => Promise<Credentials>;
}

const TIMEOUT_MS = 30_000;
const CREDENTIALS_AGE_MAX_MS = 10_000;
const ANSWER_BYTES_MAX = 128 * 1024 * 1024;
const ERROR_BYTES_MAX = 64 * 1024;

interface Session {
  readonly headers: Readonly<Record<string, string>>;
  readonly dispatcher: Dispatcher;
  readonly dispatcherKey: string;
  readonly readAtMs: number;
}

export function createKubernetesAccess(options: KubernetesAccessOptions): KubernetesAccess {
  const baseUrl = options.baseUrl.replace(/\/+$/, '');
  const readCredentials = options.readCredentials ?? noCredentials;
  let session: Promise<Session> | undefined;

  const openSession = async (previous: Session | undefined): Promise<Session> => {
    const credentials = await readCredentials();
    const dispatcherKey = JSON.stringify([credentials.tls, credentials.proxyUrl]);
    const readAtMs = performance.now();
    const { headers } = credentials;
    if (previous?.dispatcherKey === dispatcherKey) {
      return { headers, dispatcher: previous.dispatcher, dispatcherKey, readAtMs };
    }
    // Connections made with the old certificate may finish what they do; watches come back by themselves.
    void previous?.dispatcher.close();
    return { headers, dispatcher: createDispatcher(credentials), dispatcherKey, readAtMs };
  };
  const currentSession = async (mustBeNew: boolean): Promise<Session> => {
    // A session that could not be made is made anew below, and that failure is told.
    const present = await session?.catch(() => undefined);
    if (present !== undefined && !mustBeNew && performance.now() - present.readAtMs < CREDENTIALS_AGE_MAX_MS) {
      return present;
    }
    session = openSession(present);
    return session;
  };

  const attempt = async (request: KubernetesRequest, mustBeNew: boolean, signal: AbortSignal) => {
    const { headers, dispatcher } = await currentSession(mustBeNew);
    const hasBody = request.body !== undefined;
    return send(urlOf(baseUrl, request), {
      dispatcher,
      method: request.method,
      signal,
      headersTimeout: 0,
      bodyTimeout: 0,
      headers: {
        accept: 'application/json',
        'user-agent': 'couchestor',
        ...(isWatch(request) ? {} : { 'accept-encoding': 'gzip' }),
        ...(hasBody ? { 'content-type': request.contentType ?? 'application/json' } : {}),
        ...headers,
      },
      ...(hasBody ? { body: JSON.stringify(request.body) } : {}),
    });
  };
  /** An answer that is a success; the body of any other has been read. */
  const open = async (request: KubernetesRequest, signal: AbortSignal): Promise<Dispatcher.ResponseData> => {
    let answer = await attempt(request, false, signal);
    if (answer.statusCode === 401) {
      await readBounded(answer.body, ERROR_BYTES_MAX);
      answer = await attempt(request, true, signal);
    }
    if (answer.statusCode >= 200 && answer.statusCode < 300) return answer;
    throw await toStatusError(request, answer);
  };

  return {
    baseUrl,
    request: async <T>(request: KubernetesRequest): Promise<T> => {
      const timeout = AbortSignal.timeout(request.timeoutMs ?? TIMEOUT_MS);
      try {
        const answer = await open(request, anyOf(timeout, request.signal));
        const encoding = String(answer.headers['content-encoding'] ?? '');
        return (await readJson(answer.body, encoding, ANSWER_BYTES_MAX, operationOf(request))) as T;
      } catch (error) {
        throw classify(error, request);
      }
    },
    stream: async (request) => {
      const late = new AbortController();
      const timer = setTimeout(() => late.abort(new Error('no answer in time')), request.timeoutMs ?? TIMEOUT_MS);
      try {
        return (await open(request, anyOf(late.signal, request.signal))).body;
      } catch (error) {
        throw classify(error, request);
      } finally {
        clearTimeout(timer);
      }
    },
    [Symbol.asyncDispose]: async () => {
      const present = await session?.catch(() => undefined);
      session = undefined;
      await present?.dispatcher.destroy();
    },
  };
}

function noCredentials(): Promise<Credentials> {
  return Promise.resolve({ headers: {}, tls: {} });
}

function createDispatcher({ tls, proxyUrl }: Credentials): Dispatcher {
  const connect = { ...tls, timeout: 10_000, keepAlive: true, keepAliveInitialDelay: 30_000 };
  return proxyUrl === undefined ? new Agent({ connect }) : new ProxyAgent({ uri: proxyUrl, requestTls: connect });
}

function urlOf(baseUrl: string, { path, query = {} }: KubernetesRequest): URL {
  const url = new URL(`${baseUrl}${path}`);
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) url.searchParams.set(name, String(value));
  }
  return url;
}

function isWatch({ query }: KubernetesRequest): boolean {
  return query?.['watch'] !== undefined;
}

function operationOf({ method, path }: KubernetesRequest): string {
  return `${method} ${path}`;
}

function anyOf(own: AbortSignal, given: AbortSignal | undefined): AbortSignal {
  return given === undefined ? own : AbortSignal.any([own, given]);
}

function classify(error: unknown, request: KubernetesRequest): unknown {
  if (request.signal?.aborted === true) return request.signal.reason;
  if (error instanceof KubernetesStatusError || error instanceof KubernetesAnswerError) return error;
  return new KubernetesUnreachableError(operationOf(request), { cause: error });
}

async function toStatusError(
  request: KubernetesRequest,
  { statusCode, headers, body }: Dispatcher.ResponseData,
): Promise<KubernetesStatusError> {
  const encoding = String(headers['content-encoding'] ?? '');
  const status = await readJson(body, encoding, ERROR_BYTES_MAX, operationOf(request)).then(
    (value) => (value ?? {}) as StatusBody,
    // Proxies on the way answer in HTML; the status is what counts.
    (error: unknown): StatusBody => ({ message: messageOf(error) }),
  );
  const retryAfterMs = parseRetryAfterMs(headers['retry-after'], status.details?.retryAfterSeconds, Date.now());
  return new KubernetesStatusError(operationOf(request), statusCode, status, retryAfterMs);
}
