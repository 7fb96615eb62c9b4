import { expect, test } from 'vitest';
import { anIntent, aRound, aVolume, START_MS } from '../../test/evidence.ts';
import { attentionOver, ended, rolledBack } from './intent-changes.ts';

const placement = ['sata-n1', 'sata-n2'];
const aborted = { outcome: 'aborted', reason: 'AbortRequested', message: '' } as const;
const backoff = { baseMs: 1_000 };
const lastCompletedAt = '2026-06-14T12:00:00.000Z';

test('the record of an end keeps what pauses are counted from', () => {
  const intent = anIntent({ placement, regretsInRow: 2, lastCompletedAt });
  const volume = aVolume({ placement });
  expect(ended(intent, aborted, volume, START_MS, backoff)).toMatchObject({ regretsInRow: 2, lastCompletedAt });
  const bare = ended(anIntent({ placement }), aborted, volume, START_MS, backoff);
  expect(bare).not.toHaveProperty('regretsInRow');
  expect(bare).not.toHaveProperty('lastCompletedAt');
});

test('it lists the replicas that are there, or those of before while they are not as many as wanted', () => {
  const poolsLeft = (volume: ReturnType<typeof aVolume> | 'absent') =>
    ended(anIntent({ placement }), aborted, volume, START_MS, backoff).replicas?.map(({ pool }) => pool);
  expect(poolsLeft(aVolume({ placement: ['sata-n1', 'nvme-n3'] }))).toEqual(['sata-n1', 'nvme-n3']);
  expect(poolsLeft(aVolume({ placement: ['sata-n1', 'nvme-n3'], replicaCount: 3 }))).toEqual(placement);
  expect(poolsLeft(aVolume({ placement: ['nvme-n3'], replicaCount: 2 }))).toEqual(placement);
  expect(poolsLeft('absent')).toEqual(placement);
});

test('who rolls back, or was waited for, has all tries again, but for the one that tells that something was tried', () => {
  const triesAfter = (order: 'shrinkFirst' | undefined, change: typeof attentionOver) => {
    const tried = { growths: 6, shrinks: 6, ...(order === undefined ? {} : { order }) };
    const { round } = change({ ...anIntent({ placement }), round: aRound(placement, 'nvme-n3', tried) });
    return [round?.growths, round?.shrinks];
  };
  for (const change of [attentionOver, (intent: ReturnType<typeof anIntent>) => rolledBack(intent, aborted)]) {
    expect(triesAfter(undefined, change)).toEqual([6, 1]);
    expect(triesAfter('shrinkFirst', change)).toEqual([1, 1]);
  }
});

test('a volume is left alone for twice as long after each failure in a row, a day at most, and once after an abort', () => {
  const DAY_MS = 24 * 3_600_000;
  const failed = { outcome: 'failed', reason: 'SyncTimeout', message: '' } as const;
  const pauseMs = (end: typeof failed | typeof aborted, failuresInRow: number): number => {
    const { retryAt = '' } = ended({ ...anIntent({ placement }), failuresInRow }, end, 'absent', START_MS, backoff);
    return Date.parse(retryAt) - START_MS;
  };
  expect([0, 1, 2, 3].map((failures) => pauseMs(failed, failures))).toEqual([1_000, 2_000, 4_000, 8_000]);
  expect(pauseMs(failed, 16)).toBe(65_536_000);
  expect(pauseMs(failed, 17)).toBe(DAY_MS);
  expect(pauseMs(failed, 2_000)).toBe(DAY_MS);
  expect(pauseMs(aborted, 3)).toBe(1_000);
});
