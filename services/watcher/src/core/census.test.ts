import { parsePolicySpec } from '@couchestor/shared/policy';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { aPersistentVolume, aPolicySpec, aVolume } from '../../test/builders.ts';
import { Census, type CensusPolicy } from './census.ts';
import { VolumeInventory } from './volume-inventory.ts';

function policy(name: string, createdAtMs: number, changes: object = {}): CensusPolicy {
  const parsed = parsePolicySpec(aPolicySpec(changes));
  if (parsed.kind === 'invalid') throw new Error(parsed.problems.join());
  return { policyId: name, name, createdAtMs, spec: parsed.spec, valid: parsed.spec };
}
const labels = new Map([
  ['nvme-a', { tier: 'nvme' }],
  ['nvme-b', { tier: 'nvme' }],
  ['sata-a', { tier: 'sata' }],
  ['plain', {}],
]);

function censusOf(inventory: VolumeInventory, policies: readonly CensusPolicy[]): Census {
  const census = new Census(inventory);
  census.setPoolLabels(labels);
  census.setPolicies(policies);
  census.work(Infinity);
  return census;
}

describe('Census', () => {
  test('counts where replicas are', () => {
    const inventory = new VolumeInventory();
    for (const [id, pools] of [
      ['hot', ['nvme-a', 'nvme-b']],
      ['cold', ['sata-a']],
      ['mixed', ['nvme-a', 'sata-a']],
      ['none', ['plain']],
    ] as const) {
      inventory.setReading(aVolume(id, pools));
      inventory.setPersistentVolume(aPersistentVolume(id));
    }
    inventory.setReading(aVolume('without-pv', ['nvme-a']));
    const census = censusOf(inventory, [policy('p', 0)]);
    expect(census.counts('p')).toEqual({
      watchedVolumes: 4,
      hotVolumes: 1,
      warmVolumes: 0,
      coldVolumes: 1,
      mixedVolumes: 1,
    });
    expect(census.placement('none')).toBe('none');
  });

  test('gives a volume to the older policy and tells the younger which', () => {
    const inventory = new VolumeInventory();
    inventory.setReading(aVolume('a', ['nvme-a']));
    inventory.setPersistentVolume(aPersistentVolume('a'));
    const census = censusOf(inventory, [policy('younger', 2), policy('older', 1)]);
    expect(census.counts('older').watchedVolumes).toBe(1);
    expect(census.counts('younger').watchedVolumes).toBe(0);
    expect([census.overlappedBy('younger'), census.overlappedBy('older')]).toEqual([['older'], []]);
    census.setPolicies([policy('younger', 2)]);
    census.work(Infinity);
    expect(census.overlappedBy('younger')).toEqual([]);
    expect(census.counts('younger').hotVolumes).toBe(1);
  });

  test('takes the placement that was last written on a volume whose replica it has never seen', () => {
    const inventory = new VolumeInventory();
    const replicas = [{ replicaId: 'r', state: 'Unknown' as const }];
    inventory.setReading(aVolume('a', ['nvme-a'], { replicas }));
    inventory.setPersistentVolume(aPersistentVolume('a', { currentTier: 'hot' }));
    inventory.setReading(aVolume('b', ['nvme-a'], { replicas }));
    inventory.setPersistentVolume(aPersistentVolume('b', { currentTier: 'whatever' }));
    const census = censusOf(inventory, [policy('p', 0)]);
    expect([census.placement('a'), census.placement('b')]).toEqual(['hot', 'none']);
    expect(census.counts('p').hotVolumes).toBe(1);
  });

  test('keeps the placement of a volume while the node of a replica is away', () => {
    const inventory = new VolumeInventory();
    inventory.setReading(aVolume('a', ['nvme-a', 'nvme-b']));
    inventory.setPersistentVolume(aPersistentVolume('a'));
    const census = censusOf(inventory, [policy('p', 0)]);
    const { replicas, ...reading } = aVolume('a', ['nvme-a', 'nvme-b']);
    inventory.setReading({
      ...reading,
      replicas: replicas.map((replica, index) =>
        index === 0 ? { replicaId: replica.replicaId, state: 'Unknown' as const } : replica,
      ),
    });
    census.mark('a');
    const { revision } = census;
    census.work(10);
    expect(census.revision).toBe(revision);
    expect(census.placement('a')).toBe('hot');
  });

  test('keeps volumes and their placements while their policy has an error', () => {
    const inventory = new VolumeInventory();
    inventory.setReading(aVolume('a', ['nvme-a']));
    inventory.setPersistentVolume(aPersistentVolume('a'));
    const older = policy('older', 1);
    const census = censusOf(inventory, [older, policy('younger', 2)]);
    census.setPolicies([{ ...older, valid: undefined }, policy('younger', 2)]);
    census.work(Infinity);
    expect(census.counts('older')).toMatchObject({ watchedVolumes: 1, hotVolumes: 1 });
    expect(census.counts('younger').watchedVolumes).toBe(0);
  });

  test('works in pieces, answers what it counted, and notices what changes nothing', () => {
    const inventory = new VolumeInventory();
    for (const id of ['a', 'b', 'c']) {
      inventory.setReading(aVolume(id, ['nvme-a']));
      inventory.setPersistentVolume(aPersistentVolume(id));
    }
    const census = new Census(inventory);
    census.setPoolLabels(labels);
    census.setPolicies([policy('p', 0)]);
    expect(census.work(2)).toHaveLength(2);
    expect(census.staleCount).toBe(1);
    expect(census.work(2)).toEqual(['c']);
    const { revision } = census;
    for (const id of ['a', 'b', 'c']) census.mark(id);
    expect(census.work(10)).toEqual(['a', 'b', 'c']);
    expect(census.revision).toBe(revision);
  });

  test('counted as it changes is counted anew', () => {
    const change = fc.record({
      id: fc.constantFrom('a', 'b', 'c', 'd'),
      pools: fc.constantFrom<readonly string[]>(['nvme-a'], ['sata-a'], ['nvme-b', 'sata-a'], ['plain']),
      storageClassName: fc.constantFrom('mayastor', 'other'),
      policies: fc.subarray(['p', 'q', 'r']),
      work: fc.integer({ min: 0, max: 5 }),
    });
    const all = [policy('p', 1), policy('q', 2, { enabled: false }), policy('r', 3, { storageClassName: 'other' })];
    fc.assert(
      fc.property(fc.array(change, { maxLength: 30 }), (changes) => {
        const inventory = new VolumeInventory();
        const census = new Census(inventory);
        census.setPoolLabels(labels);
        let policies: CensusPolicy[] = [];
        for (const { id, pools, storageClassName, policies: names, work } of changes) {
          inventory.setReading(aVolume(id, pools));
          inventory.setPersistentVolume(aPersistentVolume(id, { storageClassName }));
          policies = all.filter(({ name }) => names.includes(name));
          census.mark(id);
          census.setPolicies(policies);
          census.work(work);
        }
        census.work(Infinity);
        const anew = censusOf(inventory, policies);
        for (const name of ['p', 'q', 'r']) {
          expect(census.counts(name)).toEqual(anew.counts(name));
          expect(census.overlappedBy(name).sort()).toEqual(anew.overlappedBy(name).sort());
        }
      }),
    );
  });
});
