import { describe, expect, it } from 'vitest';
import { cordonReplicas, createTestCluster, gibibyte, volumeId } from './test-cluster.ts';

const volume = volumeId(1);

describe('pool cordons', () => {
  it('are no route before 2.10: 404 without a body', async () => {
    const { call } = createTestCluster({ version: '2.7.1' });
    expect(await call('PUT', '/pools/nvme-n1/cordon', cordonReplicas)).toEqual({ status: 404, body: null });
  });

  it('show in the pool, and answer 422 where nothing would change', async () => {
    const { call } = createTestCluster({ version: '2.10.0' });
    const cordoned = await call('PUT', '/pools/nvme-n1/cordon', cordonReplicas);
    expect(cordoned).toMatchObject({ status: 200, body: { spec: { cordonDrain: { cordoned: cordonReplicas } } } });
    expect((await call('PUT', '/pools/nvme-n1/cordon', cordonReplicas)).status).toBe(422);
    const cleared = await call('DELETE', '/pools/nvme-n1/cordon', cordonReplicas);
    expect(cleared.body).not.toHaveProperty('spec.cordonDrain');
    expect((await call('DELETE', '/pools/nvme-n1/cordon', cordonReplicas)).status).toBe(422);
  });

  it('leave alone what is not sent as true', async () => {
    const { call } = createTestCluster();
    await call('PUT', '/pools/nvme-n1/cordon', { ...cordonReplicas, restores: true });
    const answer = await call('DELETE', '/pools/nvme-n1/cordon', cordonReplicas);
    expect(answer.body).toMatchObject({ spec: { cordonDrain: { cordoned: { replicas: false, restores: true } } } });
  });
});

describe('affinity groups', () => {
  it.each([
    ['2.7.1', 412],
    ['2.12.2', 200],
  ] as const)('may shrink to one replica or not: %s answers %i', async (version, status) => {
    const { model, call } = createTestCluster({ version });
    model.createVolume({ uuid: volume, sizeBytes: gibibyte, replicas: 2, affinityGroup: 'set', publishedOn: 'n1' });
    expect((await call('PUT', `/volumes/${volume}/replica_count/1`)).status).toBe(status);
  });

  it('keep single replicas on nodes of their own', () => {
    const { model } = createTestCluster();
    const nodes = [1, 2, 3, 4].map((number) => {
      model.createVolume({ uuid: volumeId(number), sizeBytes: gibibyte, replicas: 1, affinityGroup: 'set' });
      return model.volume(volumeId(number))?.replicas[0]?.node;
    });
    expect(new Set(nodes).size).toBe(4);
    expect(() =>
      model.createVolume({ uuid: volumeId(5), sizeBytes: gibibyte, replicas: 1, affinityGroup: 'set' }),
    ).toThrow('insufficient resources');
  });
});

describe('what else differs', () => {
  it('health of replicas is shown since 2.9', async () => {
    for (const [version, shown] of [
      ['2.7.1', false],
      ['2.10.0', true],
    ] as const) {
      const { model, call } = createTestCluster({ version });
      model.createVolume({ uuid: volume, sizeBytes: gibibyte, replicas: 1 });
      const { body } = await call('GET', `/volumes/${volume}`);
      expect(JSON.stringify(body).includes('"healthy":true')).toBe(shown);
    }
  });

  it('labels with a slash need no encoding since 2.12.1', async () => {
    for (const [version, status] of [
      ['2.10.0', 404],
      ['2.12.2', 200],
    ] as const) {
      const { call } = createTestCluster({ version });
      expect((await call('PUT', '/nodes/n1/cordon/my/label')).status).toBe(status);
    }
  });

  it('a volume bound to a tier by topology grows there alone', async () => {
    const { model, call, pools } = createTestCluster();
    const topology = { pool_topology: { labelled: { inclusion: { tier: 'nvme' } } } };
    model.createVolume({ uuid: volume, sizeBytes: gibibyte, replicas: 2, topology, publishedOn: 'n1' });
    await call('PUT', `/volumes/${volume}/replica_count/3`);
    expect(pools(volume).every((pool) => pool.startsWith('nvme'))).toBe(true);
  });
});
