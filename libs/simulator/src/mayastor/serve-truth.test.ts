import { expect, onTestFinished, test } from 'vitest';
import { serveTruth } from './serve-truth.ts';
import { createTestCluster, gibibyte, volumeId } from './test-cluster.ts';

async function start() {
  const { model, call } = createTestCluster();
  model.createVolume({ uuid: volumeId(1), sizeBytes: gibibyte, placement: ['nvme-n1'], publishedOn: 'n1' });
  const server = await serveTruth(model);
  onTestFinished(() => server.close());
  const ask = async (method: string, path: string): Promise<{ readonly status: number; readonly body: unknown }> => {
    const response = await fetch(`${server.url}${path}`, { method });
    return { status: response.status, body: await response.json() };
  };
  return { call, ask };
}

test('the ledger tells calls, cordons, and of each volume where it is and how it fared', async () => {
  const { call, ask } = await start();
  await call('PUT', '/nodes/n2/cordon/maintenance');
  await call('PUT', `/volumes/${volumeId(1)}/replica_count/2`);
  expect((await ask('GET', '/ledger')).body).toMatchObject({
    nowMs: expect.any(Number),
    redundancyViolations: 0,
    cordons: ['node/n2/maintenance'],
    orphans: [],
    volumes: [
      { volume: volumeId(1), declared: 1, minimum: 1, replicaCount: 2, pools: ['nvme-n1', expect.any(String)] },
    ],
    calls: { 'PUT 2': 2 },
    latestCalls: [{ method: 'PUT', path: '/v0/nodes/n2/cordon/maintenance', status: 200 }, { status: 200 }],
  });
});

test('trouble is made on demand, and ends on demand', async () => {
  const { call, ask } = await start();
  const status = async () => (await call('GET', '/pools/nvme-n1')).body;
  expect(await ask('POST', '/faults/poolFaulted/nvme-n1')).toEqual({
    status: 200,
    body: { made: 'poolFaulted', of: 'nvme-n1' },
  });
  expect(await status()).toMatchObject({ state: { status: 'Faulted' } });
  await ask('POST', '/faults/poolRecovers/nvme-n1');
  expect(await status()).toMatchObject({ state: { status: 'Online' } });
});

test.each([
  ['GET', '/other', 'ask GET /ledger'],
  ['GET', '/faults/poolFaulted/nvme-n1', 'ask GET /ledger'],
  ['POST', '/faults/crashCore/n1', 'ask GET /ledger'],
  ['POST', '/faults/nodeDown/nvme-n1', 'nvme-n1 is none of n1, n2'],
  ['POST', '/faults/poolFaulted/n1', 'n1 is none of nvme-n1'],
])('%s %s is refused with what may be asked', async (method, path, error) => {
  const { ask } = await start();
  const answered = await ask(method, path);
  expect(answered).toEqual({ status: 404, body: { error: expect.stringContaining(error) } });
});
