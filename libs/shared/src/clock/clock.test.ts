import { describe, expect, test } from 'vitest';
import { createSystemClock, createVirtualClock, pause } from './index.ts';

describe.each([
  ['the clock of the machine', createSystemClock],
  ['a virtual clock', createVirtualClock],
])('%s', (_, create) => {
  test('a sleep that is aborted rejects with the reason, also if it was aborted before', async () => {
    const clock = create();
    const reason = new Error('enough');
    const later = new AbortController();
    const sleeping = clock.sleep(60_000, later.signal);
    later.abort(reason);
    await expect(sleeping).rejects.toBe(reason);
    await expect(clock.sleep(60_000, AbortSignal.abort(reason))).rejects.toBe(reason);
  });

  test('a pause says whether it was the signal that ended it', async () => {
    const clock = create();
    expect(await pause(clock, 60_000, AbortSignal.abort(new Error('enough')))).toBe(false);
  });
});

test('timers of a virtual clock run in order of time, those of one moment in the order they were set', async () => {
  const clock = createVirtualClock(0);
  const ran: string[] = [];
  clock.after(20, () => ran.push('late'));
  clock.after(10, () => ran.push('first'));
  clock.after(10, () => ran.push('second'));
  const cancel = clock.after(15, () => ran.push('never'));
  cancel();
  await clock.advance(15);
  expect(ran).toEqual(['first', 'second']);
  expect(clock.monotonicMs()).toBe(15);
  await clock.advance(5);
  expect(ran).toEqual(['first', 'second', 'late']);
});
