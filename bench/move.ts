import { strict as assert } from 'node:assert';
import { createMoveWorld, VOLUME } from '../services/migrator/test/move-world.ts';
import { meanOf, type Benchmark, type Figure } from './figures/figure.ts';

const SECOND_MS = 1_000;
const CACHE_PERIOD_MS = 30 * SECOND_MS;
const COPIES_MS = [60 * SECOND_MS, 600 * SECOND_MS] as const;
/** Each with a copy that ends at another moment of Mayastor's cache period. */
const SEEDS = 20;
const PHASE_MS = CACHE_PERIOD_MS / SEEDS;
/** The default of all migrators together. */
const CALLS_PER_SECOND = 6;

const shapes: readonly { readonly name: string; readonly placement: readonly string[] }[] = [
  { name: '1 replica', placement: ['sata-n1'] },
  { name: '2 replicas', placement: ['sata-n1', 'sata-n2'] },
  { name: '3 replicas', placement: ['sata-n1', 'sata-n2', 'sata-n3'] },
];

/**
 * Four nodes with an NVMe and a SATA pool each, Mayastor's default periods and the default budget of calls, on a clock that
 * only the moves move on: the figures are those of the protocol, not of the machine.
 */
export const benchmark: Benchmark = {
  about: 'what a move takes beyond its copies, on 4 nodes and by the clock of the simulated Mayastor',
  run: async (note) => {
    const figures: Figure[] = [];
    for (const copyMs of COPIES_MS) {
      for (const { name, placement } of shapes) {
        const shape = `${name}, copies of ${copyMs / SECOND_MS} s`;
        note(shape);
        const tookMs: number[] = [];
        let changes = 0;
        for (let seed = 0; seed < SEEDS; seed += 1) {
          const rebuildMs = copyMs + seed * PHASE_MS;
          const world = await createMoveWorld({
            placement,
            publishedOn: 'n1',
            seed,
            callsPerSecond: CALLS_PER_SECOND,
            model: { rebuildMs: () => rebuildMs },
          });
          const beganMs = world.clock.monotonicMs();
          assert.equal(await world.move(), 'ended');
          assert.ok(world.poolsOf(VOLUME).every((pool) => pool.startsWith('nvme-')));
          tookMs.push(world.clock.monotonicMs() - beganMs - placement.length * rebuildMs);
          changes += world.model.ledger.calls().length;
        }
        const atMost = boundSeconds(placement.length, copyMs);
        figures.push(
          { name: `${shape}: beyond them`, value: meanOf(tookMs) / SECOND_MS, unit: 's', atMost },
          { name: `${shape}: most, by the moment in which it ends`, value: Math.max(...tookMs) / SECOND_MS, unit: 's' },
          { name: `${shape}: changing calls, mean`, value: changes / SEEDS, unit: '' },
        );
      }
    }
    return figures;
  },
};

/** 5 % of the copies or 5 s, whichever is more, plus four cache periods for the first replica and three for each further. */
function boundSeconds(replicas: number, copyMs: number): number {
  const share = Math.max(5 * SECOND_MS, 0.05 * replicas * copyMs);
  return (share + (4 + 3 * (replicas - 1)) * CACHE_PERIOD_MS) / SECOND_MS;
}
