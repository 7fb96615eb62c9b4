import { createVirtualClock } from '@couchestor/shared/clock';
import { BusUnavailableError, type StoredIntent } from '@couchestor/shared/bus';
import { RedisUnavailableError } from '@couchestor/shared/leases';
import { expect, test } from 'vitest';
import { anIntent } from '../test/evidence.ts';
import { createCordonSweep } from './sweep-cordons.ts';

const MINUTE_MS = 60_000;
const signal = new AbortController().signal;

function sweepWorld() {
  const clock = createVirtualClock();
  const records = new Map<string, StoredIntent>();
  const removed: string[] = [];
  const said: string[] = [];
  const outcomes: unknown[] = [];
  const state: { mayLift: boolean; failure: Error | undefined; removalFails: Error | undefined } = {
    mayLift: true,
    failure: undefined,
    removalFails: undefined,
  };
  const sweep = createCordonSweep({
    intents: { list: () => (state.failure === undefined ? Promise.resolve(records) : Promise.reject(state.failure)) },
    mayastor: {
      uncordonNode: (node, label, mayStart) => {
        if (state.removalFails !== undefined) return Promise.reject(state.removalFails);
        if (!mayStart()) return Promise.resolve({ kind: 'refused', code: 'NotStarted', message: '' } as never);
        removed.push(`${node}/${label}`);
        return Promise.resolve({ kind: 'done', result: undefined });
      },
    },
    permission: { mayLift: () => state.mayLift },
    clock,
    logger: {
      warn: (fields) => outcomes.push((fields as { readonly outcome?: unknown }).outcome),
      info: (_fields, message) => said.push(message),
    },
    leadMs: 2_000,
  });
  const see = async (...cordonLabels: string[]): Promise<void> => sweep([{ id: 'n1', cordonLabels }], signal);
  return { clock, records, removed, said, outcomes, state, see };
}

test('a cordon of ours that no move in flight has is taken away after five minutes', async () => {
  const { clock, removed, see } = sweepWorld();
  await see('couchestor-gone', 'maintenance');
  await clock.advance(4 * MINUTE_MS);
  await see('couchestor-gone', 'maintenance');
  expect(removed).toEqual([]);
  await clock.advance(MINUTE_MS);
  await see('couchestor-gone', 'maintenance');
  expect(removed).toEqual(['n1/couchestor-gone']);
});

test('that of a move in flight stays, and so does one that was gone in between', async () => {
  const { clock, records, removed, see } = sweepWorld();
  records.set('v', { intent: anIntent({ placement: ['sata-n1'], migrationId: 'live' }), revision: 1 });
  await see('couchestor-live', 'couchestor-other');
  await clock.advance(3 * MINUTE_MS);
  await see('couchestor-live');
  await clock.advance(3 * MINUTE_MS);
  await see('couchestor-live', 'couchestor-other');
  expect(removed).toEqual([]);
});

test('without a permit it waits', async () => {
  const { clock, removed, state, see } = sweepWorld();
  await see('couchestor-gone');
  await clock.advance(5 * MINUTE_MS);
  state.mayLift = false;
  await see('couchestor-gone');
  expect(removed).toEqual([]);
  state.mayLift = true;
  await see('couchestor-gone');
  expect(removed).toEqual(['n1/couchestor-gone']);
});

test('while the intents cannot be read it says so and tries again; a defect is not hidden', async () => {
  const { clock, removed, said, state, see } = sweepWorld();
  await see('couchestor-gone');
  await clock.advance(5 * MINUTE_MS);
  state.failure = new BusUnavailableError('listing intents');
  await see('couchestor-gone');
  expect(said).toEqual(['cordons of no move were not looked for, trying again']);
  state.failure = new TypeError('a defect');
  await expect(see('couchestor-gone')).rejects.toThrow('a defect');
  state.failure = undefined;
  await see('couchestor-gone');
  expect(removed).toEqual(['n1/couchestor-gone']);
});

test('what came of a removal is said; one that a dependency prevents is tried again', async () => {
  const { clock, removed, said, outcomes, state, see } = sweepWorld();
  await see('couchestor-gone');
  await clock.advance(5 * MINUTE_MS);
  state.removalFails = new RedisUnavailableError('takeCall', 'no answer');
  await see('couchestor-gone');
  expect(said).toEqual(['cordons of no move were not looked for, trying again']);
  expect(outcomes).toEqual([]);
  state.removalFails = undefined;
  await see('couchestor-gone');
  expect(removed).toEqual(['n1/couchestor-gone']);
  expect(outcomes).toEqual(['done']);
});
