import { expect, test } from 'vitest';
import { createBreathe } from './breathe.ts';

test('others have their turn once work has lasted for a while, and not sooner', async () => {
  let nowMs = 0;
  const breathe = createBreathe({ monotonicMs: () => nowMs });
  let turns = 0;
  const others = setImmediate(() => (turns += 1));
  nowMs = 4;
  await breathe();
  expect(turns).toBe(0);
  nowMs = 5;
  await breathe();
  expect(turns).toBe(1);
  setImmediate(() => (turns += 1));
  nowMs = 9;
  await breathe();
  expect(turns).toBe(1);
  clearImmediate(others);
});

test('of many that work at a time only one goes on in a turn', async () => {
  let nowMs = 0;
  let turn = 0;
  const breathe = createBreathe({ monotonicMs: () => nowMs });
  const counting = (): void => {
    turn += 1;
    others = setImmediate(counting);
  };
  let others = setImmediate(counting);
  const turns: number[] = [];
  const work = async (): Promise<void> => {
    for (let step = 0; step < 3; step += 1) {
      nowMs += 5;
      await breathe();
      turns.push(turn);
    }
  };
  await Promise.all([work(), work(), work()]);
  clearImmediate(others);
  expect(turns).toHaveLength(9);
  expect(new Set(turns).size).toBe(9);
});
