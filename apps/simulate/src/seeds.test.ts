import { expect, test } from 'vitest';
import { runSeed } from './run-seed.ts';

/** Seeds in this very process, to see what code they come to: `COUCHESTOR_SEEDS=4-1200/4`, with `--coverage`. */
const [first = 1, last = first, step = 1] = (process.env['COUCHESTOR_SEEDS'] ?? '48').split(/[-/]/).map(Number);
const seeds = Array.from({ length: Math.floor((last - first) / step) + 1 }, (_, index) => first + index * step);

test.each(seeds)(
  'in the world of seed %i nothing is broken, and all comes to rest',
  async (seed) => {
    const { breaches, unsettled, leftovers } = await runSeed(seed);
    expect(breaches).toEqual([]);
    expect({ unsettled, leftovers }).toEqual({ unsettled: 0, leftovers: 0 });
  },
  600_000,
);
