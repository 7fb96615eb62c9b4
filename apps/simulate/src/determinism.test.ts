import { expect, test } from 'vitest';
import { runSeed, type SeedReport } from './run-seed.ts';
import { createStory } from './story.ts';
import { profileOf } from './world/profile-of.ts';
import type { Profile } from './world/profile.ts';
import { hashOf } from './world/random.ts';

const SEED = 1;
const small: Partial<Profile> = {
  troubleMs: 3 * 60_000,
  volumes: profileOf(SEED).volumes.slice(0, 3),
  throughBytes: false,
  cycleMs: 10_000,
  scorers: 1,
  watchers: 1,
};

async function told(
  seed: number,
  profile: Partial<Profile> = small,
): Promise<{ readonly hash: string; readonly report: SeedReport }> {
  const story = createStory(hashOf);
  const report = await runSeed(seed, { story, profile });
  return { hash: story.hash(), report };
}

test('the same seed tells the same story again, to the letter, also where messages go through schema and bytes', async () => {
  const first = await told(SEED);
  expect(first.report.moves).toBeGreaterThan(0);
  expect(first.report.faults).toBeGreaterThan(50);
  expect(await told(SEED, { ...small, throughBytes: true })).toEqual(first);
  expect((await told(SEED + 1)).hash).not.toBe(first.hash);
  // What the story remembers changes nothing of what happens.
  expect(await runSeed(SEED, { profile: small })).toEqual(first.report);
}, 240_000);
