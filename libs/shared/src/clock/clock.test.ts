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

test.each([1, 2, 64])(
  'with %i timers in one turn promises settle after each, and the end is exact',
  async (perTurn) => {
    const clock = createVirtualClock();
    const said: string[] = [];
    const settleSlowly = async (ms: number): Promise<void> => {
      for (let hop = 0; hop < 100; hop += 1) await Promise.resolve();
      said.push(`${ms} has settled`);
    };
    for (let ms = 1; ms <= 5; ms += 1) {
      clock.after(ms, () => {
        said.push(String(ms));
        void settleSlowly(ms);
      });
    }
    expect(await clock.runUntil(() => said.length >= 6, 10, perTurn)).toBe(true);
    expect(said).toEqual(['1', '1 has settled', '2', '2 has settled', '3', '3 has settled']);
    expect(await clock.runUntil(() => false, 1, perTurn)).toBe(false);
    expect(clock.monotonicMs()).toBe(4);
    await expect(
      clock.runUntil(
        () => {
          throw new Error('cannot say');
        },
        1,
        perTurn,
      ),
    ).rejects.toThrow('cannot say');
  },
);
