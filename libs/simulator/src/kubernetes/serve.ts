import { once } from 'node:events';
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { ApiError } from './api-error.ts';
import type { KubernetesModel } from './model.ts';
import { jsonResponse, type KubeRequest, type KubeResponse } from './request.ts';
import { createSelfSignedCertificate } from './self-signed-certificate.ts';

export interface ServeOptions {
  /** 127.0.0.1 by default. */
  readonly host?: string;
  /** A free one by default. */
  readonly port?: number;
  /** Demanded of every request if given. Clients send it only over TLS, so the server then speaks TLS. */
  readonly token?: string;
}

export interface KubernetesServer {
  readonly url: string;
  /** The certificate that clients must trust; absent without TLS. */
  readonly caPem: string | undefined;
  /** A kubeconfig file that kubectl and client libraries accept. */
  readonly kubeconfig: () => string;
  /** Ends every watch and connection. */
  readonly close: () => Promise<void>;
}

/** As much as the real server reads of a request. */
const bodyMaxBytes = 3 * 1024 * 1024;
/** A watcher that lets this much pile up is cut off. */
const unreadMaxBytes = 64 * 1024 * 1024;
const chunkBytes = 128 * 1024;

/** Serves a model over HTTP, or HTTPS with a certificate of its own where a token is demanded. */
export async function serveKubernetes(model: KubernetesModel, options: ServeOptions = {}): Promise<KubernetesServer> {
  const { host = '127.0.0.1', port = 0, token } = options;
  const listener = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    void answer(model, token, incoming, outgoing);
  };
  // Clients hold the certificate against the clock of the machine, whatever the model's clock says.
  const certificate =
    token === undefined
      ? undefined
      : createSelfSignedCertificate([...new Set([host, 'localhost', '127.0.0.1'])], Date.now());
  const server =
    certificate === undefined
      ? createHttpServer(listener)
      : createHttpsServer({ cert: certificate.certificatePem, key: certificate.keyPem }, listener);
  server.keepAliveTimeout = 60_000;
  server.listen(port, host);
  await once(server, 'listening');
  const bound = (server.address() as AddressInfo).port;
  const url = `${certificate === undefined ? 'http' : 'https'}://${host}:${bound}`;
  return {
    url,
    caPem: certificate?.certificatePem,
    kubeconfig: () => kubeconfig(url, certificate?.certificatePem, token),
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function kubeconfig(url: string, caPem: string | undefined, token: string | undefined): string {
  const authority =
    caPem === undefined ? '' : `\n      certificate-authority-data: ${Buffer.from(caPem).toString('base64')}`;
  return `apiVersion: v1
kind: Config
current-context: couchestor-simulator
clusters:
  - name: couchestor-simulator
    cluster:
      server: ${url}${authority}
users:
  - name: couchestor-simulator
    user: ${token === undefined ? '{}' : `{ token: ${JSON.stringify(token)} }`}
contexts:
  - name: couchestor-simulator
    context: { cluster: couchestor-simulator, user: couchestor-simulator }
`;
}

async function answer(
  model: KubernetesModel,
  token: string | undefined,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  try {
    const request = await readRequest(incoming);
    const response = authenticate(model, request, token) ?? (await model.handle(request));
    await send(response, outgoing);
  } catch (error) {
    if (error instanceof ApiError) await send(jsonResponse(error.status, error.code), outgoing);
    else outgoing.destroy(error instanceof Error ? error : undefined);
  }
}

async function readRequest(incoming: IncomingMessage): Promise<KubeRequest> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > bodyMaxBytes) {
      throw new ApiError({
        code: 413,
        reason: 'RequestEntityTooLarge',
        message: `Request entity too large: limit is ${bodyMaxBytes}`,
      });
    }
    chunks.push(chunk);
  }
  const headers: Record<string, string | undefined> = {};
  for (const [name, value] of Object.entries(incoming.headers)) {
    headers[name] = Array.isArray(value) ? value.join(',') : value;
  }
  return {
    method: incoming.method ?? 'GET',
    url: incoming.url ?? '/',
    headers,
    body: Buffer.concat(chunks).toString('utf8'),
  };
}

/** The refusal, or `undefined` if the request may pass. A wrong token is 401, none at all is the anonymous user's 403. */
function authenticate(
  model: KubernetesModel,
  request: KubeRequest,
  token: string | undefined,
): KubeResponse | undefined {
  const header = request.headers?.['authorization'];
  if (token === undefined || header === `Bearer ${token}`) return undefined;
  if (header === undefined) return model.refuseAnonymous(request);
  return jsonResponse(new ApiError({ code: 401, reason: 'Unauthorized', message: 'Unauthorized' }).status, 401);
}

async function send(response: KubeResponse, outgoing: ServerResponse): Promise<void> {
  switch (response.kind) {
    case 'dropped':
      outgoing.socket?.destroy();
      return;
    case 'body':
      outgoing.writeHead(response.code, mutable(response.headers));
      if (typeof response.body === 'string') outgoing.end(response.body);
      else await sendPieces(response.body, outgoing);
      return;
    case 'watch': {
      outgoing.writeHead(200, mutable(response.headers));
      outgoing.flushHeaders();
      let leave: (() => void) | undefined;
      leave = response.open({
        send: (frame) => {
          outgoing.write(frame);
          if (outgoing.writableLength > unreadMaxBytes) {
            leave?.();
            outgoing.destroy();
          }
        },
        end: () => outgoing.end(),
      });
      const left = leave;
      outgoing.once('close', () => left());
      return;
    }
  }
}

function mutable(headers: Readonly<Record<string, string | readonly string[]>>): Record<string, string | string[]> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, typeof value === 'string' ? value : [...value]]),
  );
}

/** Writes a large body in chunks as fast as the client reads it, and lets other requests run in between. */
async function sendPieces(pieces: Iterable<string>, outgoing: ServerResponse): Promise<void> {
  let buffered = '';
  for (const piece of pieces) {
    buffered += piece;
    if (buffered.length < chunkBytes) continue;
    const isFlowing = outgoing.write(buffered);
    buffered = '';
    if (outgoing.destroyed) return;
    await (isFlowing ? nextTurn() : untilDrained(outgoing));
  }
  outgoing.end(buffered);
}

/** Resolves as well when the client leaves. */
function untilDrained(outgoing: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      outgoing.off('drain', settle).off('close', settle);
      resolve();
    };
    outgoing.on('drain', settle).on('close', settle);
  });
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
