import { createVirtualClock } from '@couchestor/shared/clock';
import type { Outcome } from '@couchestor/shared/mayastor';
import type { ActiveIntent, Intent } from '@couchestor/shared/messages';
import { expect, test, vi } from 'vitest';
import { anIntent, aRound } from '../test/evidence.ts';
import { whileRunning } from '../test/move-world.ts';
import { createCordonDoubts } from './cordon-doubts.ts';
import { createCordons, type Cordons } from './cordons.ts';

const move = anIntent({ placement: ['sata-n1'] });
const done: Outcome = { kind: 'done', result: undefined } as never;
const notStarted: Outcome = {
  kind: 'refused',
  code: 'NotStarted',
  leftBehind: 'nothing',
  message: 'not now',
  status: undefined,
};

/** Cordons of a move that went to another while they were set, so that each has to be taken away again. */
function lateCordons(
  uncordonPool: () => Promise<Outcome>,
  stored?: Intent,
  cordonPool: () => Promise<Outcome> = () => Promise.resolve(done),
) {
  const clock = createVirtualClock();
  const stopping = new AbortController();
  const error = vi.fn();
  const queue = vi.fn(() => Promise.resolve());
  const drop = vi.fn(() => Promise.resolve());
  const doubts = createCordonDoubts({ clock, lateMs: 30_000, inheritedUntilMs: 0 });
  const cordons: Cordons = createCordons({
    migrationId: move.migrationId,
    mayastor: {
      cordonPool,
      uncordonPool,
      cordonNode: () => Promise.resolve(done),
      uncordonNode: () => Promise.resolve(done),
    },
    record: { stored: () => Promise.resolve(stored), intent: move },
    ownership: { lost: true },
    fence: { queue, drop, isNobodys: false },
    clock,
    signal: new AbortController().signal,
    stopping: stopping.signal,
    doubts,
    guards: { mayCallFenced: () => true, mayLift: () => true, mayLiftPool: () => true, mayWaitToLift: () => true },
    settle: (_, outcomes) => outcomes.every(({ kind }) => kind === 'done'),
    logger: { error },
    who: {},
  });
  return { cordons, doubts, clock, stopping, error, queue, drop };
}

test('a late cordon of a pool is taken away under the fence, which is given back', async () => {
  const uncordonPool = vi.fn(() => Promise.resolve(done));
  const { cordons, clock, error, queue, drop } = lateCordons(uncordonPool);
  await whileRunning(clock, cordons.set('pool', ['a', 'b']));
  expect(uncordonPool).toHaveBeenCalledTimes(2);
  expect(queue).toHaveBeenCalledOnce();
  expect(drop).toHaveBeenCalledOnce();
  expect(error).not.toHaveBeenCalled();
});

test('a process that stops does not follow it for long, and says what it leaves', async () => {
  const { cordons, clock, stopping, error } = lateCordons(() => Promise.resolve(notStarted));
  let stoppedAtMs = 0;
  clock.after(33_000, () => {
    stoppedAtMs = clock.monotonicMs();
    stopping.abort(new Error('the process stops'));
  });
  await whileRunning(clock, cordons.set('pool', ['a']));
  expect(stoppedAtMs).toBeGreaterThan(0);
  expect(clock.monotonicMs() - stoppedAtMs).toBeLessThanOrEqual(11_000);
  expect(error).toHaveBeenCalledWith({ pool: ['a'] }, 'cordons that came too late may be left');
});

const listing = (ownerToken: number): ActiveIntent => ({
  ...move,
  ownerToken,
  round: aRound(['sata-n1'], 'nvme-n3', { fence: { kind: 'pool', ours: ['a'], foreign: [] } }),
});
const unanswered: Outcome = { kind: 'unknown', message: 'no answer in time' } as never;

test('what the record lists is left to whoever takes the move up, once it can come no more', async () => {
  const uncordonPool = vi.fn(() => Promise.resolve(done));
  const answered = lateCordons(uncordonPool, listing(move.ownerToken));
  await whileRunning(answered.clock, answered.cordons.set('pool', ['a']));
  expect(answered.clock.monotonicMs()).toBe(0);
  const late = lateCordons(uncordonPool, listing(move.ownerToken), () => Promise.resolve(unanswered));
  await whileRunning(late.clock, late.cordons.set('pool', ['a']));
  expect(late.clock.monotonicMs()).toBeGreaterThanOrEqual(30_000);
  expect(late.clock.monotonicMs()).toBeLessThan(40_000);
  expect(uncordonPool).not.toHaveBeenCalled();
});

test('what another lists who has the move is looked at again, since it may have looked before it came', async () => {
  const uncordonPool = vi.fn(() => Promise.resolve(done));
  const { cordons, clock, error } = lateCordons(uncordonPool, listing(move.ownerToken + 1));
  await whileRunning(clock, cordons.set('pool', ['a']));
  expect(clock.monotonicMs()).toBeGreaterThanOrEqual(5 * 60_000);
  expect(error).toHaveBeenCalledOnce();
});

test('a removal without an answer is in doubt until it can come no more, or nothing is shown any more', async () => {
  const { cordons, doubts, clock } = lateCordons(() => Promise.resolve(unanswered));
  expect(doubts.isLiftInDoubt()).toBe(false);
  await cordons.lift(['a'], []);
  expect(doubts.isLiftInDoubt()).toBe(true);
  await clock.advance(29_999);
  expect(doubts.isLiftInDoubt()).toBe(true);
  await clock.advance(1);
  expect(doubts.isLiftInDoubt()).toBe(false);
  await cordons.lift(['a'], []);
  doubts.areGone();
  expect(doubts.isLiftInDoubt()).toBe(false);
});
