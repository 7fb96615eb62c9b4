import { BusUnavailableError, type Bus } from '@couchestor/shared/bus';
import { createVirtualClock } from '@couchestor/shared/clock';
import type { MoverObserved } from '@couchestor/shared/messages';
import { expect, test, vi } from 'vitest';
import { publishMover } from './publish-mover.ts';

const mover: MoverObserved = {
  instance: 'one',
  version: '1',
  method: 'poolCordon',
  fleetLimit: 4,
  activeMigrations: 0,
  cordonedPools: [],
  cordonedNodes: [],
};

function farewell(writer: { set(): Promise<void>; delete(): Promise<void> }) {
  const clock = createVirtualClock();
  const stop = new AbortController();
  const onLeft = vi.fn();
  const bus = {
    openFactWriter: () => Promise.resolve({ ...writer, [Symbol.asyncDispose]: () => Promise.resolve() }),
  } as unknown as Bus;
  const done = publishMover({ bus, instance: 'one', observe: () => mover, clock, signal: stop.signal, onLeft });
  return { done, onLeft, stop: () => stop.abort(new Error('the migrator stops')) };
}

test('a migrator that stops while the bus is away ends in good order, and says what it left', async () => {
  const { done, onLeft, stop } = farewell({
    set: () => Promise.resolve(),
    delete: () => Promise.reject(new BusUnavailableError('a farewell')),
  });
  stop();
  await done;
  expect(onLeft).toHaveBeenCalledOnce();
});

test('what it was about to say when it stopped is taken back as well', async () => {
  const waiting = Promise.withResolvers<void>();
  const taken = vi.fn(() => Promise.resolve());
  const { done, onLeft, stop } = farewell({ set: () => waiting.promise, delete: taken });
  await Promise.resolve();
  stop();
  waiting.reject(new Error('the migrator stops'));
  await done;
  expect(taken).toHaveBeenCalledOnce();
  expect(onLeft).not.toHaveBeenCalled();
});

test('a defect is no news of a bus that is away', async () => {
  const { done, stop } = farewell({
    set: () => Promise.resolve(),
    delete: () => Promise.reject(new TypeError('oops')),
  });
  stop();
  await expect(done).rejects.toThrow('oops');
});
