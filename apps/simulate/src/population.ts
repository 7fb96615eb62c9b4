import { runCores } from './cores/core-services.ts';
import { runSeed } from './run-seed.ts';

/** What runs in the worlds: whole services, or their cores and little else. */
export type Population = 'cores' | 'services';

/** Runs one world of these, by its seed. */
export const runOf = (population: Population): typeof runSeed => (population === 'cores' ? runCores : runSeed);
