import { BusUnavailableError } from '@couchestor/shared/bus';
import { createVirtualClock } from '@couchestor/shared/clock';
import { RedisUnavailableError } from '@couchestor/shared/leases';
import { expect, test } from 'vitest';
import { createOutageLog } from './outage-log.ts';

const redisAway = new RedisUnavailableError('ping', 'no answer');

function collect() {
  const clock = createVirtualClock();
  const lines: string[] = [];
  const at = (level: string) => (_: object, message: string) => void lines.push(`${level} ${message}`);
  const log = createOutageLog({ info: at('info'), warn: at('warn'), error: at('error') }, clock);
  return { clock, lines, log };
}

test('an outage is told once for each thing that it stops, and again after five minutes', async () => {
  const { clock, lines, log } = collect();
  for (const volumeId of ['a', 'b']) log.info({ volumeId, err: redisAway }, 'lease not renewed');
  log.warn({ err: redisAway }, 'fence not renewed');
  log.info({ err: new BusUnavailableError('x') }, 'lease not renewed');
  expect(lines).toEqual(['info lease not renewed', 'warn fence not renewed', 'info lease not renewed']);
  await clock.advance(300_000);
  log.info({ err: redisAway }, 'lease not renewed');
  expect(lines).toHaveLength(4);
});

test('the next outage of what came back in between is told', () => {
  const { lines, log } = collect();
  log.info({ err: redisAway }, 'lease not renewed');
  log.over('COUCHESTOR_BUS_UNAVAILABLE');
  log.info({ err: redisAway }, 'lease not renewed');
  expect(lines).toHaveLength(1);
  log.over('COUCHESTOR_REDIS_UNAVAILABLE');
  log.info({ err: redisAway }, 'lease not renewed');
  expect(lines).toHaveLength(2);
});

test('all else is passed on each time', () => {
  const { lines, log } = collect();
  for (const err of [new Error('defect'), undefined]) log.error({ err }, 'a move ended by a defect');
  log.info({}, 'migration accepted');
  log.info({}, 'migration accepted');
  expect(lines).toHaveLength(4);
});
