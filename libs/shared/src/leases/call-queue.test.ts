import { expect, test } from 'vitest';
import { createVirtualClock } from '../clock/index.ts';
import { createCallQueue } from './call-queue.ts';

test('a grant that was long on its way is let go, and another one asked for', async () => {
  const clock = createVirtualClock();
  const travelMs = [51, 50];
  let grants = 0;
  const queue = createCallQueue(clock, async () => {
    await clock.sleep(travelMs[grants] ?? 0);
    grants += 1;
    return 0;
  });
  const taken = queue.take('read');
  await clock.advance(200);
  await taken;
  expect(grants).toBe(2);
});

test('where every grant is long on its way, calls go on', async () => {
  const clock = createVirtualClock();
  let grants = 0;
  const queue = createCallQueue(clock, async () => {
    await clock.sleep(500);
    grants += 1;
    return 0;
  });
  const taken = queue.take('act');
  await clock.advance(2_000);
  await taken;
  expect(grants).toBe(3);
});

test('the wait for a turn is not the way of the grant', async () => {
  const clock = createVirtualClock();
  const waits = [1_000, 0];
  let asked = 0;
  const queue = createCallQueue(clock, () => Promise.resolve(waits[asked++] ?? 0));
  const taken = queue.take('release');
  await clock.advance(1_000);
  await taken;
  expect(asked).toBe(2);
});
