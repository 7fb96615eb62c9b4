import { BusUnavailableError, type IntentStore } from '@couchestor/shared/bus';
import { createVirtualClock } from '@couchestor/shared/clock';
import { expect, test } from 'vitest';
import { anIntent } from '../test/evidence.ts';
import { createMoveRecord } from './move-record.ts';

const TIMEOUT_MS = 5_000;

test('a write that has no answer is given up in time, and its record is in doubt', async () => {
  const clock = createVirtualClock();
  const never = (_: unknown, __: unknown, signal?: AbortSignal): Promise<never> =>
    new Promise((_resolve, reject) => {
      signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
  const intents: Pick<IntentStore, 'update'> = { update: never };
  const intent = anIntent({ placement: ['sata-n1'] });
  const record = createMoveRecord({
    start: { intent, revision: 1 },
    token: intent.ownerToken,
    intents: intents as IntentStore,
    events: { publish: () => Promise.resolve() },
    clock,
    timeoutMs: TIMEOUT_MS,
    signal: new AbortController().signal,
    onStored: () => undefined,
  });
  const ends: unknown[] = [];
  void record.write(intent).catch((error: unknown) => ends.push(error));
  await clock.advance(TIMEOUT_MS - 1);
  expect(ends).toEqual([]);
  await clock.advance(1);
  expect(ends).toEqual([expect.any(BusUnavailableError)]);
  expect(record.isUnsettled).toBe(true);
});
