import { expect, test } from 'vitest';
import { createBreathe } from './breathe.ts';

test('others have their turn once work has lasted for a while, and not sooner', async () => {
  let nowMs = 0;
  const breathe = createBreathe({ monotonicMs: () => nowMs });
  let turns = 0;
  const others = setImmediate(() => (turns += 1));
  nowMs = 9;
  await breathe();
  expect(turns).toBe(0);
  nowMs = 10;
  await breathe();
  expect(turns).toBe(1);
  setImmediate(() => (turns += 1));
  nowMs = 19;
  await breathe();
  expect(turns).toBe(1);
  clearImmediate(others);
});
