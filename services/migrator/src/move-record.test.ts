import { BusUnavailableError, ConflictError, type IntentStore, type StoredIntent } from '@couchestor/shared/bus';
import { createVirtualClock } from '@couchestor/shared/clock';
import { expect, test } from 'vitest';
import type { Intent } from '@couchestor/shared/messages';
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

test('after a write without an answer what is stored is written again, so that the one on its way comes too late', async () => {
  const clock = createVirtualClock();
  const intent = anIntent({ placement: ['sata-n1'] });
  let stored: StoredIntent = { intent, revision: 1 };
  const update = (next: Intent, revision: number): Promise<number> => {
    if (revision !== stored.revision) return Promise.reject(new ConflictError(next.volumeId));
    stored = { intent: next, revision: revision + 1 };
    return Promise.resolve(stored.revision);
  };
  let isAway = true;
  const intents: Pick<IntentStore, 'get' | 'update'> = {
    get: () => Promise.resolve(stored),
    update: (next, revision) =>
      isAway ? Promise.reject(new BusUnavailableError('a write of the intent')) : update(next, revision),
  };
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
  const late = { ...intent, replicasMoved: 1 };
  await expect(record.write(late)).rejects.toThrow(BusUnavailableError);
  isAway = false;
  await record.settle();
  expect(record.isUnsettled).toBe(false);
  expect(record.intent).toEqual(intent);
  await expect(update(late, 1)).rejects.toThrow(ConflictError);
});
