import { describe, expect, it } from 'vitest';
import { cordonReplicas, createTestCluster, gibibyte, volumeId, type TestCluster } from './test-cluster.ts';

const volume = volumeId(1);

function withVolume(cluster: TestCluster, placement = ['sata-n1', 'sata-n2']): TestCluster {
  cluster.model.createVolume({ uuid: volume, sizeBytes: 10 * gibibyte, placement, publishedOn: 'n1' });
  return cluster;
}

async function fence(cluster: TestCluster, allBut: string): Promise<void> {
  for (const pool of cluster.model.poolIds()) {
    if (pool !== allBut) await cluster.call('PUT', `/pools/${pool}/cordon`, cordonReplicas);
  }
}

async function unfence(cluster: TestCluster): Promise<void> {
  for (const pool of cluster.model.poolIds()) await cluster.call('DELETE', `/pools/${pool}/cordon`, cordonReplicas);
}

async function rebuilt(cluster: TestCluster): Promise<void> {
  for (let polls = 0; polls < 100; polls += 1) {
    if ((await cluster.shown(volume)).state.status === 'Online') return;
    await cluster.clock.advance(10_000);
  }
  throw new Error('the rebuild does not end');
}

describe('a move on 2.12', () => {
  it('lands where the fence leaves a pool, and takes the replica on the cordoned node', async () => {
    const cluster = withVolume(createTestCluster());
    await fence(cluster, 'nvme-n3');
    expect((await cluster.call('PUT', `/volumes/${volume}/replica_count/3`)).status).toBe(200);
    await unfence(cluster);
    await rebuilt(cluster);
    expect(cluster.pools(volume)).toEqual(['nvme-n3', 'sata-n1', 'sata-n2']);
    await cluster.call('PUT', '/nodes/n1/cordon/mover');
    expect((await cluster.call('PUT', `/volumes/${volume}/replica_count/2`)).status).toBe(200);
    expect(cluster.pools(volume)).toEqual(['nvme-n3', 'sata-n2']);
    expect(cluster.model.ledger.redundancyViolations()).toEqual([]);
    expect(cluster.model.ledger.volume(volume)).toMatchObject({ minimum: 2, maximum: 3, replicaCountChanges: 2 });
  });

  it('refuses to grow when every pool is cordoned', async () => {
    const cluster = withVolume(createTestCluster());
    await fence(cluster, '');
    expect(await cluster.call('PUT', `/volumes/${volume}/replica_count/3`)).toMatchObject({
      status: 507,
      body: { kind: 'ResourceExhausted', details: 'Not enough suitable pools available, 0/1' },
    });
  });

  it('lets chance pick among equal victims, also the new replica', async () => {
    const left = new Set<string>();
    for (let seed = 1; seed <= 20; seed += 1) {
      const cluster = withVolume(createTestCluster({ seed }), ['sata-n2', 'sata-n3']);
      await fence(cluster, 'nvme-n4');
      await cluster.call('PUT', `/volumes/${volume}/replica_count/3`);
      await rebuilt(cluster);
      await unfence(cluster);
      await cluster.call('PUT', `/volumes/${volume}/replica_count/2`);
      left.add(cluster.pools(volume).join(' '));
    }
    expect(left).toEqual(new Set(['sata-n2 sata-n3', 'nvme-n4 sata-n2', 'nvme-n4 sata-n3']));
  });

  it('ignores the node cordon when told to', async () => {
    let kept = 0;
    for (let seed = 1; seed <= 20; seed += 1) {
      const cluster = withVolume(createTestCluster({ seed, steer: 'ignored' }), ['sata-n2', 'sata-n3']);
      await cluster.call('PUT', `/volumes/${volume}/replica_count/3`);
      await rebuilt(cluster);
      await cluster.call('PUT', '/nodes/n2/cordon/mover');
      await cluster.call('PUT', `/volumes/${volume}/replica_count/2`);
      if (cluster.pools(volume).includes('sata-n2')) kept += 1;
    }
    expect(kept).toBeGreaterThan(0);
  });

  it('has the same outcome for the same seed', async () => {
    const outcomes = await Promise.all(
      [7, 7].map(async (seed) => {
        const cluster = withVolume(createTestCluster({ seed }));
        await cluster.call('PUT', `/volumes/${volume}/replica_count/3`);
        await rebuilt(cluster);
        await cluster.call('PUT', `/volumes/${volume}/replica_count/2`);
        return JSON.stringify(await cluster.shown(volume));
      }),
    );
    expect(outcomes[0]).toBe(outcomes[1]);
  });
});

describe('the ledger', () => {
  it('reports a call that takes a healthy replica below what the owner declared', async () => {
    const cluster = withVolume(createTestCluster());
    await cluster.call('PUT', `/volumes/${volume}/replica_count/1`);
    const [violation] = cluster.model.ledger.redundancyViolations();
    expect(violation).toMatchObject({ volume, from: 2, to: 1, declared: 2 });
    expect(cluster.model.ledger.calls().at(-1)).toMatchObject({ number: violation?.call, method: 'PUT', status: 200 });
  });

  it('is content when the owner declared less before', async () => {
    const cluster = withVolume(createTestCluster());
    cluster.model.ledger.declare(volume, 1);
    await cluster.call('PUT', `/volumes/${volume}/replica_count/1`);
    expect(cluster.model.ledger.redundancyViolations()).toEqual([]);
    expect(cluster.model.ledger.volume(volume)?.minimum).toBe(1);
  });

  it('blames a fault for what a fault does', async () => {
    const cluster = withVolume(createTestCluster());
    cluster.model.faults.nodeDown('n2');
    expect(cluster.model.ledger.volume(volume)).toMatchObject({ healthy: 1, changes: { fault: 1, operation: 0 } });
    expect(cluster.model.ledger.violationCount).toBe(0);
  });

  it('does not count the rollback of a replica that is still rebuilding', async () => {
    const cluster = withVolume(createTestCluster());
    await cluster.call('PUT', `/volumes/${volume}/replica_count/3`);
    await cluster.call('PUT', `/volumes/${volume}/replica_count/2`);
    expect(cluster.pools(volume)).toEqual(['sata-n1', 'sata-n2']);
    expect(cluster.model.ledger.violationCount).toBe(0);
  });

  it('knows the most rebuilds at a time and the cordons set now', async () => {
    const cluster = withVolume(createTestCluster());
    await fence(cluster, 'nvme-n3');
    await cluster.call('PUT', `/volumes/${volume}/replica_count/3`);
    await unfence(cluster);
    await cluster.call('PUT', '/nodes/n4/cordon/person');
    expect(cluster.model.ledger.cordons()).toEqual(['node/n4/person']);
    expect(cluster.model.ledger.rebuildMaxima()).toMatchObject({
      total: 1,
      perPool: new Map([['nvme-n3', 1]]),
      perNode: new Map([['n3', 1]]),
    });
  });

  it('keeps details of a fixed number of calls', async () => {
    const cluster = createTestCluster({ ledgerDetails: 3 });
    for (const label of ['a', 'b', 'c', 'd', 'e']) await cluster.call('PUT', `/nodes/n1/cordon/${label}`);
    expect(cluster.model.ledger.calls().map((call) => call.number)).toEqual([3, 4, 5]);
    expect(cluster.model.ledger.callCounts()).toEqual(new Map([['PUT 2', 5]]));
  });
});

describe('a model at rest', () => {
  it('has no timer, however many volumes it holds', async () => {
    const cluster = createTestCluster();
    for (let number = 1; number <= 100; number += 1) {
      cluster.model.createVolume({
        uuid: volumeId(number),
        sizeBytes: gibibyte,
        replicas: 2,
        publishedOn: 'n1',
        load: { kind: 'steady', iops: 100 },
      });
    }
    expect(cluster.clock.pending()).toBe(0);
    await cluster.call('PUT', `/volumes/${volumeId(5)}/replica_count/3`);
    await cluster.clock.advance(3_600_000);
    expect(cluster.clock.pending()).toBe(0);
  });

  it('leaves no timer behind when it is stopped in the middle of everything', async () => {
    const cluster = withVolume(createTestCluster());
    await cluster.call('PUT', `/volumes/${volume}/replica_count/3`);
    const answer = cluster.model.handle({ method: 'PUT', path: `/v0/volumes/${volume}/replica_count/2` });
    cluster.model.stop();
    expect(cluster.clock.pending()).toBe(0);
    expect((await answer).status).toBe(503);
    expect((await cluster.call('GET', '/nodes')).status).toBe(503);
  });

  it('hides a volume behind the hole that a deletion leaves in the pages', async () => {
    const cluster = createTestCluster();
    for (let number = 0; number < 6; number += 1) {
      cluster.model.createVolume({ uuid: volumeId(number), sizeBytes: gibibyte, replicas: 1 });
    }
    await cluster.call('DELETE', `/volumes/${volumeId(1)}`);
    expect(cluster.model.volumeIds()).toEqual([0, 5, 2, 3, 4].map(volumeId));
    const page = await cluster.call('GET', '/volumes?max_entries=2&starting_token=2');
    expect(page.body).toMatchObject({ entries: [{ spec: { uuid: volumeId(2) } }, {}], next_token: 4 });
  });
});
