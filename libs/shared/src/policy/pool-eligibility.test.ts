import { describe, expect, test } from 'vitest';
import { GIB, MIB } from '../units/index.ts';
import {
  aboveCapacityLimit,
  copyBytes,
  poolRefusal,
  type PlacementNode,
  type PlacementPool,
  type PlacementVolume,
} from './pool-eligibility.ts';

const volume: PlacementVolume = { sizeBytes: 10 * GIB, thin: true, allocatedBytes: 4 * GIB };
const pool: PlacementPool = {
  name: 'nvme-a',
  node: 'a',
  online: true,
  cordoned: false,
  capacityBytes: 100 * GIB,
  usedBytes: 0,
  committedBytes: 0,
  mayastorLabels: { tier: 'hot' },
};
const node: PlacementNode = { name: 'a', online: true, cordoned: false, labels: { zone: 'one' } };
const nowhere: ReadonlySet<string> = new Set();

test('a pool with room on a free node is taken', () => {
  expect(poolRefusal(volume, pool, node, nowhere)).toBeUndefined();
});

describe('a pool is refused', () => {
  test.each([
    ['whose node nobody knows', 'NodeUnknown', {}, {}, undefined],
    ['whose node is away', 'NodeOffline', {}, {}, { ...node, online: false }],
    ['whose node is cordoned', 'NodeCordoned', {}, {}, { ...node, cordoned: true }],
    ['that is not online', 'PoolNotOnline', {}, { online: false }, node],
    ['that is cordoned', 'PoolCordoned', {}, { cordoned: true }, node],
    ['that is no larger than the volume', 'PoolTooSmall', { sizeBytes: 100 * GIB }, {}, node],
    [
      'without a label that the volume wants',
      'PoolTopology',
      { topology: { poolInclusion: { tier: 'cold' } } },
      {},
      node,
    ],
    ['on a node that the volume may not use', 'NodeNotAllowed', { topology: { allowedNodes: ['b'] } }, {}, node],
    [
      'on a node without a label that the volume wants',
      'NodeTopology',
      { topology: { nodeInclusion: { zone: 'two' } } },
      {},
      node,
    ],
    [
      'on a node with a label that the volume excludes',
      'NodeTopology',
      { topology: { nodeExclusion: { zone: 'one' } } },
      {},
      node,
    ],
    ['that is not encrypted, for a volume that is', 'Encryption', { encrypted: true }, {}, node],
    ['that is committed two and a half times', 'OverCommitted', {}, { committedBytes: 241 * GIB }, node],
  ] as const)('%s', (_, refusal, volumeChange, poolChange, itsNode) => {
    expect(poolRefusal({ ...volume, ...volumeChange }, { ...pool, ...poolChange }, itsNode, nowhere)).toBe(refusal);
  });

  test('on whose node the volume has a replica already', () => {
    expect(poolRefusal(volume, pool, node, new Set(['a']))).toBe('NodeOccupied');
  });
});

test('a key without a value is satisfied by any value, and excludes nothing by itself', () => {
  const topology = { poolInclusion: { tier: '' }, nodeExclusion: { zone: '' } };
  expect(poolRefusal({ ...volume, topology }, pool, node, nowhere)).toBeUndefined();
  expect(poolRefusal({ ...volume, topology }, { ...pool, mayastorLabels: {} }, node, nowhere)).toBe('PoolTopology');
});

describe('free space', () => {
  const full = (freeBytes: number): PlacementPool => ({ ...pool, usedBytes: pool.capacityBytes - freeBytes });
  test('of a thick volume must be more than its size and what a replica reserves', () => {
    const thick = { ...volume, thin: false };
    expect(poolRefusal(thick, full(10 * GIB + 8 * MIB), node, nowhere)).toBe('NoSpace');
    expect(poolRefusal(thick, full(10 * GIB + 8 * MIB + 1), node, nowhere)).toBeUndefined();
  });

  test('of a thin volume must be more than it has allocated and 40 % of its size', () => {
    expect(poolRefusal(volume, full(8 * GIB), node, nowhere)).toBe('NoSpace');
    expect(poolRefusal(volume, full(8 * GIB + 1), node, nowhere)).toBeUndefined();
  });

  test('of a thin volume whose allocation is unknown must hold all of it', () => {
    const { allocatedBytes: _, ...unknown } = volume;
    expect(poolRefusal(unknown, full(10 * GIB), node, nowhere)).toBe('NoSpace');
    expect(copyBytes(unknown)).toBe(10 * GIB + 8 * MIB);
  });
});

test('the limit of the policy counts what is there, what is on its way and what would come', () => {
  const half = { ...pool, usedBytes: 50 * GIB };
  expect(aboveCapacityLimit(half, 10 * GIB, 25 * GIB, 85)).toBe(false);
  expect(aboveCapacityLimit(half, 10 * GIB, 25 * GIB + 1, 85)).toBe(true);
});
