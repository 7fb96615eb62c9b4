import { createVirtualClock } from '@couchestor/shared/clock';
import type { Outcome } from '@couchestor/shared/mayastor';
import { expect, test, vi } from 'vitest';
import { whileRunning } from '../test/move-world.ts';
import { createCordons, type Cordons } from './cordons.ts';

const done: Outcome = { kind: 'done', result: undefined } as never;
const notStarted: Outcome = {
  kind: 'refused',
  code: 'NotStarted',
  leftBehind: 'nothing',
  message: 'not now',
  status: undefined,
};

/** Cordons of a move that went to another while they were set, so that each has to be taken away again. */
function lateCordons(uncordonPool: () => Promise<Outcome>) {
  const clock = createVirtualClock();
  const stopping = new AbortController();
  const error = vi.fn();
  const queue = vi.fn(() => Promise.resolve());
  const drop = vi.fn(() => Promise.resolve());
  const cordons: Cordons = createCordons({
    migrationId: 'm',
    mayastor: {
      cordonPool: () => Promise.resolve(done),
      uncordonPool,
      cordonNode: () => Promise.resolve(done),
      uncordonNode: () => Promise.resolve(done),
    },
    record: { stored: () => Promise.resolve(undefined) },
    ownership: { lost: true },
    fence: { queue, drop, isNobodys: false },
    clock,
    signal: new AbortController().signal,
    stopping: stopping.signal,
    lateMs: 30_000,
    inheritedDoubtUntilMs: 0,
    maySet: () => true,
    mayLiftNode: () => true,
    mayLiftPool: () => true,
    mayWait: () => true,
    settle: (_, outcomes) => outcomes.every(({ kind }) => kind === 'done'),
    logger: { error },
    who: {},
  });
  return { cordons, clock, stopping, error, queue, drop };
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
