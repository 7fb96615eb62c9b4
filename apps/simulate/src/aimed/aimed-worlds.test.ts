import { expect, test, vi } from 'vitest';
import { aimedWorlds } from './index.ts';
import { runAimed } from './run-aimed.ts';

vi.setConfig({ testTimeout: 60_000 });

test.each(Object.entries(aimedWorlds))('nothing is wrong where %s', async (_, world) => {
  const { breaches, moves } = await runAimed(world);
  expect(breaches).toEqual([]);
  expect(moves).toBeGreaterThan(0);
});
