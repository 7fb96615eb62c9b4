import { createVirtualClock } from '@couchestor/shared/clock';
import type { Outcome } from '@couchestor/shared/mayastor';
import { expect, test } from 'vitest';
import { createCordonDoubts } from './cordon-doubts.ts';
import { createCountDoubts } from './count-doubts.ts';

const LATE_MS = 30_000;
const done: Outcome = { kind: 'done', result: undefined } as never;
const unanswered: Outcome = { kind: 'unknown', message: 'no answer in time' } as never;
const refused: Outcome = { kind: 'refused', code: 'NotStarted', leftBehind: 'nothing', message: '', status: 412 };

test('a count without an answer is in doubt for as long as it may be late', async () => {
  const clock = createVirtualClock();
  const count = createCountDoubts({ clock, lateMs: LATE_MS, inheritedUntilMs: 0 });
  count.afterSet(3, done);
  count.afterSet(2, refused);
  expect(count.inDoubt()).toBeUndefined();
  count.afterSet(3, unanswered);
  await clock.advance(LATE_MS - 1);
  expect(count.inDoubt()).toBe(3);
  await clock.advance(1);
  expect(count.inDoubt()).toBeUndefined();
});

test('one that was not refused is unproven until the move is known to have been ours', () => {
  const count = createCountDoubts({ clock: createVirtualClock(), lateMs: LATE_MS, inheritedUntilMs: 0 });
  count.afterSet(3, refused);
  expect(count.unproven).toBeUndefined();
  count.afterSet(3, done);
  expect(count.unproven).toBe(3);
  count.proven();
  expect(count.unproven).toBeUndefined();
  count.afterSet(2, unanswered);
  expect(count.unproven).toBe(2);
});

test('who takes a move over does not know which count may come', async () => {
  const clock = createVirtualClock();
  const count = createCountDoubts({ clock, lateMs: LATE_MS, inheritedUntilMs: 15_000 });
  expect(count.inDoubt()).toBe('any');
  await clock.advance(15_000);
  expect(count.inDoubt()).toBeUndefined();
});

test('a cordon without an answer may be set for as long as it may be late, one with an answer no more', async () => {
  const clock = createVirtualClock();
  await clock.advance(5_000);
  const doubts = createCordonDoubts({ clock, lateMs: LATE_MS, inheritedUntilMs: 0 });
  expect(doubts.afterSet([done, refused])).toBe(0);
  expect(doubts.leftMs()).toBe(0);
  expect(doubts.afterSet([done, unanswered])).toBe(5_000 + LATE_MS);
  expect(doubts.leftMs()).toBe(LATE_MS);
  await clock.advance(LATE_MS);
  expect(doubts.leftMs()).toBe(0);
});

test('a removal without an answer is waited for once it has to be repeated', async () => {
  const clock = createVirtualClock();
  const doubts = createCordonDoubts({ clock, lateMs: LATE_MS, inheritedUntilMs: 0 });
  doubts.beforeLift(['a', 'b']);
  doubts.afterLift(['a', 'b'], [done, unanswered, done]);
  expect(doubts.leftMs()).toBe(0);
  expect(doubts.isLiftInDoubt()).toBe(true);
  await clock.advance(10_000);
  doubts.beforeLift(['a']);
  expect(doubts.leftMs()).toBe(0);
  doubts.beforeLift(['b']);
  expect(doubts.leftMs()).toBe(LATE_MS - 10_000);
});

test('removals that were answered leave no doubt, and that of a node’s cordon leaves one that no pool has', () => {
  const doubts = createCordonDoubts({ clock: createVirtualClock(), lateMs: LATE_MS, inheritedUntilMs: 0 });
  doubts.afterLift(['a'], [done, refused]);
  expect(doubts.isLiftInDoubt()).toBe(false);
  doubts.afterLift(['a'], [done, unanswered]);
  expect(doubts.isLiftInDoubt()).toBe(true);
  doubts.beforeLift(['a']);
  expect(doubts.leftMs()).toBe(0);
});
