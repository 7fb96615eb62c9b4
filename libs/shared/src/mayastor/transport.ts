import { type Dispatcher, Pool } from 'undici';
import type { Clock } from '../clock/index.ts';
import { messageOf } from '../service/errors.ts';
import { createResettingConnector } from './resetting-connector.ts';

export interface HttpRequest {
  readonly method: 'GET' | 'PUT' | 'DELETE';
  /** Below the base path, with its query. */
  readonly path: string;
  readonly body?: string;
  readonly timeoutMs: number;
  readonly bodyBytesMax: number;
  readonly signal?: AbortSignal | undefined;
  /** Asked once, when the next thing to happen is the first byte. */
  readonly mayStart?: (() => boolean) | undefined;
}

/** `notSent`: not a byte of the request left. `lost`: it did, or some of it, and there was no whole answer. */
export type HttpAnswer =
  | {
      readonly kind: 'answered';
      readonly status: number;
      readonly body: string;
      /** What the body says, from a control plane in the same process, which need not write it out. */
      readonly value?: unknown;
    }
  | { readonly kind: 'notSent'; readonly reason: 'Unreachable' | 'NotStarted'; readonly message: string }
  | { readonly kind: 'lost'; readonly reason: 'timeout' | 'aborted' | 'broken'; readonly message: string };

export interface TransportOptions {
  readonly baseUrl: string;
  readonly token?: string;
  /** PEM. */
  readonly ca?: string;
  readonly connectionsMax: number;
  readonly connectTimeoutMs: number;
  readonly clock: Clock;
}

export interface Transport extends AsyncDisposable {
  /** Resolves always, and within the time-out. */
  send(request: HttpRequest): Promise<HttpAnswer>;
}

// The REST server closes a connection that was idle for 5 s; leaving it earlier avoids writing into that close.
const KEEP_ALIVE_MS = 3_000;

/** HTTP/1.1 with kept-alive connections. It never sends a request twice. */
export function createTransport(options: TransportOptions): Transport {
  const base = new URL(options.baseUrl);
  const basePath = base.pathname.replace(/\/+$/, '').replace(/(?:\/v0)?$/, '/v0');
  const pool = new Pool(base.origin, {
    connections: options.connectionsMax,
    pipelining: 1,
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_MS,
    // The deadline of the whole call bounds these.
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: createResettingConnector({
      timeoutMs: options.connectTimeoutMs,
      ...(options.ca === undefined ? {} : { ca: options.ca }),
    }),
  });
  const headers: Record<string, string> = { accept: 'application/json', 'user-agent': 'couchestor' };
  if (options.token !== undefined) headers['authorization'] = `Bearer ${options.token}`;

  return {
    send: (request) => exchange(pool, basePath, headers, request, options.clock),
    [Symbol.asyncDispose]: () => pool.destroy(),
  };
}

function exchange(
  pool: Pool,
  basePath: string,
  headers: Readonly<Record<string, string>>,
  request: HttpRequest,
  clock: Clock,
): Promise<HttpAnswer> {
  const { signal } = request;
  return new Promise((resolve) => {
    let settled = false;
    let started: Dispatcher.DispatchController | undefined;
    let status = 0;
    let sizeBytes = 0;
    const chunks: Buffer[] = [];

    const settle = (answer: HttpAnswer): void => {
      if (settled) return;
      settled = true;
      cancelDeadline();
      signal?.removeEventListener('abort', onAbort);
      resolve(answer);
    };
    const giveUp = (reason: 'timeout' | 'aborted' | 'broken', message: string): void => {
      if (settled) return;
      if (started === undefined) {
        settle({ kind: 'notSent', reason: reason === 'aborted' ? 'NotStarted' : 'Unreachable', message });
        return;
      }
      settle({ kind: 'lost', reason, message });
      started.abort(new Error(message));
    };
    const onAbort = (): void => giveUp('aborted', 'aborted on our side');
    const cancelDeadline = clock.after(request.timeoutMs, () =>
      giveUp('timeout', `no answer within ${request.timeoutMs} ms`),
    );
    if (signal?.aborted === true) return onAbort();
    signal?.addEventListener('abort', onAbort, { once: true });

    try {
      pool.dispatch(
        {
          method: request.method,
          path: basePath + request.path,
          headers: request.body === undefined ? headers : { ...headers, 'content-type': 'application/json' },
          body: request.body ?? null,
        },
        {
          // Called with a connection at hand, before anything is written to it; an abort here leaves it unwritten.
          onRequestStart: (controller) => {
            if (!settled && request.mayStart?.() === false) {
              settle({ kind: 'notSent', reason: 'NotStarted', message: 'not allowed to start any more' });
            }
            if (settled) {
              controller.abort(new Error('given up before it was sent'));
              return;
            }
            started = controller;
          },
          onResponseStart: (_controller, statusCode) => {
            status = statusCode;
          },
          onResponseData: (_controller, chunk) => {
            sizeBytes += chunk.length;
            if (sizeBytes > request.bodyBytesMax) giveUp('broken', `answer of more than ${request.bodyBytesMax} bytes`);
            else chunks.push(chunk);
          },
          onResponseEnd: () => settle({ kind: 'answered', status, body: Buffer.concat(chunks).toString('utf8') }),
          onResponseError: (_controller, error) => giveUp('broken', error.message || error.name),
        },
      );
    } catch (error) {
      giveUp('broken', messageOf(error));
    }
  });
}
