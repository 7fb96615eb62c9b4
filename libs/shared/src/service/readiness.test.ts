import { expect, test } from 'vitest';
import { createVirtualClock } from '../clock/index.ts';
import { createReadiness } from './readiness.ts';

test('a service is ready when all that it requires is', async () => {
  const readiness = createReadiness(createVirtualClock());
  readiness.add('nats', () => ({ ready: true }));
  readiness.add('events', () => ({ ready: false, reason: 'no stream' }), { required: false });
  expect(await readiness.report()).toEqual({
    ready: true,
    dependencies: [
      { name: 'nats', required: true, ok: true },
      { name: 'events', required: false, ok: false, reason: 'no stream' },
    ],
  });
  readiness.add('nats', () => ({ ready: false, reason: 'disconnected' }));
  expect(await readiness.report()).toMatchObject({ ready: false });
});

test('a check that throws or rejects is a dependency that is not ready', async () => {
  const readiness = createReadiness(createVirtualClock());
  readiness.add('thrower', () => {
    throw new Error('broken');
  });
  readiness.add('rejecter', () => Promise.reject(new Error('refused')));
  expect(await readiness.report()).toMatchObject({
    ready: false,
    dependencies: [{ reason: 'broken' }, { reason: 'refused' }],
  });
});

test('a check that hangs does not hold up the report', async () => {
  const clock = createVirtualClock();
  const readiness = createReadiness(clock);
  readiness.add('hanging', () => new Promise(() => undefined));
  const report = readiness.report();
  await clock.advance(2_000);
  expect(await report).toMatchObject({
    ready: false,
    dependencies: [{ reason: 'no answer within 2000 ms' }],
  });
});
