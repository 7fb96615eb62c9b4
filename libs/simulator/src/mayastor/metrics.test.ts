import { describe, expect, it } from 'vitest';
import { createTestCluster, gibibyte, volumeId, type TestCluster } from './test-cluster.ts';

const volume = volumeId(1);
const publishOn = (node: string): unknown => ({ publish_context: {}, protocol: 'nvmf', node });

function loaded(): TestCluster {
  const cluster = createTestCluster();
  cluster.model.createVolume({
    uuid: volume,
    sizeBytes: 10 * gibibyte,
    placement: ['sata-n1', 'sata-n2'],
    publishedOn: 'n1',
    load: { kind: 'steady', iops: 1_000, readShare: 0.6, blockBytes: 4_096, latencyUs: 500 },
  });
  return cluster;
}

function value(cluster: TestCluster, series: string): number | undefined {
  for (const line of cluster.model.renderMetrics()?.split('\n') ?? []) {
    if (line.startsWith(`${series} `)) return Number(line.slice(series.length + 1));
  }
  return undefined;
}

const reads = (node: string): string => `volume_num_read_ops{node="${node}",pv_name="pvc-${volume}"}`;

describe('the exporter', () => {
  it('counts operations, bytes and latency of a published volume under the node of its target', async () => {
    const cluster = loaded();
    await cluster.clock.advance(10_000);
    const labels = `{node="n1",pv_name="pvc-${volume}"}`;
    expect(value(cluster, `volume_num_read_ops${labels}`)).toBe(6_000);
    expect(value(cluster, `volume_num_write_ops${labels}`)).toBe(4_000);
    expect(value(cluster, `volume_bytes_read${labels}`)).toBe(6_000 * 4_096);
    expect(value(cluster, `volume_write_latency_us${labels}`)).toBe(4_000 * 500);
  });

  it('has no series of a volume that is not published, and begins at 0 with a new target', async () => {
    const cluster = loaded();
    await cluster.clock.advance(10_000);
    await cluster.call('DELETE', `/volumes/${volume}/target`);
    expect(cluster.model.renderMetrics()).not.toContain(`volume_num_read_ops`);
    expect(cluster.model.iops(volume)).toBe(1_000);
    await cluster.call('PUT', `/volumes/${volume}/target`, publishOn('n3'));
    await cluster.clock.advance(1_000);
    expect(value(cluster, reads('n1'))).toBeUndefined();
    expect(value(cluster, reads('n3'))).toBeLessThanOrEqual(606);
  });

  it('begins at 0 after the engine of the target was started again', async () => {
    const cluster = loaded();
    await cluster.clock.advance(100_000);
    cluster.model.faults.nodeDown('n1');
    expect(cluster.model.renderMetrics('n1')).toBeUndefined();
    cluster.model.faults.nodeUp('n1');
    await cluster.clock.advance(60_000);
    expect(value(cluster, reads('n1'))).toBeLessThanOrEqual(36_000);
    expect(value(cluster, reads('n1'))).toBeGreaterThan(0);
  });

  it('sends writes to every replica and never lets a pool count backwards', async () => {
    const cluster = loaded();
    const pool = 'diskpool_num_write_ops{node="n2",name="sata-n2"}';
    await cluster.clock.advance(10_000);
    expect(value(cluster, pool)).toBe(4_000);
    cluster.model.ledger.declare(volume, 1);
    await cluster.call('PUT', `/volumes/${volume}/replica_count/1`);
    const after = value(cluster, pool) ?? 0;
    expect(after).toBeGreaterThanOrEqual(4_000);
    await cluster.clock.advance(10_000);
    expect(value(cluster, pool)).toBe(after);
  });

  it('declares every series as a gauge, once', () => {
    const text = loaded().model.renderMetrics() ?? '';
    const types = text.split('\n').filter((line) => line.startsWith('# TYPE'));
    expect(new Set(types).size).toBe(types.length);
    expect(types.every((line) => line.endsWith(' gauge'))).toBe(true);
    expect(text).toContain('diskpool_total_size_bytes{node="n1",name="nvme-n1"} 107374182400');
  });

  it('follows a load that is changed', async () => {
    const cluster = loaded();
    await cluster.clock.advance(10_000);
    cluster.model.setLoad(volume, { kind: 'steady', iops: 10, readShare: 0.6 });
    await cluster.clock.advance(10_000);
    expect(value(cluster, reads('n1'))).toBe(6_060);
  });
});
