import { describe, expect, test } from 'vitest';
import { aDiskPool, aPool } from '../../test/builders.ts';
import { World, type WorldNews } from './world.ts';

function open(changes: Partial<WorldNews> = {}): World {
  const nothing = (): void => undefined;
  return new World({
    policyFact: nothing,
    volumeFact: nothing,
    rebuild: nothing,
    poolFact: nothing,
    nodeFact: nothing,
    clusterFact: nothing,
    policyStatus: nothing,
    work: nothing,
    ...changes,
  });
}

describe('World', () => {
  test('takes back the fact of a DiskPool that went before Mayastor was asked for its pool', () => {
    const marked: string[] = [];
    const world = open({ poolFact: (diskPoolId) => marked.push(diskPoolId) });
    const diskPool = aDiskPool('nvme-a', { tier: 'nvme' });
    world.setDiskPool(diskPool, undefined);
    world.work(1);
    expect(world.poolFact(diskPool.diskPoolId)).toEqual({ kind: 'unproven' });
    world.setDiskPool(undefined, diskPool);
    world.work(1);
    expect(marked).toEqual([diskPool.diskPoolId]);
    expect(world.poolFact(diskPool.diskPoolId)).toEqual({ kind: 'absent' });
  });

  test('shows the sizes of a pool as they were while its node is away', () => {
    const world = open();
    const diskPool = aDiskPool('nvme-a', { tier: 'nvme' });
    world.setDiskPool(diskPool, undefined);
    const sizes = { capacityBytes: 1_000, usedBytes: 500, committedBytes: 700 };
    world.setPools(new Map([['nvme-a', aPool('nvme-a', sizes)]]));
    const unseen = { status: 'Unknown', capacityBytes: 0, usedBytes: 0, committedBytes: 0 } as const;
    for (let reads = 0; reads < 2; reads += 1) world.setPools(new Map([['nvme-a', aPool('nvme-a', unseen)]]));
    world.work(1);
    expect(world.poolFact(diskPool.diskPoolId)).toMatchObject({ value: { status: 'Unknown', ...sizes } });
  });
});
