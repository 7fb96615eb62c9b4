import { createVirtualClock } from '@couchestor/shared/clock';
import { RedisUnavailableError } from '@couchestor/shared/leases';
import { createRateLimiter, type CallKind } from '@couchestor/shared/mayastor';
import { expect, test } from 'vitest';
import { createPace } from './pace.ts';

function paced(takeCall: () => Promise<number>) {
  const clock = createVirtualClock();
  const alone = createRateLimiter({ callsPerSecond: 2, clock });
  const aloneAtMs: number[] = [];
  const onAlone = (): unknown => aloneAtMs.push(clock.monotonicMs() - begin);
  const pace = createPace({ takeCall, alone, onAlone, clock });
  const madeAtMs: number[] = [];
  const begin = clock.monotonicMs();
  const make = (kind: CallKind): Promise<unknown> =>
    pace(kind, 50).then(() => madeAtMs.push(clock.monotonicMs() - begin));
  return { clock, make, madeAtMs, aloneAtMs };
}

const away = (): Promise<number> => Promise.reject(new RedisUnavailableError('takeCall', 'no answer'));

test('without Redis cordons are removed after a pause, by a budget of our own, and nothing else is called', async () => {
  const { clock, make, madeAtMs } = paced(away);
  await expect(make('read')).rejects.toThrow(RedisUnavailableError);
  await expect(make('write')).rejects.toThrow(RedisUnavailableError);
  const removals = [make('release'), make('release'), make('release')];
  await clock.advance(5_000);
  await Promise.all(removals);
  expect(madeAtMs).toEqual([2_050, 2_050, 3_150]);
});

test('each outage has its pause, with Redis there is none', async () => {
  let isAway = true;
  const { clock, make, madeAtMs, aloneAtMs } = paced(() =>
    isAway ? away() : Promise.resolve(Number.POSITIVE_INFINITY),
  );
  const first = make('release');
  await clock.advance(3_000);
  await first;
  isAway = false;
  await make('release');
  await clock.advance(3_000);
  isAway = true;
  const second = make('release');
  await clock.advance(3_000);
  await second;
  expect(madeAtMs).toEqual([2_050, 3_000, 8_050]);
  expect(aloneAtMs).toEqual([2_050, 8_050]);
});

test('what is no outage is passed on', async () => {
  const { make } = paced(() => Promise.reject(new Error('stopped')));
  await expect(make('release')).rejects.toThrow('stopped');
});
