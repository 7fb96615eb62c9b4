import { describe, expect, test } from 'vitest';
import { aDiskPool, aPool } from '../../test/builders.ts';
import type { PoolReading } from './objects.ts';
import { poolFacts } from './pool-facts.ts';
import { Sightings } from './sightings.ts';

function seen(...reads: readonly (readonly PoolReading[])[]): Sightings<PoolReading> {
  const sightings = new Sightings<PoolReading>();
  for (const pools of reads) sightings.setAll(new Map(pools.map((pool) => [pool.name, pool])));
  return sightings;
}
const notOurs = (): boolean => false;

describe('poolFacts', () => {
  test('joins the labels of the DiskPool with what Mayastor shows', () => {
    const facts = poolFacts([aDiskPool('a', { tier: 'nvme' })], seen([aPool('a', { labels: { x: 'y' } })]), notOurs);
    expect(facts.get('a-uid')).toMatchObject({
      name: 'a',
      labels: { tier: 'nvme' },
      mayastorLabels: { x: 'y' },
      status: 'Online',
    });
  });

  test('shows usage in steps of 1 %, rounded up', () => {
    const usedBytes = (used: number): number | undefined =>
      poolFacts([aDiskPool('a', {})], seen([aPool('a', { usedBytes: used, capacityBytes: 1000 })]), notOurs).get(
        'a-uid',
      )?.usedBytes;
    expect([0, 1, 10, 11, 1000].map(usedBytes)).toEqual([0, 10, 10, 20, 1000]);
  });

  test('calls a DiskPool that Mayastor does not have Absent, once two reads have shown it', () => {
    const diskPools = [aDiskPool('a', { tier: 'nvme' })];
    expect(poolFacts(diskPools, seen([]), notOurs).size).toBe(0);
    expect(poolFacts(diskPools, seen([], []), notOurs).get('a-uid')).toMatchObject({
      status: 'Absent',
      labels: { tier: 'nvme' },
      capacityBytes: 0,
    });
    expect(poolFacts(diskPools, seen([aPool('a')], []), notOurs).get('a-uid')).toMatchObject({ status: 'Online' });
    expect(poolFacts(diskPools, seen([aPool('a')], [], []), notOurs).get('a-uid')).toMatchObject({ status: 'Absent' });
  });

  test('has no fact for a pool without DiskPool', () => {
    expect(poolFacts([], seen([aPool('a')]), notOurs).size).toBe(0);
  });

  test('shows the cordons of others and leaves out ours', () => {
    const read = seen([aPool('a', { cordoned: true }), aPool('b', { cordoned: true })]);
    const facts = poolFacts([aDiskPool('a', {}), aDiskPool('b', {})], read, (pool) => pool === 'a');
    expect([facts.get('a-uid')?.cordoned, facts.get('b-uid')?.cordoned]).toEqual([false, true]);
  });

  test('takes the older one of two DiskPools of one name', () => {
    const older = aDiskPool('a', { tier: 'nvme' }, { diskPoolId: 'older', createdAtMs: 1 });
    const younger = aDiskPool('a', { tier: 'sata' }, { diskPoolId: 'younger', createdAtMs: 2, namespace: 'other' });
    expect([...poolFacts([younger, older], seen([aPool('a')]), notOurs).keys()]).toEqual(['older']);
  });
});
