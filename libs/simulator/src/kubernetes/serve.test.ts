import { createSystemClock } from '@couchestor/shared/clock';
import { afterEach, expect, test } from 'vitest';
import { parse } from 'yaml';
import { createApiClient } from './conformance/api-client.ts';
import {
  createKubernetesModel,
  readDiskPoolCrd,
  serveKubernetes,
  type KubernetesModel,
  type KubernetesServer,
} from './index.ts';

const started: KubernetesServer[] = [];
afterEach(async () => {
  for (const server of started.splice(0)) await server.close();
});

async function start(token?: string): Promise<{ model: KubernetesModel; server: KubernetesServer }> {
  const model = createKubernetesModel({ clock: createSystemClock(), random: Math.random, crds: [readDiskPoolCrd()] });
  const server = await serveKubernetes(model, token === undefined ? {} : { token });
  started.push(server);
  return { model, server };
}

test('without a token it speaks plain HTTP and lets everybody in', async () => {
  const { server } = await start();
  expect(server.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  expect((await fetch(`${server.url}/api/v1/namespaces/default`)).status).toBe(200);
});

test('with a token it speaks TLS, and the kubeconfig carries what a client needs', async () => {
  const { server } = await start('secret');
  const config = parse(server.kubeconfig()) as {
    clusters: { cluster: { server: string; 'certificate-authority-data': string } }[];
    users: { user: { token: string } }[];
  };
  const [cluster] = config.clusters;
  const caPem = Buffer.from(cluster?.cluster['certificate-authority-data'] ?? '', 'base64').toString();
  const token = config.users[0]?.user.token ?? '';
  const client = createApiClient({ url: cluster?.cluster.server ?? '', token, caPem, expireHistory: async () => {} });
  expect((await client.send('GET', '/api/v1/namespaces/default')).status).toBe(200);
  expect((await client.send('GET', '/api/v1/namespaces/default', { token: 'other' })).status).toBe(401);
  await expect(fetch(`${server.url}/healthz`)).rejects.toThrow('fetch failed');
});

test('a large list arrives whole', async () => {
  const { model, server } = await start();
  for (let index = 0; index < 3000; index += 1) {
    const data = { text: 'x'.repeat(200) };
    model.apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: `c-${index}`, namespace: 'default' }, data });
  }
  const list = (await (await fetch(`${server.url}/api/v1/configmaps`)).json()) as { items: unknown[] };
  expect(list.items).toHaveLength(3000);
});

test('a dropped answer is a cut connection, and a body beyond the limit is refused', async () => {
  const { model, server } = await start();
  model.faults.add({ match: { resource: 'namespaces' }, action: { kind: 'drop-request' }, times: 1 });
  await expect(fetch(`${server.url}/api/v1/namespaces`)).rejects.toThrow('fetch failed');
  const body = JSON.stringify({ data: 'x'.repeat(3 * 1024 * 1024) });
  const large = await fetch(`${server.url}/api/v1/namespaces/default/configmaps`, { method: 'POST', body });
  expect(large.status).toBe(413);
});

test('closing ends open watches', async () => {
  const { model, server } = await start();
  const response = await fetch(`${server.url}/api/v1/namespaces?watch=1`);
  const ended = response.text().then(
    () => 'ended',
    () => 'ended',
  );
  expect(model.watches.openCount()).toBe(1);
  await started.pop()?.close();
  expect(await ended).toBe('ended');
  await expect.poll(() => model.watches.openCount()).toBe(0);
});
