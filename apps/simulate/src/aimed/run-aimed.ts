import { runSeed, type SeedOptions, type SeedReport } from '../run-seed.ts';
import { calmProfile } from '../world/calm-profile.ts';
import type { Profile } from '../world/profile.ts';
import type { AimedWorld } from './aimed-world.ts';

/** Loads change by hand. */
const NEVER_MS = 1e12;
const TROUBLE_MS = 8 * 60_000;
/** That of a world whose dice are not thrown. */
const SEED = 1;

/** Lets what is arranged happen, and sees what the world comes to, as with any seed. */
export function runAimed({ stage, profile: change }: AimedWorld, options: SeedOptions = {}): Promise<SeedReport> {
  const calm: Profile = { ...calmProfile([]), deeds: 0, loadChangeMs: NEVER_MS, troubleMs: TROUBLE_MS, emphasis: {} };
  const profile = { ...calm, ...change(calm) };
  return runSeed(SEED, { ...options, profile, stage });
}
