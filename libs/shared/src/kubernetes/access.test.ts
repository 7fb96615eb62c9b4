import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer, type RequestListener, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { gzipSync } from 'node:zlib';
import { expect, onTestFinished, test } from 'vitest';
import { ConfigurationError } from '../service/errors.ts';
import { createKubernetesAccess, type KubernetesAccess, type KubernetesAccessOptions } from './access.ts';
import { KubernetesAnswerError, KubernetesUnreachableError } from './errors.ts';
import { loadKubernetesAccess } from './load-access.ts';

const tlsFile = (name: string): string => readFileSync(new URL(`./testing/tls/${name}`, import.meta.url), 'utf8');
const tls = {
  ca: tlsFile('ca.pem'),
  server: { cert: tlsFile('server.pem'), key: tlsFile('server.key') },
  client: { cert: tlsFile('client.pem'), key: tlsFile('client.key') },
};

async function listen(server: Server, scheme: string): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const serve = (listener: RequestListener): Promise<string> => listen(createHttpServer(listener), 'http');
/** Answers with the name in the client's certificate and with the token that it sent. */
const serveSecurely = (): Promise<string> =>
  listen(
    createHttpsServer(
      { ...tls.server, ca: tls.ca, requestCert: true, rejectUnauthorized: false },
      (request, response) => {
        const subject = (request.socket as TLSSocket).getPeerCertificate().subject as { CN?: string } | undefined;
        response.end(JSON.stringify({ client: subject?.CN, authorization: request.headers.authorization }));
      },
    ),
    'https',
  );

function open(options: KubernetesAccessOptions): KubernetesAccess {
  const access = createKubernetesAccess(options);
  onTestFinished(() => access[Symbol.asyncDispose]());
  return access;
}

async function load(environment: Readonly<Record<string, string>>): Promise<KubernetesAccess> {
  const access = await loadKubernetesAccess({ HOME: '/nonexistent', ...environment });
  onTestFinished(() => access[Symbol.asyncDispose]());
  return access;
}

function kubeconfig(cluster: Readonly<Record<string, unknown>>, user: Readonly<Record<string, unknown>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'couchestor-kubeconfig-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'config');
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster }],
    users: [{ name: 'u', user }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  };
  writeFileSync(path, JSON.stringify(config));
  return path;
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const version = { method: 'GET', path: '/version' } as const;

test('a refused token is read again once, and the request repeated with the new one', async () => {
  const seen: (string | undefined)[] = [];
  const url = await serve((request, response) => {
    seen.push(request.headers.authorization);
    response.statusCode = request.headers.authorization === 'Bearer new' ? 200 : 401;
    response.end('{}');
  });
  const tokens = ['old', 'new', 'newest'];
  const readCredentials = () => Promise.resolve({ headers: { Authorization: `Bearer ${tokens.shift()}` }, tls: {} });
  const access = open({ baseUrl: url, readCredentials });
  await access.request(version);
  await access.request(version);
  expect(seen).toEqual(['Bearer old', 'Bearer new', 'Bearer new']);
});

test('a token that stays refused is an error', async () => {
  const url = await serve((_, response) => {
    response.statusCode = 401;
    response.end('Unauthorized');
  });
  await expect(open({ baseUrl: url }).request(version)).rejects.toMatchObject({ status: 401 });
});

test('compressed answers are understood', async () => {
  const url = await serve((request, response) => {
    assert.equal(request.headers['accept-encoding'], 'gzip');
    response.setHeader('content-encoding', 'gzip');
    response.end(gzipSync('{"major":"1"}'));
  });
  expect(await open({ baseUrl: `${url}/` }).request(version)).toEqual({ major: '1' });
});

test('an answer that is no JSON, or none at all, is an error of its own kind', async () => {
  const garbled = await serve((_, response) => response.end('<html>'));
  await expect(open({ baseUrl: garbled }).request(version)).rejects.toThrow(KubernetesAnswerError);
  const broken = await serve((_, response) => response.destroy());
  await expect(open({ baseUrl: broken }).request(version)).rejects.toThrow(KubernetesUnreachableError);
  const silent = open({ baseUrl: await serve(() => undefined) });
  await expect(silent.request({ ...version, timeoutMs: 50 })).rejects.toThrow(KubernetesUnreachableError);
  await expect(silent.stream({ ...version, timeoutMs: 50 })).rejects.toThrow(KubernetesUnreachableError);
});

test('a proxy that answers in HTML still has a status, and its date of return is respected', async () => {
  const url = await serve((_, response) => {
    response.writeHead(503, { 'retry-after': new Date(Date.now() + 60_000).toUTCString() });
    response.end('<html>');
  });
  const error: unknown = await open({ baseUrl: url })
    .request(version)
    .catch((reason: unknown) => reason);
  expect(error).toMatchObject({ status: 503, retryAfterMs: expect.closeTo(60_000, -4) });
});

test('a request ends with the reason of its signal', async () => {
  const access = open({ baseUrl: await serve(() => undefined) });
  const reason = new Error('enough');
  const stopping = new AbortController();
  const request = access.request({ ...version, signal: stopping.signal });
  stopping.abort(reason);
  await expect(request).rejects.toBe(reason);
});

test('a kubeconfig with an authority and a client certificate opens a server with TLS', async () => {
  const url = await serveSecurely();
  const path = kubeconfig(
    { server: url, 'certificate-authority-data': base64(tls.ca) },
    { 'client-certificate-data': base64(tls.client.cert), 'client-key-data': base64(tls.client.key) },
  );
  const access = await load({ KUBECONFIG: path });
  expect(access.baseUrl).toBe(url);
  expect(await access.request(version)).toEqual({ client: 'couchestor test client' });
});

test('a kubeconfig with a token sends it, and an unknown authority is refused', async () => {
  const url = await serveSecurely();
  const user = { token: 'secret' };
  const trusting = await load({
    KUBECONFIG: kubeconfig({ server: url, 'certificate-authority-data': base64(tls.ca) }, user),
  });
  expect(await trusting.request(version)).toEqual({ authorization: 'Bearer secret' });
  const careless = await load({ KUBECONFIG: kubeconfig({ server: url, 'insecure-skip-tls-verify': true }, user) });
  expect(await careless.request(version)).toEqual({ authorization: 'Bearer secret' });
  const strict = await load({ KUBECONFIG: kubeconfig({ server: url }, user) });
  await expect(strict.request(version)).rejects.toThrow(KubernetesUnreachableError);
});

test('a kubeconfig may name a server without TLS', async () => {
  const url = await serve((request, response) => response.end(JSON.stringify({ path: request.url })));
  const access = await load({ KUBECONFIG: kubeconfig({ server: `${url}/below` }, {}) });
  expect(await access.request(version)).toEqual({ path: '/below/version' });
});

test('no cluster, or a kubeconfig that cannot be read, is a fault of the configuration', async () => {
  await expect(load({})).rejects.toThrow(ConfigurationError);
  await expect(load({})).rejects.toThrow('KUBECONFIG is not set: no cluster is configured');
  await expect(load({ KUBECONFIG: '/nonexistent/config' })).rejects.toThrow('KUBECONFIG="/nonexistent/config"');
});
