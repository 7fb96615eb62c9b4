import { expect, test } from 'vitest';
import { aRound } from '../test/evidence.ts';
import { isRemoval, listedCordons, touchesVolume } from './move-rules.ts';

test('the fence is asked for either to remove cordons or to set them', () => {
  expect(isRemoval({ kind: 'takeFence', toLift: true })).toBe(true);
  expect(isRemoval({ kind: 'takeFence' })).toBe(false);
  expect(isRemoval({ kind: 'lift', pools: ['a'], nodes: [] })).toBe(true);
  expect(isRemoval({ kind: 'fencePools', pools: ['a'] })).toBe(false);
});

test('cordons of a fence say nothing of the volume, a steer is read again', () => {
  expect(touchesVolume({ kind: 'lift', pools: ['a'], nodes: [] })).toBe(false);
  expect(touchesVolume({ kind: 'fencePools', pools: ['a'] })).toBe(false);
  expect(touchesVolume({ kind: 'fenceNodes', nodes: ['n1'] })).toBe(false);
  expect(touchesVolume({ kind: 'steerByCordon', node: 'n1' })).toBe(true);
});

test('a round lists the cordons of its fence and of its steer, of their kind', () => {
  const steer = { kind: 'nodeCordon', node: 'n1', victimReplicaId: 'on-sata-n1' } as const;
  const pools = aRound(['sata-n1'], 'nvme-n3', { fence: { kind: 'pool', ours: ['a'], foreign: ['b'] }, steer });
  expect(listedCordons(pools, 'pool')).toEqual(['a']);
  expect(listedCordons(pools, 'node')).toEqual(['n1']);
  const nodes = aRound(['sata-n1'], 'nvme-n3', { fence: { kind: 'node', ours: ['n2'], foreign: [] } });
  expect(listedCordons(nodes, 'node')).toEqual(['n2']);
  expect(listedCordons(nodes, 'pool')).toEqual([]);
  expect(listedCordons(undefined, 'pool')).toEqual([]);
});
