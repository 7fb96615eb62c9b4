import { describe, expect, test } from 'vitest';
import { aDiskPool } from '../../test/builders.ts';
import { World } from './world.ts';

describe('World', () => {
  test('takes back the fact of a DiskPool that went before Mayastor was asked for its pool', () => {
    const marked: string[] = [];
    const nothing = (): void => undefined;
    const world = new World({
      policyFact: nothing,
      volumeFact: nothing,
      poolFact: (diskPoolId) => marked.push(diskPoolId),
      nodeFact: nothing,
      clusterFact: nothing,
      policyStatus: nothing,
      work: nothing,
    });
    const diskPool = aDiskPool('nvme-a', { tier: 'nvme' });
    world.setDiskPool(diskPool, undefined);
    world.work(1);
    expect(world.poolFact(diskPool.diskPoolId)).toEqual({ kind: 'unproven' });
    world.setDiskPool(undefined, diskPool);
    world.work(1);
    expect(marked).toEqual([diskPool.diskPoolId]);
    expect(world.poolFact(diskPool.diskPoolId)).toEqual({ kind: 'absent' });
  });
});
