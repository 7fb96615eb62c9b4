import { createVirtualClock } from '@couchestor/shared/clock';
import { createLogger } from '@couchestor/shared/service';
import { expect, test } from 'vitest';
import { aPolicy, aVolume, outcomeOf } from '../test/worlds.ts';
import type { Decision } from './core/decision.ts';
import { allSteps } from './core/steps.ts';
import { createScoreLog } from './score-log.ts';

interface Line {
  readonly msg: string;
  readonly volume?: string;
  readonly level: string;
}

function bench() {
  const clock = createVirtualClock();
  const lines: Line[] = [];
  const logger = createLogger({
    service: 'scorer',
    level: 'info',
    destination: { write: (line) => lines.push(JSON.parse(line) as Line) },
  });
  const log = createScoreLog(logger, clock);
  return {
    clock,
    log,
    /** The lines since it was last asked. */
    taken: (msg: string): Line[] => lines.splice(0).filter((line) => line.msg.startsWith(msg)),
  };
}

function decisionsOf(iops: Readonly<Record<string, number>>, stored: object = {}): readonly Decision[] {
  const volumes = Object.keys(iops).map((id) => aVolume(id, ['cold-1']));
  return outcomeOf(volumes, aPolicy(iops, { ...stored })).decisions;
}

test('a score is written when it is new, has changed for more than noise, or was last written 5 minutes ago', async () => {
  const { clock, log, taken } = bench();
  allSteps(log.writing(decisionsOf({ v: 500 })));
  expect(taken('heat score')).toMatchObject([{ volume: 'pv-v', iops: 500, coverage: 1, tier: 'cold', level: 'INFO' }]);
  await clock.advance(60_000);
  allSteps(log.writing(decisionsOf({ v: 599 })));
  expect(taken('heat score')).toEqual([]);
  allSteps(log.writing(decisionsOf({ v: 601 })));
  expect(taken('heat score')).toMatchObject([{ iops: 601 }]);
  await clock.advance(299_999);
  allSteps(log.writing(decisionsOf({ v: 601 })));
  expect(taken('heat score')).toEqual([]);
  await clock.advance(1);
  allSteps(log.writing(decisionsOf({ v: 601 })));
  expect(taken('heat score')).toHaveLength(1);
});

test('a score that wanders is written every 10 s at most, one that crosses a watermark at once', async () => {
  const { clock, log, taken } = bench();
  allSteps(log.writing(decisionsOf({ v: 200 })));
  allSteps(log.writing(decisionsOf({ v: 800 })));
  expect(taken('heat score')).toHaveLength(1);
  allSteps(log.writing(decisionsOf({ v: 1_000 })));
  expect(taken('heat score')).toHaveLength(1);
  await clock.advance(10_000);
  allSteps(log.writing(decisionsOf({ v: 5_000 })));
  expect(taken('heat score')).toHaveLength(1);
});

test('of a fleet of more than 500 watched volumes only those that cross a watermark are written', () => {
  const { log, taken } = bench();
  const fleet = (count: number, first: number) =>
    decisionsOf(Object.fromEntries(Array.from({ length: count }, (_, n) => [`v${n}`, n === 0 ? first : 500])));
  allSteps(log.writing(fleet(501, 500)));
  expect(taken('heat score')).toEqual([]);
  allSteps(log.writing(fleet(501, 900)));
  expect(taken('heat score')).toEqual([]);
  allSteps(log.writing(fleet(501, 5_000)));
  expect(taken('heat score')).toMatchObject([{ volume: 'pv-v0' }]);
  const few = bench();
  allSteps(few.log.writing(fleet(500, 500)));
  expect(few.taken('heat score')).toHaveLength(500);
});

test('what a dry run would do is written once for each change', async () => {
  const { clock, log, taken } = bench();
  const dry = (iops: number) => decisionsOf({ v: iops }, { dryRun: true });
  allSteps(log.writing(dry(5_000)));
  expect(taken('DRY-RUN')).toMatchObject([
    { volume: 'pv-v', from: 'cold', to: 'hot', score: 5_000, reason: expect.stringContaining('high watermark') },
  ]);
  allSteps(log.writing(dry(6_000)));
  expect(taken('DRY-RUN')).toEqual([]);
  allSteps(log.writing(dry(500)));
  allSteps(log.writing(dry(6_000)));
  expect(taken('DRY-RUN')).toHaveLength(1);
  await clock.advance(300_000);
  allSteps(log.writing(dry(6_000)));
  expect(taken('DRY-RUN')).toHaveLength(1);
});

test('a lost connection is written when it is lost, every 5 minutes, and when it is back', async () => {
  const { clock, log, taken } = bench();
  log.connection('refused');
  log.connection('timed out');
  expect(taken('Prometheus connection')).toMatchObject([{ level: 'WARN', msg: 'Prometheus connection lost' }]);
  await clock.advance(300_000);
  log.connection('refused');
  expect(taken('Prometheus connection')).toHaveLength(1);
  log.connection(undefined);
  expect(taken('Prometheus connection')).toMatchObject([{ level: 'INFO', msg: 'Prometheus connection healthy' }]);
});
