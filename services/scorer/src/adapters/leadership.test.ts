import { createVirtualClock } from '@couchestor/shared/clock';
import { createMemoryLeases, createMemoryLeaseServer } from '@couchestor/shared/leases';
import { createLogger } from '@couchestor/shared/service';
import { expect, test } from 'vitest';
import { createLeadership, LEADERSHIP_TTL_MS } from './leadership.ts';

const logger = createLogger({ service: 'scorer', level: 'error' });

test('one of two leads, and the other takes over when it gives the lead back', async () => {
  const clock = createVirtualClock();
  const server = createMemoryLeaseServer({ clock });
  const of = (instance: string) =>
    createLeadership(createMemoryLeases({ clock, server, ttlMs: LEADERSHIP_TTL_MS }), instance, clock, logger);
  const [first, second] = [of('scorer-1'), of('scorer-2')];
  const changes: boolean[] = [];
  second.onChange((leading) => changes.push(leading));
  const [firstEnds, secondEnds] = [new AbortController(), new AbortController()];
  const runs = [first.run(firstEnds.signal)];
  await clock.advance(0);
  runs.push(second.run(secondEnds.signal));
  await clock.advance(60_000);
  expect([first.isLeader(), second.isLeader()]).toEqual([true, false]);

  firstEnds.abort();
  await clock.advance(2_000);
  expect([first.isLeader(), second.isLeader()]).toEqual([false, true]);
  expect(changes).toEqual([true]);

  secondEnds.abort();
  await clock.advance(0);
  await Promise.all(runs);
  expect(second.isLeader()).toBe(false);
});

test('another one takes over within 15 s when the one that leads is killed', async () => {
  const clock = createVirtualClock();
  const server = createMemoryLeaseServer({ clock });
  const leases = () => createMemoryLeases({ clock, server, ttlMs: LEADERSHIP_TTL_MS });
  expect(await leases().acquireLeadership('scorer', 'killed')).toMatchObject({ granted: true });
  const other = createLeadership(leases(), 'scorer-2', clock, logger);
  const ending = new AbortController();
  const running = other.run(ending.signal);
  await clock.advance(LEADERSHIP_TTL_MS - 1);
  expect(other.isLeader()).toBe(false);
  await clock.advance(15_000 - LEADERSHIP_TTL_MS);
  expect(other.isLeader()).toBe(true);
  ending.abort();
  await clock.advance(0);
  await running;
});

test('a lead that lapsed while Redis did not answer and is won again is another one', async () => {
  const clock = createVirtualClock();
  const server = createMemoryLeaseServer({ clock });
  const leases = createMemoryLeases({ clock, server, ttlMs: LEADERSHIP_TTL_MS });
  let answering = true;
  const slow: typeof leases = {
    ...leases,
    renewLeadership: async (...asked) => {
      if (!answering) await clock.sleep(3 * LEADERSHIP_TTL_MS);
      return leases.renewLeadership(...asked);
    },
  };
  const leadership = createLeadership(slow, 'scorer-1', clock, logger);
  const changes: boolean[] = [];
  leadership.onChange((leading) => changes.push(leading));
  const ending = new AbortController();
  const running = leadership.run(ending.signal);
  await clock.advance(0);
  expect(changes).toEqual([true]);
  answering = false;
  await clock.advance(2_000);
  answering = true;
  await clock.advance(4 * LEADERSHIP_TTL_MS);
  expect(leadership.isLeader()).toBe(true);
  expect(changes).toEqual([true, false, true]);
  ending.abort();
  await clock.advance(0);
  await running;
});
