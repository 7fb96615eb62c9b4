import { expect, test } from 'vitest';
import { aNode, anIntent, aPool, aVolume, evidenceOf } from '../../test/evidence.ts';
import { closeFence, fenceAround } from './fence.ts';

const poolCordon = { method: 'poolCordon', cachePeriodMs: 30_000 } as const;
const nodeCordon = { method: 'nodeCordon', cachePeriodMs: 30_000 } as const;
const volume = aVolume({ placement: ['sata-n1', 'sata-n2'] });
const target = aPool('nvme-n3');

/** With these pools cordoned, and these nodes by somebody. */
function clusterWith(closedPools: readonly string[], closedNodes: Readonly<Record<string, string>> = {}) {
  const { pools = new Map(), nodes = new Map() } = evidenceOf(volume).cluster ?? {};
  const cluster = { pools: new Map(pools), nodes: new Map(nodes), arriving: new Map<string, number>() };
  for (const name of closedPools) cluster.pools.set(name, aPool(name, { cordoned: true }));
  for (const [name, label] of Object.entries(closedNodes))
    cluster.nodes.set(name, aNode(name, { cordoned: true, cordonLabels: [label] }));
  return cluster;
}

test('a fence closes what could be chosen beside the target, and no pool on a node that holds a replica', () => {
  const { ours, foreign } = fenceAround(target, volume, clusterWith(['sata-n4']), poolCordon);
  expect([...ours].sort()).toEqual(['nvme-n4', 'sata-n3']);
  expect(foreign).toEqual(['sata-n4']);
});

test('it leaves pools open that can never take the volume', () => {
  const encrypted = { ...volume, encrypted: true };
  expect(fenceAround(target, encrypted, clusterWith([]), poolCordon)).toMatchObject({ ours: [], foreign: [] });
});

test('on 2.7 it closes nodes, and leaves those to others that they have cordoned', () => {
  expect(fenceAround(target, volume, clusterWith([]), nodeCordon)).toMatchObject({ ours: ['n4'], foreign: [] });
  const closed = clusterWith([], { n4: 'maintenance' });
  expect(fenceAround(target, volume, closed, nodeCordon)).toMatchObject({ ours: [], foreign: ['n4'] });
});

test('what of a fence stands open is closed, and nothing once all of it is', () => {
  const intent = anIntent({ placement: ['sata-n1', 'sata-n2'] });
  const ofNodes = { kind: 'node' as const, ours: ['n4'], foreign: [] };
  expect(closeFence(intent, ofNodes, clusterWith([]))).toEqual({ kind: 'fenceNodes', nodes: ['n4'] });
  expect(closeFence(intent, ofNodes, clusterWith([], { n4: 'couchestor-m1' }))).toBeUndefined();
  const ofPools = { kind: 'pool' as const, ours: ['nvme-n4', 'sata-n3'], foreign: [] };
  expect(closeFence(intent, ofPools, clusterWith(['sata-n3']))).toEqual({ kind: 'fencePools', pools: ['nvme-n4'] });
  expect(closeFence(intent, ofPools, clusterWith(['sata-n3', 'nvme-n4']))).toBeUndefined();
});
