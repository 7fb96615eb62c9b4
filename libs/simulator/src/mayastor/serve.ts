import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { MayastorModel } from './model.ts';

export interface ServeOptions {
  /** 127.0.0.1 unless told. */
  readonly host?: string;
  /** 0, a free port, unless told. */
  readonly port?: number;
}

export interface Listening {
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
}

/** The port of Mayastor's REST API in a cluster. */
export const defaultRestPort = 8081;
/** The port of Mayastor's metrics exporter. */
export const defaultMetricsPort = 9502;

const maxBodyBytes = 1024 * 1024;

/** Serves the REST API over HTTP. */
export async function serveMayastor(model: MayastorModel, options: ServeOptions = {}): Promise<Listening> {
  return listen(options, (request, response) => {
    answerRest(model, request, response).catch(() => response.destroy());
  });
}

async function answerRest(model: MayastorModel, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const text = await bodyOf(request);
  if (text === undefined) return send(response, 413, undefined);
  let body: unknown;
  if (text !== '') {
    try {
      body = JSON.parse(text);
    } catch (error) {
      const details = `Json deserialize error: ${error instanceof Error ? error.message : String(error)}`;
      return send(response, 400, JSON.stringify({ details, message: '', kind: 'Deserialize' }));
    }
  }
  const answer = await model.handle({ method: request.method ?? 'GET', path: request.url ?? '/', body });
  send(response, answer.status, answer.body === null ? undefined : JSON.stringify(answer.body));
}

/** Undefined when the body is larger than the server takes. */
async function bodyOf(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBodyBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function send(response: ServerResponse, status: number, body: string | undefined, type = 'application/json'): void {
  if (body === undefined) response.writeHead(status, { 'content-length': '0' }).end();
  else response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) }).end(body);
}

/**
 * Serves the exporters: `/metrics` has the series of every node that runs, `/nodes/<node>/metrics` those of one, so that
 * each can be a scrape target of its own. A node that does not run answers 503.
 */
export async function serveMetrics(model: MayastorModel, options: ServeOptions = {}): Promise<Listening> {
  return listen(options, (request, response) => {
    const path = (request.url ?? '/').split('?')[0] ?? '/';
    const node = /^\/nodes\/([^/]+)\/metrics$/.exec(path)?.[1];
    if (path !== '/metrics' && node === undefined) return send(response, 404, undefined);
    const text = model.renderMetrics(node === undefined ? undefined : decodeURIComponent(node));
    if (text === undefined) return send(response, 503, undefined);
    send(response, 200, text, 'text/plain; version=0.0.4; charset=utf-8');
  });
}

/** Listens with `onRequest`; `close` ends connections too. */
export async function listen(options: ServeOptions, onRequest: RequestListener): Promise<Listening> {
  const host = options.host ?? '127.0.0.1';
  const server: Server = createServer(onRequest);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${String(port)}`,
    port,
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error === undefined ? resolve() : reject(error)));
        server.closeAllConnections();
      }),
  };
}
