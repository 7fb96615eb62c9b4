import type { Intent } from '@couchestor/shared/messages';
import { describe, expect, test } from 'vitest';
import { OurCordons } from './our-cordons.ts';

function fencing(...ours: string[]): Intent {
  return {
    state: 'active',
    round: { fence: { kind: 'pool', ours, foreign: [] } },
  } as unknown as Intent;
}
const cordoned = (...pools: string[]): ReadonlySet<string> => new Set(pools);

describe('OurCordons', () => {
  test('are those that an active intent lists', () => {
    const cordons = new OurCordons();
    cordons.setIntent('v', fencing('a'));
    expect([cordons.isOurs('a'), cordons.isOurs('b')]).toEqual([true, false]);
  });

  test('stay ours after the move until a read shows the pool without cordon', () => {
    const cordons = new OurCordons();
    cordons.setIntent('v', fencing('a'));
    cordons.setIntent('v', undefined);
    cordons.noteRead(cordoned('a'));
    expect(cordons.isOurs('a')).toBe(true);
    cordons.noteRead(cordoned());
    expect(cordons.isOurs('a')).toBe(false);
  });

  test('are taken for somebody else’s when they outlive the move by three reads', () => {
    const cordons = new OurCordons();
    cordons.setIntent('v', fencing('a'));
    cordons.setIntent('v', fencing());
    for (let reads = 0; reads < 2; reads += 1) cordons.noteRead(cordoned('a'));
    expect(cordons.isOurs('a')).toBe(true);
    cordons.noteRead(cordoned('a'));
    expect(cordons.isOurs('a')).toBe(false);
  });

  test('are ours as long as any move lists them', () => {
    const cordons = new OurCordons();
    cordons.setIntent('v', fencing('a'));
    cordons.setIntent('w', fencing('a'));
    cordons.setIntent('v', undefined);
    cordons.noteRead(cordoned());
    expect(cordons.isOurs('a')).toBe(true);
  });
});
