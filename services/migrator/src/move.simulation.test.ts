import { expect, test } from 'vitest';
import { runScenario } from '../test/scenario.ts';

/**
 * Whole migrators under faults at every call and with people in the way, by seed. To look at one seed: run
 * `runScenario(seed)` by itself.
 */
test.each([
  { name: 'with a fault on every eighth call', faultRate: 0.12, standstillRate: 0, seeds: [1, 50] },
  { name: 'without faults, but with people and crashes', faultRate: 0, standstillRate: 0, seeds: [1_001, 1_020] },
  { name: 'with a fault on every third call', faultRate: 0.33, standstillRate: 0, seeds: [2_001, 2_012] },
  {
    name: 'with processes that stand still before a call',
    faultRate: 0.12,
    standstillRate: 0.05,
    seeds: [3_001, 3_020],
  },
] as const)(
  'whatever happens, moves end, nothing is left behind and no redundancy is lost: $name',
  async ({ faultRate, standstillRate, seeds: [first, last] }) => {
    let moves = 0;
    let completed = 0;
    for (let seed = first; seed <= last; seed += 1) {
      const report = await runScenario(seed, { faultRate, standstillRate });
      expect({ seed, wrongs: report.wrongs }).toEqual({ seed, wrongs: [] });
      moves += report.outcomes['migration.accepted'] ?? 0;
      completed += report.outcomes['migration.completed'] ?? 0;
    }
    // A simulation in which nothing moves would prove nothing.
    expect(moves).toBeGreaterThan(last - first);
    expect(completed).toBeGreaterThan(moves / 4);
  },
  120_000,
);
