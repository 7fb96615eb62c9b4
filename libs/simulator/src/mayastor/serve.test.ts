import { createSystemClock } from '@couchestor/shared/clock';
import { afterEach, describe, expect, it } from 'vitest';
import { createMayastorModel, type MayastorModel } from './model.ts';
import { serveMayastor, serveMetrics, type Listening } from './serve.ts';
import { gibibyte, seeded, volumeId } from './test-cluster.ts';

const servers: Listening[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

function smallModel(): MayastorModel {
  const model = createMayastorModel({ clock: createSystemClock(), random: seeded(1), timers: { engineCallMs: 1 } });
  for (const node of ['n1', 'n2', 'n3']) {
    model.addNode({ id: node });
    model.addPool({ id: `pool-${node}`, node, capacityBytes: 100 * gibibyte });
  }
  model.createVolume({
    uuid: volumeId(1),
    sizeBytes: gibibyte,
    placement: ['pool-n1', 'pool-n2'],
    publishedOn: 'n1',
    load: { kind: 'steady', iops: 1_000 },
  });
  return model;
}

async function rest(model: MayastorModel): Promise<string> {
  const server = await serveMayastor(model);
  servers.push(server);
  return server.url;
}

describe('the REST server', () => {
  it('answers as the model does', async () => {
    const url = await rest(smallModel());
    const answer = await fetch(`${url}/v0/volumes/${volumeId(1)}`);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ spec: { num_replicas: 2 }, state: { status: 'Online' } });
    const grown = await fetch(`${url}/v0/volumes/${volumeId(1)}/replica_count/3`, { method: 'PUT' });
    expect(await grown.json()).toMatchObject({ spec: { num_replicas: 3 }, state: { status: 'Degraded' } });
  });

  it('sends no body with 204 and with an unknown route', async () => {
    const url = await rest(smallModel());
    const deleted = await fetch(`${url}/v0/volumes/${volumeId(1)}`, { method: 'DELETE' });
    expect([deleted.status, await deleted.text()]).toEqual([204, '']);
    const unknown = await fetch(`${url}/v0/nothing`);
    expect([unknown.status, await unknown.text()]).toEqual([404, '']);
  });

  it('refuses a body that is not JSON, and one that is too large', async () => {
    const url = await rest(smallModel());
    const put = (body: string): Promise<Response> =>
      fetch(`${url}/v0/pools/pool-n1/cordon`, { method: 'PUT', body, headers: { 'content-type': 'application/json' } });
    const broken = await put('{');
    expect(broken.status).toBe(400);
    expect(await broken.json()).toMatchObject({ kind: 'Deserialize', message: '' });
    expect((await put(JSON.stringify({ padding: 'x'.repeat(1_100_000) }))).status).toBe(413);
  });
});

describe('the exporters', () => {
  it('serve all nodes together and each one alone', async () => {
    const model = smallModel();
    const server = await serveMetrics(model);
    servers.push(server);
    const all = await (await fetch(`${server.url}/metrics`)).text();
    expect(all).toContain('node="n1"');
    expect(all).toContain('node="n2"');
    const one = await fetch(`${server.url}/nodes/n2/metrics`);
    expect(one.headers.get('content-type')).toContain('text/plain');
    expect(await one.text()).not.toContain('node="n1"');
    model.faults.nodeDown('n2');
    expect((await fetch(`${server.url}/nodes/n2/metrics`)).status).toBe(503);
    expect((await fetch(`${server.url}/`)).status).toBe(404);
  });
});
