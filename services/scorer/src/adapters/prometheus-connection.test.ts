import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { createPrometheus, type PrometheusOptions } from './prometheus.ts';

const pem = (name: string): string =>
  fileURLToPath(new URL(`../../../../libs/shared/src/kubernetes/testing/tls/${name}`, import.meta.url));
const TIME = JSON.stringify({ status: 'success', data: { resultType: 'scalar', result: [1, '1700000000'] } });

/** A server that tells its time, and keeps what it was asked with. */
async function timeServer(make: (listener: RequestListener) => Server = createServer): Promise<{
  readonly port: number;
  readonly requests: readonly IncomingMessage[];
}> {
  const requests: IncomingMessage[] = [];
  const server = make((request, response) => {
    requests.push(request);
    response.end(TIME);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, requests };
}

const demanding = (listener: RequestListener): Server =>
  createTlsServer(
    {
      key: readFileSync(pem('server.key')),
      cert: readFileSync(pem('server.pem')),
      ca: readFileSync(pem('ca.pem')),
      requestCert: true,
      rejectUnauthorized: true,
    },
    listener,
  );

function asking(options: Partial<PrometheusOptions> & { readonly url: string }): () => Promise<number> {
  const server = createPrometheus({ timeoutMs: 2_000, monotonicMs: () => 0, ...options });
  onTestFinished(() => server[Symbol.asyncDispose]());
  return () => server.nowMs(AbortSignal.timeout(5_000));
}

async function aFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'couchestor-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}

test('a server that asks for a certificate is shown the one on file, as it is at the moment', async () => {
  const { port } = await timeServer(demanding);
  const url = `https://127.0.0.1:${port}`;
  const folder = await aFolder();
  const clientCertificate = { certificateFile: join(folder, 'tls.crt'), keyFile: join(folder, 'tls.key') };
  // Not the scorer's own: of the same authority, but the key is another one.
  await copyFile(pem('client.pem'), clientCertificate.certificateFile);
  await copyFile(pem('server.key'), clientCertificate.keyFile);
  const ask = asking({ url, caFile: pem('ca.pem'), clientCertificate });
  await expect(ask()).rejects.toMatchObject({ reason: 'PrometheusUnavailable' });
  await copyFile(pem('client.key'), clientCertificate.keyFile);
  expect(await ask()).toBe(1_700_000_000_000);
  expect(await ask()).toBe(1_700_000_000_000);
  await expect(asking({ url, caFile: pem('ca.pem') })()).rejects.toMatchObject({ reason: 'PrometheusUnavailable' });
});

test('a server of an unknown authority is not trusted', async () => {
  const { port } = await timeServer(demanding);
  const clientCertificate = { certificateFile: pem('client.pem'), keyFile: pem('client.key') };
  const ask = asking({ url: `https://127.0.0.1:${port}`, clientCertificate });
  await expect(ask()).rejects.toMatchObject({ reason: 'PrometheusUnavailable' });
});

test('a token is read for each question; a user with a password, a tenant and a base path are sent', async () => {
  const { port, requests } = await timeServer();
  const folder = await aFolder();
  const bearerTokenFile = join(folder, 'token');
  const withToken = asking({ url: `http://127.0.0.1:${port}/prometheus/`, bearerTokenFile });
  for (const token of ['one', 'two']) {
    await writeFile(bearerTokenFile, `${token}\n`);
    await withToken();
    expect(requests.at(-1)).toMatchObject({
      url: '/prometheus/api/v1/query',
      headers: { authorization: `Bearer ${token}` },
    });
  }
  await asking({
    url: `http://127.0.0.1:${port}`,
    basicAuth: { username: 'scorer', password: 'säcret' },
    tenant: { header: 'X-Scope-OrgID', value: 'team-a' },
  })();
  expect(requests.at(-1)?.headers).toMatchObject({
    authorization: `Basic ${Buffer.from('scorer:säcret').toString('base64')}`,
    'x-scope-orgid': 'team-a',
  });
});

test('a token that cannot be read is a question that was not answered', async () => {
  const { port } = await timeServer();
  const ask = asking({ url: `http://127.0.0.1:${port}`, bearerTokenFile: '/nowhere/token' });
  await expect(ask()).rejects.toMatchObject({ reason: 'PrometheusUnavailable' });
});

test('everything goes through the proxy, where there is one, certificates included', async () => {
  const { port } = await timeServer(demanding);
  const asked: (string | undefined)[] = [];
  const proxy = createServer((request, response) => {
    asked.push(request.url);
    response.end(TIME);
  });
  proxy.on('connect', (request, socket, head: Buffer) => {
    asked.push(request.url);
    const onwards = connect(port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      onwards.write(head);
      onwards.pipe(socket).pipe(onwards);
    });
    onwards.on('error', () => socket.destroy());
    socket.on('error', () => onwards.destroy());
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  onTestFinished(() => {
    proxy.closeAllConnections();
    proxy.close();
  });
  const proxyUrl = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  expect(await asking({ url: 'http://prometheus.example:9090', proxyUrl })()).toBe(1_700_000_000_000);
  expect(asked).toEqual(['http://prometheus.example:9090/api/v1/query']);
  const clientCertificate = { certificateFile: pem('client.pem'), keyFile: pem('client.key') };
  const secure = asking({ url: 'https://127.0.0.1:9090', proxyUrl, caFile: pem('ca.pem'), clientCertificate });
  expect(await secure()).toBe(1_700_000_000_000);
  expect(asked.at(-1)).toBe('127.0.0.1:9090');
});

test('names and passwords in the address are not told', async () => {
  const ask = asking({ url: 'http://user:secret@127.0.0.1:9/base' });
  await expect(ask()).rejects.toMatchObject({ message: expect.stringContaining('http://127.0.0.1:9/base') });
  await expect(ask()).rejects.not.toMatchObject({ message: expect.stringContaining('secret') });
});
