import { expect, test } from 'vitest';
import { runSeed, type SeedReport } from './run-seed.ts';
import { createStory } from './story.ts';
import type { Profile } from './world/profile.ts';
import { hashOf } from './world/random.ts';

const short: Partial<Profile> = { troubleMs: 5 * 60_000, throughBytes: false };

async function told(
  seed: number,
  profile: Partial<Profile> = short,
): Promise<{ readonly hash: string; readonly report: SeedReport }> {
  const story = createStory(hashOf);
  const report = await runSeed(seed, { story, profile });
  return { hash: story.hash(), report };
}

test('the same seed tells the same story twice, to the letter, and another seed another', async () => {
  const first = await told(1);
  expect(await told(1)).toEqual(first);
  expect(first.report.moves).toBeGreaterThan(0);
  expect(first.report.faults).toBeGreaterThan(100);
  expect((await told(2)).hash).not.toBe(first.hash);
}, 120_000);

test('what the story remembers changes nothing of what happens', async () => {
  expect(await runSeed(1, { profile: short })).toEqual((await told(1)).report);
}, 120_000);

test('messages that are handed over as they are lead to the same as those that go through schema and bytes', async () => {
  expect(await told(1, { ...short, throughBytes: true })).toEqual(await told(1));
}, 120_000);
