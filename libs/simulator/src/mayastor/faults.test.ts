import { describe, expect, it } from 'vitest';
import { createTestCluster, gibibyte, volumeId, type TestCluster } from './test-cluster.ts';

const volume = volumeId(1);
const grow = `/volumes/${volume}/replica_count/3`;
const probe = `/volumes/${volume}/replica_count/255`;

function published(options: Parameters<typeof createTestCluster>[0] = {}): TestCluster {
  const cluster = createTestCluster(options);
  cluster.model.createVolume({
    uuid: volume,
    sizeBytes: 10 * gibibyte,
    placement: ['sata-n1', 'sata-n2'],
    publishedOn: 'n1',
  });
  return cluster;
}

describe('faults of single calls', () => {
  it('refuse without the core hearing of it', async () => {
    const { model, call } = published();
    const remove = model.faults.onCall((seen) => (seen.method === 'PUT' ? { kind: 'refuse', status: 502 } : undefined));
    expect(await call('PUT', grow)).toEqual({ status: 502, body: null });
    expect(model.volume(volume)?.replicas).toHaveLength(2);
    remove();
    expect((await call('PUT', grow)).status).toBe(200);
  });

  it('time out, and what was asked happens later or never', async () => {
    for (const [effectAfterMs, replicas] of [
      [8_000, 3],
      [undefined, 2],
    ] as const) {
      const { model, clock, call } = published();
      const remove = model.faults.onCall((seen) =>
        seen.path.endsWith('/3')
          ? { kind: 'timeout', ...(effectAfterMs === undefined ? {} : { effectAfterMs }) }
          : undefined,
      );
      expect(await call('PUT', grow)).toMatchObject({ status: 503, body: { kind: 'Aborted' } });
      expect(clock.monotonicMs()).toBe(5_000);
      expect(model.volume(volume)?.replicas).toHaveLength(2);
      remove();
      await clock.advance(10_000);
      expect(model.volume(volume)?.replicas).toHaveLength(replicas);
    }
  });

  it('crash the core before, in the middle of, or after a growth', async () => {
    for (const [when, message, replicaCount] of [
      ['before', 'transport error', 2],
      ['during', 'transport error', 2],
      ['after', 'transport error', 3],
    ] as const) {
      const { model, clock, call } = published();
      let crashed = false;
      model.faults.onCall((seen) => {
        if (crashed || !seen.path.endsWith('/3')) return undefined;
        crashed = true;
        return { kind: 'crash', when, afterMs: 7 };
      });
      const answer = await call('PUT', grow);
      expect(answer).toMatchObject({ status: 503, body: { kind: 'Aborted' } });
      expect(JSON.stringify(answer.body)).toContain(message);
      expect(await call('GET', '/pools')).toMatchObject({ status: 503, body: { kind: 'Unavailable' } });
      await clock.advance(22_000 + 300_000);
      expect((await call('GET', '/pools')).status).toBe(200);
      expect(model.volume(volume)).toMatchObject({ replicaCount, busy: false });
      expect(model.volume(volume)?.replicas).toHaveLength(replicaCount);
      expect(model.orphans()).toEqual([]);
      expect(model.ledger.violationCount).toBe(0);
    }
  });

  it('delay the answer and nothing else', async () => {
    const { model, clock, call } = published();
    model.faults.onCall(() => ({ kind: 'delay', beforeMs: 300, afterMs: 200 }));
    expect((await call('GET', '/nodes')).status).toBe(200);
    expect(clock.monotonicMs()).toBe(500);
  });
});

describe('slow engines', () => {
  it('make a volume answer the probe with a conflict until the growth is over', async () => {
    const { model, clock, call } = published();
    model.faults.onEngineCall((kind) => (kind === 'createReplica' ? 12_000 : undefined));
    expect((await call('PUT', grow)).status).toBe(503);
    expect(await call('PUT', probe)).toMatchObject({ status: 409, body: { kind: 'Conflict' } });
    await clock.advance(7_000);
    expect(await call('PUT', probe)).toMatchObject({ status: 412 });
    expect(model.volume(volume)?.replicaCount).toBe(3);
  });

  it('leave an orphan when they create a replica after the core has given up', async () => {
    const { model, clock, call } = published();
    let calls = 0;
    model.faults.onEngineCall((kind) => {
      if (kind !== 'createReplica') return undefined;
      calls += 1;
      return calls === 1 ? 20_000 : 5;
    });
    await call('PUT', grow);
    await clock.advance(60_000);
    expect(model.volume(volume)?.replicas).toHaveLength(3);
    expect(model.orphans()).toHaveLength(1);
  });
});

describe('nodes and pools', () => {
  it('replace a child that stays away, by another replica, after the wait', async () => {
    const { model, clock, pools } = published();
    model.faults.nodeDown('n2');
    await clock.advance(590_000);
    expect(pools(volume)).toEqual(['sata-n1', 'sata-n2']);
    await clock.advance(120_000);
    expect(pools(volume)).toHaveLength(2);
    expect(pools(volume)).not.toContain('sata-n2');
    expect(model.ledger.volume(volume)).toMatchObject({ minimum: 1, healthy: 2 });
  });

  it('bring a child back that returns within the wait', async () => {
    const { model, clock, shown, pools } = published();
    model.faults.nodeDown('n2');
    await clock.advance(60_000);
    expect((await shown(volume)).state.status).toBe('Degraded');
    model.faults.nodeUp('n2');
    await clock.advance(120_000);
    expect(pools(volume)).toEqual(['sata-n1', 'sata-n2']);
    expect((await shown(volume)).state.status).toBe('Online');
    expect(model.ledger.volume(volume)?.healthy).toBe(2);
  });

  it('show nothing of a dead target, refuse to scale, and trust one replica afterwards', async () => {
    const { model, clock, call, shown } = published();
    model.faults.nodeDown('n1');
    await clock.advance(40_000);
    expect((await shown(volume)).state.status).toBe('Unknown');
    expect(await call('PUT', grow)).toMatchObject({ status: 503, body: { kind: 'Unavailable' } });
    model.faults.nodeUp('n1');
    await clock.advance(300_000);
    expect((await shown(volume)).state).toMatchObject({ status: 'Online', target: { node: 'n1' } });
    expect(model.volume(volume)?.replicas.every((replica) => replica.synced)).toBe(true);
  });

  it('fail a target over to another node when told to, with one replica, and rebuild the others', async () => {
    const { model, clock, shown } = published({ timers: { failoverMs: 15_000 } });
    model.faults.nodeDown('n1');
    await clock.advance(20_000);
    expect((await shown(volume)).spec.target?.node).not.toBe('n1');
    model.faults.nodeUp('n1');
    await clock.advance(300_000);
    expect((await shown(volume)).state.status).toBe('Online');
    expect(model.ledger.volume(volume)).toMatchObject({ minimum: 1, healthy: 2, changes: { operation: 0 } });
  });

  it('fault the children on a pool that fails', async () => {
    const { model, clock, shown } = published();
    model.faults.poolFaulted('sata-n2');
    await clock.advance(31_000);
    const { state } = await shown(volume);
    expect(state.target?.children.map((child) => child.state)).toEqual(['Online', 'Faulted']);
    expect(model.ledger.volume(volume)?.healthy).toBe(1);
  });

  it('replace a rebuild that fails', async () => {
    const { model, clock, call } = published();
    await call('PUT', grow);
    const [before] = model.volume(volume)?.replicas.filter((replica) => replica.rebuilding) ?? [];
    expect(model.faults.failRebuild(volume)).toBe(true);
    await clock.advance(300_000);
    const ids = model.volume(volume)?.replicas.map((replica) => replica.uuid);
    expect(ids).toHaveLength(3);
    expect(ids).not.toContain(before?.uuid);
  });
});

describe('the store', () => {
  it('answers reads while it hangs, and refuses a cordon that it cannot keep', async () => {
    const { model, clock, call } = published();
    model.faults.storeHangs();
    expect((await call('GET', '/nodes')).status).toBe(200);
    expect(await call('PUT', '/nodes/n1/cordon/mover')).toMatchObject({ status: 507, body: { kind: 'FailedPersist' } });
    expect(await call('PUT', grow)).toMatchObject({ status: 503 });
    await clock.advance(1_000);
    model.faults.storeRecovers();
    await clock.advance(60_000);
    expect(model.volume(volume)?.replicas).toHaveLength(2);
    expect((await call('PUT', '/nodes/n1/cordon/mover')).status).toBe(200);
  });
});

describe('the limit of rebuilds', () => {
  it('is counted at the last poll, so that two within one poll both pass', async () => {
    const { model, clock, call } = published({ maxRebuilds: 1, rebuildMs: () => 300_000 });
    for (const number of [2, 3]) {
      model.createVolume({ uuid: volumeId(number), sizeBytes: gibibyte, replicas: 2, publishedOn: 'n1' });
    }
    await clock.advance(1_000);
    expect((await call('PUT', grow)).status).toBe(200);
    expect((await call('PUT', `/volumes/${volumeId(2)}/replica_count/3`)).status).toBe(200);
    await clock.advance(30_000);
    const refused = await call('PUT', `/volumes/${volumeId(3)}/replica_count/3`);
    expect(refused).toMatchObject({ status: 507, body: { kind: 'ResourceExhausted' } });
    expect(JSON.stringify(refused.body)).toContain('SvcError :: MaxRebuilds');
  });
});
