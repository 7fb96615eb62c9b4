import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isJsonObject, parseJson, type Json, type JsonObject } from '../json.ts';

/** A server under test. */
export interface ApiServer {
  readonly url: string;
  readonly token: string;
  readonly caPem: string;
  /** Makes the server forget its history, so that old positions expire. */
  readonly expireHistory: () => Promise<void>;
}

interface ApiRequest {
  readonly body?: Json | string;
  readonly contentType?: string;
  readonly accept?: string;
  /** Another token than the server's; `null` for none. */
  readonly token?: string | null;
}

export interface ApiResponse {
  readonly status: number;
  readonly warnings: readonly string[];
  readonly text: string;
  /** The body as an object; `{}` if it is none. */
  readonly body: JsonObject;
}

export interface WatchFrame {
  readonly type: string;
  readonly object: JsonObject;
}

export interface WatchStream {
  /** The next frame; `undefined` once the server has ended the watch. Rejects after `waitMs`. */
  readonly next: (waitMs?: number) => Promise<WatchFrame | undefined>;
  readonly close: () => void;
}

export interface ApiClient {
  readonly send: (method: string, path: string, request?: ApiRequest) => Promise<ApiResponse>;
  readonly watch: (path: string, request?: ApiRequest) => Promise<WatchStream>;
  readonly expireHistory: () => Promise<void>;
}

const frameWaitMs = 10_000;

export function createApiClient(server: ApiServer): ApiClient {
  const open = async (method: string, path: string, request: ApiRequest): Promise<IncomingMessage> => {
    const body = typeof request.body === 'string' ? request.body : JSON.stringify(request.body ?? null);
    const url = new URL(path, server.url);
    const token = request.token === undefined ? server.token : request.token;
    const options: RequestOptions & { ca: string } = {
      method,
      ca: server.caPem,
      agent: false,
      headers: {
        'user-agent': 'conformance/1',
        accept: request.accept ?? 'application/json',
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        ...(request.body === undefined
          ? {}
          : { 'content-type': request.contentType ?? 'application/json', 'content-length': Buffer.byteLength(body) }),
      },
    };
    const outgoing = url.protocol === 'https:' ? httpsRequest(url, options) : httpRequest(url, options);
    const answered = once(outgoing, 'response') as Promise<[IncomingMessage]>;
    if (request.body === undefined) outgoing.end();
    else outgoing.end(body);
    const [incoming] = await answered;
    incoming.setEncoding('utf8');
    return incoming;
  };

  return {
    expireHistory: server.expireHistory,
    send: async (method, path, request = {}) => {
      const incoming = await open(method, path, request);
      let text = '';
      for await (const chunk of incoming as AsyncIterable<string>) text += chunk;
      const isJson = (incoming.headers['content-type'] ?? '').startsWith('application/json');
      const body = isJson ? parseJson(text) : null;
      return {
        status: incoming.statusCode ?? 0,
        warnings: readWarnings(incoming),
        text,
        body: isJsonObject(body) ? body : {},
      };
    },
    watch: async (path, request = {}) => readFrames(await open('GET', path, request)),
  };
}

function readWarnings(incoming: IncomingMessage): string[] {
  const header = incoming.headersDistinct['warning'] ?? [];
  return header.map((text) => parseJson(text.slice('299 - '.length)) as string);
}

function readFrames(incoming: IncomingMessage): WatchStream {
  const frames: WatchFrame[] = [];
  let buffered = '';
  let isOver = false;
  let wake: () => void = () => {};
  incoming.on('data', (chunk: string) => {
    const lines = (buffered + chunk).split('\n');
    buffered = lines.pop() ?? '';
    for (const line of lines) if (line !== '') frames.push(JSON.parse(line) as WatchFrame);
    wake();
  });
  const finish = (): void => {
    isOver = true;
    wake();
  };
  incoming.on('end', finish);
  incoming.on('error', finish);
  return {
    close: () => incoming.destroy(),
    next: async (waitMs = frameWaitMs) => {
      const deadline = Date.now() + waitMs;
      for (;;) {
        const frame = frames.shift();
        if (frame !== undefined) return frame;
        if (isOver) return undefined;
        const leftMs = deadline - Date.now();
        if (leftMs <= 0) throw new Error(`no frame came within ${waitMs} ms`);
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, leftMs);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
    },
  };
}
