import { HISTORY_MAX } from '@couchestor/shared/policy';
import { describe, expect, test } from 'vitest';
import { anEndedMove } from '../../test/builders.ts';
import { foldEnd } from './ledger.ts';
import { emptyLedger, type Ledger } from './status.ts';

const at = (lastSequence: number, streamCreatedAt = 'stream-1') => ({ streamCreatedAt, lastSequence });

describe('foldEnd', () => {
  test('counts a completed move and puts it first in the history', () => {
    const once = foldEnd(emptyLedger, at(1), anEndedMove('m1'));
    const twice = foldEnd(once, at(2), anEndedMove('m2'));
    expect(twice.totalMigrations).toBe(2);
    expect(twice.failedMigrations).toBe(0);
    expect(twice.history.map(({ migrationId }) => migrationId)).toEqual(['m2', 'm1']);
    expect(twice.applied).toEqual(at(2));
  });

  test('counts a failed move as failed, with the words that people grep for', () => {
    const { totalMigrations, failedMigrations, history } = foldEnd(
      emptyLedger,
      at(1),
      anEndedMove('m1', { outcome: { kind: 'failed', reason: 'SyncTimeout', message: 'after 30m' } }),
    );
    expect([totalMigrations, failedMigrations]).toEqual([0, 1]);
    expect(history[0]).toMatchObject({ success: false, error: 'Sync timeout: after 30m' });
  });

  test('tells an aborted move without counting it as failed', () => {
    const { totalMigrations, failedMigrations, history } = foldEnd(
      emptyLedger,
      at(1),
      anEndedMove('m1', { outcome: { kind: 'aborted', reason: 'ByPerson', message: 'asked for' } }),
    );
    expect([totalMigrations, failedMigrations]).toEqual([0, 0]);
    expect(history[0]).toMatchObject({ success: false, error: 'Aborted (ByPerson): asked for' });
  });

  test('leaves a ledger alone that is at the event already, and takes the next one', () => {
    const ledger: Ledger = { ...emptyLedger, applied: at(7) };
    expect(foldEnd(ledger, at(7), anEndedMove('m1'))).toBe(ledger);
    expect(foldEnd(ledger, at(8), anEndedMove('m1')).totalMigrations).toBe(1);
  });

  test('counts a move once though its event was stored twice', () => {
    const once = foldEnd(emptyLedger, at(1), anEndedMove('m1'));
    const again = foldEnd(once, at(2), anEndedMove('m1'));
    expect(again).toEqual({ ...once, applied: at(2) });
  });

  test('counts from the start of a stream that was made again, without counting a known move twice', () => {
    const before = foldEnd({ ...emptyLedger, applied: at(90) }, at(91), anEndedMove('m1'));
    const repeated = foldEnd(before, at(1, 'stream-2'), anEndedMove('m1'));
    const further = foldEnd(repeated, at(2, 'stream-2'), anEndedMove('m2'));
    expect(further.totalMigrations).toBe(2);
    expect(further.applied).toEqual(at(2, 'stream-2'));
  });

  test('cuts a long error between characters, so that it comes back from Kubernetes as it was written', () => {
    const outcome = { kind: 'aborted', reason: 'ByPerson', message: '💾'.repeat(3_000) } as const;
    for (const message of [outcome.message, `x${outcome.message}`]) {
      const { history } = foldEnd(emptyLedger, at(1), anEndedMove('m1', { outcome: { ...outcome, message } }));
      expect(history[0]?.error?.isWellFormed()).toBe(true);
    }
  });

  test(`keeps the latest ${HISTORY_MAX} moves`, () => {
    let ledger = emptyLedger;
    for (let n = 1; n <= HISTORY_MAX + 1; n += 1) ledger = foldEnd(ledger, at(n), anEndedMove(`m${n}`));
    expect(ledger.history).toHaveLength(HISTORY_MAX);
    expect(ledger.history[0]?.migrationId).toBe(`m${HISTORY_MAX + 1}`);
    expect(ledger.history.at(-1)?.migrationId).toBe('m2');
    expect(ledger.totalMigrations).toBe(HISTORY_MAX + 1);
  });
});
