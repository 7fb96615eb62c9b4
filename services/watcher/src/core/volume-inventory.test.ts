import { describe, expect, test } from 'vitest';
import { aPersistentVolume, aVolume } from '../../test/builders.ts';
import { VolumeInventory } from './volume-inventory.ts';

function pass(inventory: VolumeInventory, ids: readonly string[]): string[] {
  inventory.beginPass();
  for (const id of ids) inventory.setReading(aVolume(id, ['p']));
  return inventory.endPass();
}

describe('VolumeInventory', () => {
  test('believes that a volume is gone only after two passes without it', () => {
    const inventory = new VolumeInventory();
    pass(inventory, ['a', 'b']);
    expect(pass(inventory, ['a'])).toEqual([]);
    expect(inventory.fact('b').kind).toBe('present');
    expect(pass(inventory, ['a'])).toEqual(['b']);
    expect(inventory.fact('b').kind).toBe('absent');
  });

  test('forgets an absence when the volume is seen again', () => {
    const inventory = new VolumeInventory();
    pass(inventory, ['a']);
    pass(inventory, []);
    pass(inventory, ['a']);
    expect(pass(inventory, [])).toEqual([]);
    expect(inventory.fact('a').kind).toBe('present');
  });

  test('says nothing of a volume that was not looked for yet', () => {
    const inventory = new VolumeInventory();
    inventory.setPersistentVolume(aPersistentVolume('a'));
    inventory.expect('ghost');
    expect(inventory.fact('a').kind).toBe('unproven');
    pass(inventory, []);
    expect(inventory.fact('ghost').kind).toBe('unproven');
    expect(pass(inventory, []).sort()).toEqual(['a', 'ghost']);
    expect(inventory.fact('ghost').kind).toBe('absent');
    expect(inventory.fact('a').kind).toBe('absent');
  });

  test('reports each disappearance once', () => {
    const inventory = new VolumeInventory();
    inventory.setPersistentVolume(aPersistentVolume('a'));
    pass(inventory, ['a']);
    pass(inventory, []);
    expect(pass(inventory, [])).toEqual(['a']);
    expect(pass(inventory, [])).toEqual([]);
  });

  test('joins volume and PersistentVolume in either order', () => {
    const inventory = new VolumeInventory();
    expect(inventory.setReading(aVolume('a', ['p']))).toBe(true);
    expect(inventory.setPersistentVolume(aPersistentVolume('a'))).toBe(true);
    expect(inventory.fact('a')).toMatchObject({ value: { persistentVolume: { name: 'pvc-a' } } });
    expect(inventory.removePersistentVolume(aPersistentVolume('a'))).toBe(true);
    expect(inventory.fact('a')).toEqual({ kind: 'present', value: aVolume('a', ['p']) });
  });

  test('sees no news in an equal read', () => {
    const inventory = new VolumeInventory();
    inventory.setReading(aVolume('a', ['p']));
    expect(inventory.setReading(aVolume('a', ['p']))).toBe(false);
    expect(inventory.setReading(aVolume('a', ['q']))).toBe(true);
    inventory.setPersistentVolume(aPersistentVolume('a'));
    expect(inventory.setPersistentVolume(aPersistentVolume('a'))).toBe(false);
  });

  test('takes the bound one of two PersistentVolumes of a volume, whatever order they came in', () => {
    const bound = aPersistentVolume('a', { uid: 'u1', name: 'pv-1' });
    const released = aPersistentVolume('a', { uid: 'u2', name: 'pv-2', phase: 'Released', createdAtMs: 0 });
    for (const order of [
      [bound, released],
      [released, bound],
    ]) {
      const inventory = new VolumeInventory();
      for (const each of order) inventory.setPersistentVolume(each);
      expect(inventory.persistentVolume('a')?.view.name).toBe('pv-1');
      inventory.removePersistentVolume(bound);
      expect(inventory.persistentVolume('a')?.view.name).toBe('pv-2');
    }
  });
});
