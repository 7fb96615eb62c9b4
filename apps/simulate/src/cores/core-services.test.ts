import { expect, test } from 'vitest';
import { createStory } from '../story.ts';
import type { SeedReport } from '../run-seed.ts';
import { hashOf } from '../world/random.ts';
import { runCores } from './core-services.ts';

const SHORT = { troubleMs: 2 * 60_000 };

async function told(seed: number): Promise<{ readonly hash: string; readonly report: SeedReport }> {
  const story = createStory(hashOf);
  const report = await runCores(seed, { story, profile: SHORT });
  return { hash: story.hash(), report };
}

test('the same seed tells the same story of the cores again, to the letter, and another seed another one', async () => {
  const first = await told(3);
  expect(first.report).toMatchObject({ breaches: [], unsettled: 0, leftovers: 0 });
  expect(first.report.moves).toBeGreaterThan(5);
  expect(first.report.faults).toBeGreaterThan(50);
  expect(await told(3)).toEqual(first);
  expect((await told(5)).hash).not.toBe(first.hash);
  // What the story remembers changes nothing of what happens.
  expect(await runCores(3, { profile: SHORT })).toEqual(first.report);
}, 120_000);

test('with none of its faults every move of a seed is completed, and none of the processes dies', async () => {
  const calm = await runCores(3, { profile: SHORT, only: new Set() });
  expect(calm).toMatchObject({ breaches: [], faults: 0, crashes: 0, unsettled: 0, leftovers: 0 });
  expect(calm.completed).toBe(calm.moves);
}, 120_000);

test('a world of cores takes nothing from the world that whole services have by that seed', async () => {
  // There all nodes die, in ways that are known where the profile says so.
  expect(await runCores(119, { profile: SHORT })).toMatchObject({ breaches: [], unsettled: 0, leftovers: 0 });
}, 120_000);
