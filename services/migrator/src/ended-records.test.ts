import type { StoredIntent } from '@couchestor/shared/bus';
import { createVirtualClock } from '@couchestor/shared/clock';
import { expect, test } from 'vitest';
import { anIntent } from '../test/evidence.ts';
import { ended } from './core/intent-changes.ts';
import { createEndedRecords, OUTBOX_PATIENCE_MS } from './ended-records.ts';

/** The record of a volume that is no more, and what is done with it. */
function withRecordOf({ isTold }: { readonly isTold: boolean }) {
  const clock = createVirtualClock();
  const end = { outcome: 'aborted', reason: 'VolumeDeleted', message: 'it was deleted' } as const;
  const record = ended(anIntent({ placement: ['sata-n1'] }), end, 'absent', clock.nowMs(), { baseMs: 1_000 });
  const stored: StoredIntent = { intent: isTold ? { ...record, outbox: [] } : record, revision: 7 };
  const done: string[] = [];
  const records = createEndedRecords({
    board: { all: () => new Map([[record.volumeId, stored]]) },
    intents: {
      update: (intent, revision) => {
        done.push(`stores ${intent.outbox.length} untold over ${revision}`);
        return Promise.resolve(revision + 1);
      },
      delete: (_, revision) => {
        done.push(`deletes ${revision}`);
        return Promise.resolve();
      },
    },
    events: {
      publish: (name) => {
        done.push(`tells ${name}`);
        return Promise.resolve();
      },
    },
    world: { synced: () => true, volume: () => undefined },
    mayastor: { readVolume: () => Promise.resolve('absent' as const) },
    clock,
    signal: new AbortController().signal,
    isRunning: () => false,
  });
  return { clock, done, records };
}

test('what a record still lists is told before it goes with its volume, each once whoever wrote it had its time', async () => {
  const untold = withRecordOf({ isTold: false });
  await untold.records.tellForgotten();
  await untold.clock.advance(OUTBOX_PATIENCE_MS + 1);
  await untold.records.forgetDeleted();
  expect(untold.done).toEqual([]);
  await untold.records.tellForgotten();
  expect(untold.done).toEqual(['tells migration.aborted', 'stores 0 untold over 7']);

  const told = withRecordOf({ isTold: true });
  await told.records.forgetDeleted();
  expect(told.done).toEqual([]);
  await told.clock.advance(OUTBOX_PATIENCE_MS + 1);
  await told.records.forgetDeleted();
  expect(told.done).toEqual(['deletes 7']);
});
