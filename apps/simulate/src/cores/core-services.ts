import type { Services } from '../fleet.ts';
import { runSeed, type SeedOptions, type SeedReport } from '../run-seed.ts';
import { coresProfileOf } from '../world/profile-of.ts';
import { runCoreMigrator } from './migrator.ts';
import { runCoreScorer } from './scorer.ts';
import { runCoreWatcher } from './watcher.ts';

/** The cores of the services, with so little around them that a move costs a few milliseconds. */
const coreServices: Services = { watcher: runCoreWatcher, scorer: runCoreScorer, migrator: runCoreMigrator };

/** One world of cores, by its seed. */
export function runCores(seed: number, options: SeedOptions = {}): Promise<SeedReport> {
  return runSeed(seed, { ...options, profileOf: coresProfileOf, timersPerTurn: 64, services: coreServices });
}
