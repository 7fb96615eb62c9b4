import { describe, expect, it } from 'vitest';
import type { MayastorVersion } from './options.ts';
import { createTestCluster, gibibyte, seeded, volumeId, type TestCluster } from './test-cluster.ts';

const versions: readonly MayastorVersion[] = ['2.7.1', '2.10.0', '2.12.2'];
const nodes = ['n1', 'n2', 'n3', 'n4'];
const volumes = [1, 2, 3, 4].map(volumeId);
const stepsPerRun = 120;

/** Does one thing, good or bad, to the cluster. Requests are not waited for. */
function disturb(cluster: TestCluster, random: () => number): void {
  const { model } = cluster;
  const pick = <T>(items: readonly T[]): T | undefined => items[Math.floor(random() * items.length)];
  const volume = pick(volumes) ?? '';
  const node = pick(nodes) ?? '';
  const pool = pick(model.poolIds()) ?? '';
  const send = (method: string, path: string, body?: unknown): void => {
    void model.handle({ method, path: `/v0${path}`, body });
  };
  const count = model.volume(volume)?.replicaCount ?? 1;
  const nexus = model.volume(volume)?.target?.nexus;
  const deeds = [
    () => send('PUT', `/volumes/${volume}/replica_count/${String(count + 1)}`),
    () => send('PUT', `/volumes/${volume}/replica_count/${String(count - 1)}`),
    () =>
      send('PUT', `/volumes/${volume}/target`, {
        publish_context: {},
        protocol: 'nvmf',
        node,
        republish: random() < 0.3,
      }),
    () => send('DELETE', `/volumes/${volume}/target`),
    () => send('DELETE', `/nexuses/${nexus ?? volume}/children/${encodeURIComponent(`bdev:///${volume}`)}`),
    () => send('PUT', `/nodes/${node}/cordon/a`),
    () => send('PUT', `/nodes/${node}/drain/d`),
    () => send('DELETE', `/nodes/${node}/cordon/${random() < 0.5 ? 'a' : 'd'}`),
    () => model.faults.nodeDown(node, { graceful: random() < 0.5 }),
    () => model.faults.nodeHangs(node),
    () => model.faults.failRebuild(volume),
    () => model.faults.poolFaulted(pool),
    () => model.faults.crashCore(),
    () => model.faults.storeHangs(),
    () => model.faults.freezeCore(),
    () => repair(cluster),
    () => repair(cluster),
  ];
  pick(deeds)?.();
}

function repair({ model }: TestCluster): void {
  for (const node of nodes) {
    model.faults.nodeUp(node);
    model.faults.nodeRecovers(node);
  }
  for (const pool of model.poolIds()) model.faults.poolRecovers(pool);
  model.faults.storeRecovers();
  model.faults.thawCore();
}

/** What is not as it should be in a cluster that was left alone for hours. */
function wrongs({ model, clock }: TestCluster): string[] {
  const found: string[] = [];
  for (const volume of volumes) {
    const truth = model.volume(volume);
    if (truth === undefined) continue;
    const healthy = truth.replicas.filter((replica) => replica.synced).length;
    if (truth.busy) found.push(`${volume} is busy`);
    if (truth.replicas.length !== truth.replicaCount)
      found.push(`${volume} has ${String(truth.replicas.length)} replicas`);
    if (model.ledger.volume(volume)?.healthy !== healthy) found.push(`${volume}: the ledger differs from the truth`);
    if (truth.target === undefined) continue;
    if (!truth.target.exists) found.push(`${volume} has lost its target`);
    if (healthy !== truth.replicaCount) found.push(`${volume} has ${String(healthy)} healthy replicas`);
    for (const replica of truth.replicas) {
      if (replica.nexusOwners.join() !== truth.target.nexus) found.push(`${replica.uuid} has other owners`);
    }
  }
  if (model.ledger.rebuildsRunning !== 0) found.push('a rebuild never ended');
  if (clock.pending() > 0) found.push(`${String(clock.pending())} timers are left`);
  return found;
}

describe('whatever is done to it, a cluster left alone', () => {
  it.each(versions)('comes to rest as it should be: %s', async (version) => {
    for (let seed = 1; seed <= 25; seed += 1) {
      const random = seeded(seed * 7_919);
      const timers = seed % 2 === 0 ? { failoverMs: 12_000 } : {};
      const cluster = createTestCluster({ version, seed, timers });
      for (const [position, volume] of volumes.entries()) {
        const published = position === 0 ? {} : { publishedOn: nodes[position] ?? 'n1' };
        cluster.model.createVolume({ uuid: volume, sizeBytes: gibibyte, replicas: 1 + (position % 3), ...published });
      }
      for (let step = 0; step < stepsPerRun; step += 1) {
        disturb(cluster, random);
        await cluster.clock.advance(random() < 0.5 ? Math.floor(random() * 20) : Math.floor(random() * 40_000));
      }
      repair(cluster);
      await cluster.clock.advance(60_000);
      for (const node of nodes) {
        for (const label of ['a', 'd']) await cluster.call('DELETE', `/nodes/${node}/cordon/${label}`);
      }
      await cluster.clock.advance(4 * 3_600_000);
      expect({ seed, wrongs: wrongs(cluster) }).toEqual({ seed, wrongs: [] });
    }
  });
});
